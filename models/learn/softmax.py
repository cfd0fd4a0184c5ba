"""Multinomial logistic regression: the objective of scikit-learn's, fitted for many classes and few rows.

scikit-learn's own estimator refuses one class, drops classes without rows and warns when classes are
many; all three are everyday life at the start of a project. This one knows its classes beforehand and works
in single precision, which halves its time. A test compares the two.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from models.learn.single import on_one_thread

MAX_ROUNDS: Final = 300

Floats = NDArray[np.float32]


def fit_softmax(
    x: Floats,
    y: NDArray[np.int64],
    weights: Floats,
    classes: int,
    *,
    strength: float = 10.0,
    tolerance: float = 1e-4,
) -> tuple[Floats, Floats]:
    """Fit by L-BFGS from zero; the intercept is not penalised.

    Args:
        x: rows, shape (n, d).
        y: class index of each row, shape (n,), in 0 .. classes - 1; a class may have no row.
        weights: of each row, shape (n,), positive.
        classes: how many there are.
        strength: inverse of the penalty, scikit-learn's `C`.
        tolerance: largest slope of the mean loss at which to stop.

    Returns:
        Coefficients (classes, d) and intercepts (classes,). The same input gives the same bytes on one
        machine, however many processor threads it may use.
    """
    hot = np.zeros((len(x), classes), dtype=np.float32)
    hot[np.arange(len(x)), y] = 1.0
    return fit_shares(x, hot, weights, strength=strength, tolerance=tolerance)


def fit_shares(
    x: Floats,
    shares: Floats,
    weights: Floats,
    *,
    strength: float = 10.0,
    tolerance: float = 1e-4,
    start: tuple[Floats, Floats] | None = None,
    rounds: int = MAX_ROUNDS,
) -> tuple[Floats, Floats]:
    """The same where each row has a share of every class.

    Args:
        x: rows, shape (n, d).
        shares: of the classes, shape (n, k); each row sums to 1.
        weights, strength, tolerance: see `fit_softmax`.
        start: coefficients and intercepts to begin with; None is zero.
        rounds: most steps; few keep the result near its start.
    """
    width, classes = x.shape[1], shares.shape[1]
    features = np.hstack([x, np.ones((len(x), 1), dtype=np.float32)]).astype(np.float32)
    transposed = np.ascontiguousarray(features.T)
    share = (weights / weights.sum()).astype(np.float32)[:, None]
    penalty = np.float32(1.0 / (strength * float(weights.sum())))
    first = np.zeros((width + 1, classes))
    if start is not None:
        first = np.vstack([start[0].T, start[1]]).astype(np.float64)

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """Weighted mean of the log loss plus penalty, and its slope."""
        inner = flat.reshape(width + 1, classes).astype(np.float32)
        logits = features @ inner
        logits -= logits.max(axis=1, keepdims=True)
        own = (logits * shares).sum(axis=1)
        np.exp(logits, out=logits)
        total = logits.sum(axis=1, keepdims=True)
        value = float((share[:, 0] * (np.log(total[:, 0]) - own)).sum(dtype=np.float64))
        logits /= total
        logits -= shares
        logits *= share
        inner[-1] = 0.0
        value += 0.5 * float(penalty) * float((inner * inner).sum(dtype=np.float64))
        return value, (transposed @ logits + penalty * inner).ravel().astype(np.float64)

    with on_one_thread():
        found = minimize(
            loss,
            first.ravel(),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": rounds, "gtol": tolerance, "ftol": 1e-14, "maxls": 50},
        )
    solution = found.x.reshape(width + 1, classes).T.astype(np.float32)
    return np.ascontiguousarray(solution[:, :width]), np.ascontiguousarray(solution[:, width])
