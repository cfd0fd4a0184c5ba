"""Several categories an item: a yes or no for each, with its own threshold, and a confidence in the whole set."""

from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logit

from models.errors import TooLittleToLearn
from models.learn.fields import gained, joined, widened
from models.learn.heads import Floats, Ids
from models.learn.single import on_one_thread

FOLDS: Final = 3
LEAST_ITEMS: Final = 2
LEAST_CATEGORIES: Final = 2
_OWN_THRESHOLD: Final = 10  # members a category needs before it gets a threshold of its own
_GRID: Final = np.arange(0.25, 0.66, 0.05)
_TINY: Final = 1e-6
_ROUNDS: Final = 200
_USUAL_SLOPE: Final = 0.65  # the answers about one item hang together: as if independent, they say too much
_USUAL_SPREAD: Final = 0.08  # of slopes around that one, and of levels

Members = NDArray[np.bool_]


class MultiHead:
    """Regularised logistic regression, one category against the rest, for items with several categories.

    A category's prototype joins as one example of it, so that a category nobody has decided yet is known by its
    words. `predict_proba` gives each category's own probability: a row does not sum to 1.

    Args:
        strength: inverse of the penalty, scikit-learn's `C`.
        slope, offset: turn the log odds that every single answer is right into the log odds that the set is.
    """

    def __init__(self, strength: float = 10.0, slope: float = 1.0, offset: float = 0.0) -> None:
        self.strength = strength
        self.slope = slope
        self.offset = offset

    def fit(self, x: Floats, y: Members, *, prototypes: Floats, classes: Ids) -> Self:
        """Learn from decisions.

        Args:
            x: vectors of decided items, shape (n, d).
            y: which categories each item has, shape (n, k), columns in the order of `classes`.
            prototypes: vectors of the categories' words, shape (k, d).
            classes: their ids, shape (k,), ascending.

        Returns:
            Itself; every threshold is a half until `fit_multi` sets it.
        """
        self.classes_: Ids = np.asarray(classes, dtype=np.int64)
        own = np.eye(len(classes), dtype=np.bool_)
        rows = np.vstack([x, prototypes]).astype(np.float32)
        member = np.vstack([y, own])
        # Another category's words say nothing about this one: two categories may well meet in one item.
        counts = np.vstack([np.ones_like(y), own])
        self.coef_, self.intercept_ = _fit_sigmoids(rows, member, counts, self.strength)
        self.thresholds_: Floats = np.full(len(classes), 0.5, np.float32)
        return self

    def predict_proba(self, x: Floats) -> Floats:
        """Vectors (n, d) to each category's probability (n, k)."""
        shares: Floats = expit(np.asarray(x, np.float32) @ self.coef_.T + self.intercept_).astype(np.float32)
        return shares

    def over(self, classes: Ids) -> "MultiHead":
        """The same head over some of its categories: what others would answer does not count."""
        places = np.searchsorted(self.classes_, classes)
        part = MultiHead(self.strength, self.slope, self.offset)
        part.classes_ = self.classes_[places]
        part.coef_, part.intercept_ = self.coef_[places], self.intercept_[places]
        part.thresholds_ = self.thresholds_[places]
        return part

    def choose(self, shares: Floats) -> Members:
        """The categories of each item, shape (n, k): all that reach their threshold, at least the likeliest."""
        chosen: Members = shares >= self.thresholds_
        chosen[np.arange(len(shares)), (shares - self.thresholds_).argmax(axis=1)] = True
        return chosen

    def confidence(self, shares: Floats) -> Floats:
        """How likely it is that the chosen set is right as a whole, shape (n,)."""
        odds = self.slope * logit(_all_right(shares, self.choose(shares))) + self.offset
        sure: Floats = expit(odds).astype(np.float32)
        return sure


@dataclass(frozen=True, slots=True)
class MultiFit:
    """A trained head and what its training found out; see `models.learn.training.FitResult`."""

    head: MultiHead
    calibration: dict[str, Any]
    gate: dict[str, Any]
    fields: bool = False


def fit_multi(
    x: Floats, y: Members, prototypes: Floats, classes: Ids, *, fields: Floats | None = None, seed: int = 0
) -> MultiFit:
    """Train a head for items with several categories. The same arguments give the same head, byte for byte.

    Thresholds and confidence are fitted on answers to items that the answering head had not seen.

    Args:
        x: vectors of decided items, shape (n, d).
        y: which categories each has, shape (n, k).
        prototypes: vectors of the categories' names and descriptions, shape (k, d).
        classes: the categories' ids, shape (k,), ascending.
        fields: columns of the decided items, shape (n, c): they are kept if they clearly help.
        seed: of the folds.

    Raises:
        TooLittleToLearn: fewer than two decided items or two categories.
    """
    if len(classes) < LEAST_CATEGORIES:
        raise TooLittleToLearn(f"There are {len(classes)} categories; training needs {LEAST_CATEGORIES}.")
    if len(y) < LEAST_ITEMS:
        raise TooLittleToLearn(f"There are {len(y)} decisions; training needs {LEAST_ITEMS}.")
    folds = np.random.default_rng(seed).permutation(len(y)) % FOLDS
    shares = _held_out(x, y, prototypes, classes, folds)
    gate: dict[str, Any] = {"names": True}
    helped = False
    if fields is not None:
        wide = joined(x, fields)
        words = widened(prototypes, wide.shape[1])
        tried = _held_out(wide, y, words, classes, folds)
        gain, helped = gained(_surprise(tried, y), _surprise(shares, y))
        right_with, right_without = _sets_right(tried, y), _sets_right(shares, y)
        gate["fields"] = {"used": helped, "gain": gain, "accuracy": right_with, "without": right_without}
        if helped:
            x, prototypes, shares = wide, words, tried
    head = MultiHead().fit(x, y, prototypes=prototypes, classes=classes)
    head.thresholds_ = _thresholds(shares, y)
    chosen = head.choose(shares)
    right = (chosen == y).all(axis=1)
    head.slope, head.offset = _platt(logit(_all_right(shares, chosen)), right)
    calibration = {"slope": round(head.slope, 4), "offset": round(head.offset, 4), "rows": len(y)}
    gate["sets_right_held_out"] = round(float(right.mean()), 4)
    return MultiFit(head, calibration, gate, helped)


