"""Which answers need no person: the largest share of a pool whose accuracy is proved to reach a target.

Shares of the pool, most confident first, are tested from small to large, each with an exact test at the whole doubt
that is left, until one fails: a fixed sequence (Maurer, Hothorn and Lehmacher 1995; as the fallback procedure of Wiens
2003 it may begin anew at a second place). Where it begins is chosen from the confidence over the pool and the number of
audits alone, before any audit is looked at, so that the promise is broken in at most one of twenty projects, however
wrong the confidence is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, log
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, bdtrc

from models.learn.audit import lower_bound

SHARES: Final = tuple(place / 40 for place in range(1, 41))
PART_AT_START: Final = 0.8
SECOND_START: Final = 0.5
CERTAINTY: Final = 0.95


@dataclass(frozen=True, slots=True)
class Automation:
    """What may be answered without a person.

    Attributes:
        threshold: least confidence of such answers; None while nothing can be promised.
        share: part of the pool that they are, 0 .. 1; None without a threshold.
        audits: how many were used.
        audits_needed: about how many more would be needed for a first threshold; 0 where there is one,
            None where the accuracy seen so far speaks against reaching the target at all.
    """

    threshold: float | None
    share: float | None
    audits: int
    audits_needed: int | None


def automation_threshold(
    confidence: NDArray[np.floating],
    correct: NDArray[np.bool_],
    pool_confidence: NDArray[np.floating],
    target: float,
    certainty: float = CERTAINTY,
) -> Automation:
    """The largest share of the pool that can be answered alone with the accuracy promised.

    "Accuracy of accepted answers is at least `target`" is broken in at most `1 - certainty` of all projects.

    Args:
        confidence: of the audited answers, shape (n,); audited items are a random sample of the pool.
        correct: whether each was right, shape (n,).
        pool_confidence: of all answers over the pool, shape (m,).
        target: accuracy to be promised, between 0 and 1.
        certainty: of the promise.
    """
    audits, doubt = len(confidence), 1 - certainty
    seen = np.asarray(confidence, dtype=np.float64)
    pool = np.sort(np.asarray(pool_confidence, dtype=np.float64))
    best: float | None = None
    if len(pool) and audits:
        begins = {_start(pool, audits, target, doubt): PART_AT_START * doubt}
        begins[SECOND_START] = begins.get(SECOND_START, 0.0) + (1 - PART_AT_START) * doubt
        left = 0.0
        for share in SHARES:
            left += begins.get(share, 0.0)
            if not left:
                continue
            # In a pool of a few items the smallest share is less than one of them: it is the surest then.
            threshold = float(pool[min(ceil(len(pool) * (1 - share)), len(pool) - 1)]) if share < 1 else float(pool[0])
            accepted = seen >= threshold
            if _p_value(int(correct[accepted].sum()), int(accepted.sum()), target) <= left:
                best = threshold  # the doubt is not used up: the next share has the whole of it
            else:
                left = 0.0
    if best is not None:
        return Automation(best, float((pool >= best).mean()), audits, 0)
    return Automation(None, None, audits, _audits_needed(seen, correct, target, 1 - PART_AT_START * doubt))


def by_category(
    said: tuple[NDArray[np.int64], NDArray[np.floating], NDArray[np.bool_]],
    pool: tuple[NDArray[np.int64], NDArray[np.floating]],
    categories: Sequence[int],
    target: float,
) -> dict[int, Automation]:
    """The same for the answers of each category alone, with a promise for each.

    Args:
        said: of the audited answers the category, the confidence, and whether it was right; shapes (n,).
        pool: of all answers over the pool the category and the confidence; shapes (m,).
        categories: ids to look at.
        target: accuracy to be promised of each.
    """
    answered, confidence, correct = said
    found = {}
    for one in categories:
        mine = answered == one
        found[one] = automation_threshold(confidence[mine], correct[mine], pool[1][pool[0] == one], target)
    return found


def accepted_share(
    allowed: Mapping[int, Automation], pool: tuple[NDArray[np.int64], NDArray[np.floating]]
) -> float | None:
    """The part of the pool that thresholds of the categories' own accept; None where no category has one."""
    least = {one: found.threshold for one, found in allowed.items() if found.threshold is not None}
    if not least or not len(pool[0]):
        return None
    accepted = np.zeros(len(pool[0]), np.bool_)
    for one, threshold in least.items():
        accepted |= (pool[0] == one) & (pool[1] >= threshold)
    return float(accepted.mean())


def _start(pool: NDArray[np.float64], audits: int, target: float, doubt: float) -> float:
    """The share to begin with: the best prospect of share times chance of proof, if the confidence were right."""
    expected = np.cumsum(pool[::-1]) / np.arange(1, len(pool) + 1)
    prospects = []
    for share in SHARES:
        rate = min(float(expected[min(len(pool), ceil(len(pool) * share)) - 1]), 1.0)
        prospects.append(share * _power(rate, round(audits * share), target, doubt))
    return SHARES[int(np.argmax(prospects))] if max(prospects) > 0 else 1.0


def _power(rate: float, trials: int, target: float, doubt: float) -> float:
    """The chance that this many trials at this rate prove the target."""
    if trials == 0:
        return 0.0
    misses = np.arange(trials + 1)
    allowed = np.flatnonzero(bdtr(misses, trials, 1 - target) <= doubt)  # so few misses are proof
    return float(bdtr(int(allowed[-1]), trials, 1 - rate)) if len(allowed) else 0.0


def _p_value(right: int, trials: int, target: float) -> float:
    """How likely so many right ones would be if the accuracy were just the target."""
    return 1.0 if right == 0 else float(bdtrc(right - 1, trials, target))


def _audits_needed(
    confidence: NDArray[np.float64], correct: NDArray[np.bool_], target: float, each: float
) -> int | None:
    """How many more audits would certify some share, if they went on as they went so far."""
    flawless = ceil(log(1 - each) / log(target)) if 0 < target < 1 else 0
    options = []
    for share in SHARES[3::4]:
        count = round(share * len(confidence))
        order = np.argsort(-confidence, kind="stable")[:count]
        # Laplace's rule: a handful of right answers is not yet a flawless category.
        rate = (int(correct[order].sum()) + 1) / (count + 2)
        needed = _trials_to_certify(rate, target, each, flawless) if count else None
        if needed is not None:
            options.append(ceil(needed / share))
    if not options:
        return None if len(confidence) >= flawless else flawless - len(confidence)
    return max(1, min(options) - len(confidence))


def _trials_to_certify(rate: float, target: float, each: float, flawless: int) -> int | None:
    """Least trials at which this rate proves the target; None beyond a hundred times the flawless."""
    low, high = flawless, flawless * 100
    if rate <= target or lower_bound(int(rate * high), high, each) < target:
        return None
    while low < high:
        middle = (low + high) // 2
        if lower_bound(int(rate * middle), middle, each) >= target:
            high = middle
        else:
            low = middle + 1
    return low
