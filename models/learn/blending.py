"""How far to trust each of several experts, found out on answers that they had not seen."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

PULL: Final = 30.0

Floats = NDArray[np.float32]


def fit_blend(
    experts: Sequence[Floats], truth: NDArray[np.int64], usual: Sequence[float], counts: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The weights, none negative, with which the experts' summed logits are least surprised by the truth.

    An expert that misleads gets nothing; one that says the same as another shares its weight. Few rows leave the
    weights near what is usual.

    Args:
        experts: logits of each on rows that it was not fitted on, each of shape (n, k).
        truth: column of the true class, shape (n,).
        usual: positive; the weights of no rows at all.
        counts: how much each row counts, shape (n,).
    """
    stacked = np.stack([np.asarray(one, dtype=np.float64) for one in experts])
    own = stacked[:, np.arange(len(truth)), truth]
    prior = np.asarray(usual, dtype=np.float64)

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logits = np.tensordot(weights, stacked, 1)
        top = logits.max(axis=1, keepdims=True)
        shares = np.exp(logits - top)
        total = shares.sum(axis=1, keepdims=True)
        surprise = float(counts @ (np.log(total[:, 0]) + top[:, 0] - weights @ own))
        slope = ((stacked * (shares / total)).sum(axis=2) - own) @ counts
        away = (weights - prior) / prior
        return surprise + 0.5 * PULL * float(away @ away), slope + PULL * away / prior

    found = minimize(loss, prior, jac=True, method="L-BFGS-B", bounds=[(0.0, None)] * len(prior))
    weights: NDArray[np.float64] = np.round(found.x, 4)
    return weights