def _held_out(x: Floats, y: Members, prototypes: Floats, classes: Ids, folds: Ids) -> Floats:
    """Each item's probabilities (n, k) from a head that had not seen it."""
    shares = np.empty(y.shape, np.float32)
    for fold in np.unique(folds):
        held = folds == fold
        part = MultiHead().fit(x[~held], y[~held], prototypes=prototypes, classes=classes)
        shares[held] = part.predict_proba(x[held])
    return shares


def _surprise(shares: Floats, y: Members) -> NDArray[np.float64]:
    """The log loss of each item's answers together, shape (n,)."""
    return -np.log(_all_right(shares, y))


def _sets_right(shares: Floats, y: Members) -> float:
    """The share of items whose whole set is right, with the thresholds that suit these answers."""
    cuts = _thresholds(shares, y)
    chosen = shares >= cuts
    chosen[np.arange(len(shares)), (shares - cuts).argmax(axis=1)] = True
    return round(float((chosen == y).all(axis=1).mean()), 4)


def _all_right(shares: Floats, chosen: Members) -> NDArray[np.float64]:
    """The probability that every yes and no is right, as if they were independent; shape (n,), never 0 or 1."""
    each = np.where(chosen, shares, 1 - shares).astype(np.float64)
    whole: NDArray[np.float64] = np.exp(np.log(np.maximum(each, _TINY)).sum(axis=1))
    return np.clip(whole, _TINY, 1 - _TINY)


def _thresholds(shares: Floats, y: Members) -> Floats:
    """The threshold that serves F1 best: a category's own where it has enough members, else the common one."""
    common = _best_cut(shares, y, near=0.5)
    cuts = np.full(y.shape[1], common, np.float32)
    for column in np.flatnonzero(y.sum(axis=0) >= _OWN_THRESHOLD):
        cuts[column] = _best_cut(shares[:, column], y[:, column], near=common)
    return cuts


def _best_cut(shares: Floats, truth: Members, *, near: float) -> float:
    return float(max(_GRID, key=lambda cut: (_f1(shares >= cut, truth), -abs(cut - near))))


def _f1(said: Members, truth: Members) -> float:
    return float(2 * (said & truth).sum() / max(int(said.sum() + truth.sum()), 1))


def _platt(odds: NDArray[np.float64], right: Members) -> tuple[float, float]:
    """Slope and offset of the log odds that make confidence mean frequency (Platt 1999, with his smoothed targets).

    Few answers must not swing them, so what is usual pulls: the slope, and the level it gives in the middle of the
    answers, where the level says nothing of the slope. It pulls by a Cauchy distribution (Gelman et al. 2008):
    strongly as long as the answers are near, and hardly where they clearly say otherwise.
    """
    middle = float(odds.mean())
    usual = np.array([_USUAL_SLOPE, _USUAL_SLOPE * middle])
    positives = int(right.sum())
    target = np.where(right, (positives + 1) / (positives + 2), 1 / (len(right) - positives + 2))

    def loss(pair: NDArray[np.float64]) -> float:
        scaled = pair[0] * (odds - middle) + pair[1]
        away = (pair - usual) / _USUAL_SPREAD
        return float((np.logaddexp(0, scaled) - target * scaled).sum() + 1.5 * np.log1p(away @ away))

    seen = np.array([1.0, logit(target.mean())])  # two hollows: one near what is usual, one near what was seen
    found = min(
        (minimize(loss, start, method="L-BFGS-B", bounds=[(0.05, 5.0), (-10.0, 10.0)]) for start in (usual, seen)),
        key=lambda one: float(one.fun),
    )
    slope, level = found.x.tolist()
    return slope, level - slope * middle


def _fit_sigmoids(x: Floats, y: Members, counts: Members, strength: float) -> tuple[Floats, Floats]:
    """All categories at once by L-BFGS; `counts` says which answers are known, shape (n, k).

    Returns:
        Coefficients (k, d) and intercepts (k,).
    """
    rows, width = x.shape
    features = np.hstack([x, np.ones((rows, 1), np.float32)])
    transposed = np.ascontiguousarray(features.T)
    truth, known = y.astype(np.float32), counts.astype(np.float32)
    size = y.shape[1]
    penalty = np.float32(1.0 / strength)

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        inner = flat.reshape(width + 1, size).astype(np.float32)
        logits = features @ inner
        value = (known * (np.logaddexp(0, logits) - truth * logits)).sum(dtype=np.float64)
        slope = transposed @ (known * (expit(logits) - truth))
        weights = inner[:-1]
        slope[:-1] += penalty * weights
        value += 0.5 * float(penalty) * float((weights * weights).sum(dtype=np.float64))
        return float(value), slope.ravel().astype(np.float64)

    with on_one_thread():
        found = minimize(loss, np.zeros((width + 1) * size), jac=True, method="L-BFGS-B", options={"maxiter": _ROUNDS})
    fitted = found.x.reshape(width + 1, size).astype(np.float32)
    return np.ascontiguousarray(fitted[:-1].T), fitted[-1]
