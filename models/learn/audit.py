"""Honest numbers from a random sample: intervals, bounds and paired tests.

All of it is exact binomial arithmetic: no normal approximation, so that it holds for twenty audits too.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, betaincinv


def exact_interval(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """The Clopper-Pearson interval of a proportion.

    Args:
        successes: how many were right, 0 .. trials.
        trials: how many were looked at.
        confidence: the interval covers the truth at least this often.

    Returns:
        Lower and upper end; (0.0, 1.0) where nothing was looked at.
    """
    tail = (1 - confidence) / 2
    low = float(betaincinv(successes, trials - successes + 1, tail)) if successes > 0 else 0.0
    high = float(betaincinv(successes + 1, trials - successes, 1 - tail)) if successes < trials else 1.0
    return low, high


def lower_bound(successes: int, trials: int, certainty: float = 0.95) -> float:
    """The proportion is at least this, with that certainty (one-sided Clopper-Pearson)."""
    return float(betaincinv(successes, trials - successes + 1, 1 - certainty)) if successes > 0 else 0.0


def mcnemar(only_a: int, only_b: int) -> float:
    """Exact two-sided p of two answerers being equally good, from the items that only one of them got right.

    Returns:
        1.0 where they never differed.
    """
    differing = only_a + only_b
    if differing == 0:
        return 1.0
    return min(1.0, 2 * float(bdtr(min(only_a, only_b), differing, 0.5)))


def is_worse(challenger_correct: NDArray[np.bool_], serving_correct: NDArray[np.bool_], alpha: float = 0.05) -> bool:
    """Whether a challenger is proved worse than the serving version on the same audit items.

    Args:
        challenger_correct: shape (n,).
        serving_correct: of the same items in the same order, shape (n,).
        alpha: how often an equally good challenger may be turned away.

    Returns:
        True only on proof: without audits nothing is worse.
    """
    only_challenger = int((challenger_correct & ~serving_correct).sum())
    only_serving = int((serving_correct & ~challenger_correct).sum())
    differing = only_challenger + only_serving
    return differing > 0 and float(bdtr(only_challenger, differing, 0.5)) <= alpha
