"""How accuracy will grow with decisions: a learning curve, and how far it can be trusted.

Errors fall as a power law, `c + a · n^-b` with nothing below zero, in nearly all learning that has been looked at
(Viering and Loog 2023). It is fitted to versions measured on the same audits, so that the luck of the audits is the
same for all; it says how much of the newest version's errors would go, and only that is carried forward.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.learn.audit import exact_interval
from models.learn.heads import Ids

DRAWS: Final = 400
EXPONENTS: Final = np.linspace(0.1, 2.0, 20)
FEWEST_VERSIONS: Final = 4
FEWEST_AUDITS: Final = 30
LEAST_GROWTH: Final = 1.5

_FEWEST_DRAWN: Final = 3

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Forecast:
    """Accuracy at some numbers of decisions, each with a 95 % band; arrays of shape (h,)."""

    accuracy: Values
    low: Values
    high: Values


def too_little(decisions: Ids, audits: int) -> str | None:
    """What is missing for a forecast, in a sentence; None where nothing is.

    Args:
        decisions: that each version learnt from, shape (v,).
        audits: that all of them were measured on.
    """
    if audits < FEWEST_AUDITS:
        return f"There are {audits} blind audits that no version has learnt from; {FEWEST_AUDITS} are needed."
    different = np.unique(decisions)
    if len(different) < FEWEST_VERSIONS:
        return (
            f"{len(different)} versions that learnt from different numbers of decisions can be compared; "
            f"{FEWEST_VERSIONS} are needed."
        )
    if different[-1] < LEAST_GROWTH * max(different[0], 1):
        return "The versions learnt from nearly the same decisions: there is no curve to see yet."
    return None


def forecast(decisions: Ids, correct: NDArray[np.bool_], at: Ids, *, seed: int = 0) -> Forecast:
    """Carry the errors of the version with the most decisions forward along the curve of all.

    Args:
        decisions: that each version learnt from, shape (v,), above 0.
        correct: which audits each version answers rightly, shape (v, n), n at least 1.
        at: numbers of decisions to look at, shape (h,), none below the largest of `decisions`.
        seed: of the resampling.

    Returns:
        Bands from resampled audits and versions, never narrower than the exact interval of the newest accuracy.
    """
    now = int(np.argmax(decisions))
    versions, audits = correct.shape
    errors = 1 - correct.mean(axis=1)
    rng = np.random.default_rng(seed)
    drawn_audits = rng.multinomial(audits, np.full(audits, 1 / audits), DRAWS) / audits
    drawn_versions = rng.multinomial(versions, np.full(versions, 1 / versions), DRAWS).astype(np.float64)
    drawn_versions[(drawn_versions > 0).sum(axis=1) < _FEWEST_DRAWN] = 1.0
    drawn_errors = 1 - drawn_audits @ correct.T
    best = errors[now] * _remaining(decisions, errors[None, :], np.ones((1, versions)), at)[0]
    drawn = drawn_errors[:, now : now + 1] * _remaining(decisions, drawn_errors, drawn_versions, at)
    low, high = exact_interval(int(correct[now].sum()), audits)
    accuracy = 1 - best
    return Forecast(
        accuracy,
        np.maximum(np.minimum(np.quantile(1 - drawn, 0.025, axis=0), accuracy + (low - accuracy[0])), 0.0),
        np.minimum(np.maximum(np.quantile(1 - drawn, 0.975, axis=0), accuracy + (high - accuracy[0])), 1.0),
    )


def share_forecast(accuracy: Values, share: Values, newest: int, at: Values) -> Values:
    """The share that could go without a person, at other accuracies: it grew with accuracy, and goes on so.

    Args:
        accuracy: of each version, shape (v,).
        share: of the pool that each could answer alone, shape (v,).
        newest: which version to start from.
        at: accuracies to look at, shape (h,).
    """
    apart = accuracy - accuracy.mean()
    spread = float(apart @ apart)
    slope = max(0.0, float(apart @ share) / spread) if spread > 0 else 0.0
    shares: Values = np.clip(share[newest] + slope * (at - accuracy[newest]), 0.0, 1.0)
    return shares


def _remaining(decisions: Ids, errors: Values, weights: Values, at: Ids) -> Values:
    """The part of the newest errors that is left at other numbers of decisions, by the curve that fits best.

    Args:
        decisions: shape (v,).
        errors: of the versions in each draw, shape (b, v).
        weights: of the versions in each draw, shape (b, v).
        at: shape (h,).

    Returns:
        Shape (b, h), 0 .. 1.
    """
    largest = decisions.max()
    best = np.full(len(errors), np.inf)
    left = np.ones((len(errors), len(at)))
    total = weights.sum(axis=1)
    for exponent in EXPONENTS:
        falling = (decisions / largest) ** -exponent
        floor, slope = _line(falling, errors, weights, total)
        misfit = (weights * (errors - floor[:, None] - slope[:, None] * falling) ** 2).sum(axis=1)
        better = misfit < best - 1e-15
        here = floor + slope
        then = floor[:, None] + slope[:, None] * (at / largest) ** -exponent
        ratio = np.divide(then, here[:, None], out=np.ones_like(then), where=here[:, None] > 0)
        left[better], best[better] = ratio[better], misfit[better]
    return left


def _line(falling: Values, errors: Values, weights: Values, total: Values) -> tuple[Values, Values]:
    """Least squares of `floor + slope · falling` with neither below zero, for each draw; shapes (b,)."""
    x = weights @ falling
    xx = weights @ falling**2
    y = (weights * errors).sum(axis=1)
    xy = (weights * errors) @ falling
    spread = total * xx - x**2
    slope = np.divide(total * xy - x * y, spread, out=np.zeros_like(spread), where=spread > 0)
    floor = (y - slope * x) / total
    through_zero = floor < 0
    slope, floor = np.where(through_zero, xy / xx, slope), np.where(through_zero, 0.0, floor)
    flat = slope < 0
    return np.where(flat, y / total, floor), np.where(flat, 0.0, slope)
