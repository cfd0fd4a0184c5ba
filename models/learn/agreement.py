"""How far people agree, beyond what chance alone would give."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.learn.audit import exact_interval
from models.learn.heads import Ids

DRAWS: Final = 1_000
BLOCK: Final = 64


@dataclass(frozen=True, slots=True)
class Agreement:
    """Krippendorff's alpha for categories, with its 95 % interval.

    Attributes:
        alpha: 1 where all agree, 0 where they agree as often as chance would have it, below 0 where less often;
            None where only one category was ever given, for then chance would agree always.
        low: lower end of the interval; None with `alpha`.
        high: its upper end.
        items: how many were decided by two people or more.
        answers: of these people, on these items.
        same: items on which all said the same.
        same_low: lower end of the exact 95 % interval of their share.
        same_high: its upper end.
    """

    alpha: float | None
    low: float | None
    high: float | None
    items: int
    answers: int
    same: int
    same_low: float
    same_high: float


def agreement(item: Ids, answer: Ids, *, seed: int = 0) -> Agreement:
    """Krippendorff's alpha (nominal), its interval from resampled items.

    Args:
        item: of each answer, shape (n,); items with one answer are left out, for they show no agreement.
        answer: a number for each different answer, shape (n,), not negative.
        seed: of the resampling.
    """
    counts = _counts(item, answer)
    if not len(counts):
        return Agreement(None, None, None, 0, 0, 0, 0.0, 1.0)
    same = int((counts.max(axis=1) == counts.sum(axis=1)).sum())
    same_low, same_high = exact_interval(same, len(counts))
    alpha = float(_alpha(np.ones((1, len(counts))), counts)[0])
    whole = len(counts), int(counts.sum()), same, same_low, same_high
    if np.isnan(alpha):
        return Agreement(None, None, None, *whole)
    low, high = _interval(counts, seed)
    if same == len(counts):
        # Resampling items that all agree gives 1 for ever; the exact bound says how far that is to be believed.
        low = 1 - (1 - same_low) / _expected(np.ones((1, len(counts))), counts)[0]
    return Agreement(alpha, min(low, alpha), max(high, alpha), *whole)


def _counts(item: Ids, answer: Ids) -> NDArray[np.float64]:
    """How often each answer was given to each item that has two answers or more, shape (items, answers)."""
    _, rows, sizes = np.unique(item, return_inverse=True, return_counts=True)
    several = sizes[rows] > 1
    _, rows = np.unique(rows[several], return_inverse=True)
    _, columns = np.unique(answer[several], return_inverse=True)
    if not len(rows):
        return np.empty((0, 0))
    counts = np.zeros((rows.max() + 1, columns.max() + 1))
    np.add.at(counts, (rows, columns), 1)
    return counts


def _interval(counts: NDArray[np.float64], seed: int) -> tuple[float, float]:
    rng = np.random.default_rng(seed)
    even = np.full(len(counts), 1 / len(counts))
    blocks = [
        _alpha(rng.multinomial(len(counts), even, min(BLOCK, DRAWS - start)).astype(np.float64), counts)
        for start in range(0, DRAWS, BLOCK)
    ]
    drawn = np.concatenate(blocks)
    low, high = np.nanquantile(drawn, [0.025, 0.975]) if not np.isnan(drawn).all() else (-1.0, 1.0)
    return float(low), float(high)


def _alpha(weights: NDArray[np.float64], counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Alpha for each row of item weights (b, items), shape (b,); NaN where it has no meaning."""
    sizes = counts.sum(axis=1)
    apart = (sizes**2 - (counts**2).sum(axis=1)) / (sizes - 1)
    observed = (weights @ apart) / (weights @ sizes)
    expected = _expected(weights, counts)
    quotient: NDArray[np.float64] = np.divide(observed, expected, out=np.full(len(weights), np.nan), where=expected > 0)
    return 1 - quotient


def _expected(weights: NDArray[np.float64], counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """How often two answers drawn from all would differ, shape (b,)."""
    totals = weights @ counts
    n = totals.sum(axis=1)
    differing: NDArray[np.float64] = (n**2 - (totals**2).sum(axis=1)) / (n * (n - 1))
    return differing
