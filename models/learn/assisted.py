"""Accuracy from blind audits, made more precise by what the machine says of all the items that were not audited.

The machine's confidence alone proves nothing. But it tells whether the audited items happen to be easier or harder
than the rest they were drawn from, and for that the estimate can be corrected (the regression estimator of survey
sampling; as prediction-powered inference in Angelopoulos et al. 2023). The interval is the exact one of as many audits
as would be worth as much (Korn and Graubard 1998). Where right or wrong audits are few, nothing is corrected.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, ndtri, stdtrit

from models.learn.audit import exact_interval

FEWEST_OF_EITHER: Final = 10
"""So many right and so many wrong audits there must be: from fewer, how far confidence follows truth is not known."""

LEAST_VARIANCE: Final = 0.5
"""Of what audits alone would have: no correction is trusted to do more."""

STEEPEST: Final = 1.5

_ESTIMATED = 2


@dataclass(frozen=True, slots=True)
class Measured:
    """An accuracy with its 95 % interval.

    Attributes:
        assisted: whether the machine's answers to items that were not audited made it more precise.
    """

    accuracy: float
    low: float
    high: float
    audited: int
    assisted: bool


def plain(correct: NDArray[np.bool_], confidence: float = 0.95) -> Measured:
    """From audits alone, with the exact interval; at least one audit."""
    right, audited = int(correct.sum()), len(correct)
    return Measured(right / audited, *exact_interval(right, audited, confidence), audited, assisted=False)


def assisted(
    said: NDArray[np.floating], correct: NDArray[np.bool_], everywhere: NDArray[np.floating], confidence: float = 0.95
) -> Measured:
    """From audits, and the machine's confidence over all that they were drawn from.

    Args:
        said: confidence in the answers to the audited items, shape (n,), n at least 1.
        correct: whether each was right, shape (n,).
        everywhere: confidence over the items that the audits are a uniform sample of, these among them, shape (m,).
        confidence: how often the interval covers the truth.
    """
    simple = plain(correct, confidence)
    audited, right = len(correct), int(correct.sum())
    apart = said.astype(np.float64) - float(said.mean(dtype=np.float64))
    spread = float(apart @ apart)
    if min(right, audited - right) < FEWEST_OF_EITHER or spread <= 0 or len(everywhere) <= audited:
        return simple
    slope = min(max(float(apart @ correct) / spread, 0.0), STEEPEST)
    whole = everywhere.astype(np.float64)
    accuracy = simple.accuracy + slope * float(whole.mean() - said.mean(dtype=np.float64))
    leverage = 1 / audited + apart**2 / spread
    left = (correct - simple.accuracy - slope * apart) / (1 - leverage)
    variance = float(left @ left) / (audited * (audited - 1)) + slope**2 * float(whole.var()) / len(whole)
    alone = accuracy * (1 - accuracy) / audited
    if not 0 < accuracy < 1 or variance >= alone:
        return simple
    worth = accuracy * (1 - accuracy) / max(variance, LEAST_VARIANCE * alone)
    tail = (1 - confidence) / 2
    worth *= float(ndtri(1 - tail) / stdtrit(audited - _ESTIMATED, 1 - tail)) ** 2
    hits = accuracy * worth
    low = float(betaincinv(hits, worth - hits + 1, tail))
    high = float(betaincinv(hits + 1, worth - hits, 1 - tail))
    if high - low >= simple.high - simple.low:
        return simple
    return Measured(accuracy, low, high, audited, assisted=True)
