"""How good a head is on items that it has not seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.learn.answers import Answered
from models.learn.audit import exact_interval
from models.learn.calibration import ReliabilityBin, calibration_error, reliability

LEAST_PROBABILITY: Final = 1e-6


@dataclass(frozen=True, slots=True)
class CategoryScore:
    """One category's part in an evaluation.

    Attributes:
        category: its id.
        precision: share of the answers with it that are right; None where there is no such answer.
        recall: share of its items that were found; None where there is no such item.
        f1: harmonic mean of both; 0.0 where neither finds anything.
        support: items that truly belong to it.
        predicted: answers with it.
        precision_low, precision_high: the exact 95 % interval of `precision`.
        recall_low, recall_high: that of `recall`.
    """

    category: int
    precision: float | None
    recall: float | None
    f1: float
    support: int
    predicted: int
    precision_low: float
    precision_high: float
    recall_low: float
    recall_high: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What was measured on `n` items; an interval of 95 % around the accuracy.

    Attributes:
        n: items.
        accuracy: share of right answers.
        accuracy_low: lower end of the exact interval.
        accuracy_high: upper end.
        macro_f1: mean F1 over the categories that occur among the items or the answers.
        log_loss: mean surprise in nats.
        calibration_error: mean distance between confidence and frequency.
        per_category: in the order of the classes.
        confusion: how often (true id, answered id) occurred, only where it did.
        reliability: the picture behind the calibration error.
    """

    n: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    macro_f1: float
    log_loss: float
    calibration_error: float
    per_category: list[CategoryScore]
    confusion: list[tuple[int, int, int]]
    reliability: list[ReliabilityBin]


def evaluate(
    probabilities: NDArray[np.float32],
    truth: Sequence[int] | NDArray[np.int64],
    classes: NDArray[np.int64],
) -> Evaluation | None:
    """Compare answers with the truth.

    Args:
        probabilities: shape (n, k), rows sum to 1.
        truth: the true category id of each item, shape (n,); one that the head does not know is a miss.
        classes: category ids of the columns, shape (k,).

    Returns:
        None where there is no item, for there is no accuracy of nothing.
    """
    true_ids = np.asarray(truth, dtype=np.int64)
    if len(true_ids) == 0:
        return None
    answered = classes[probabilities.argmax(axis=1)]
    confidence = probabilities.max(axis=1)
    correct = answered == true_ids
    n, right = len(true_ids), int(correct.sum())
    low, high = exact_interval(right, n)
    per_category = [_score(int(category), answered, true_ids) for category in classes]
    occurring = [score.f1 for score in per_category if score.support or score.predicted]
    pairs, counts = np.unique(np.stack([true_ids, answered]), axis=1, return_counts=True)
    hit = true_ids[:, None] == classes[None, :]
    own = np.where(hit, probabilities, 0.0).sum(axis=1, dtype=np.float64)
    return Evaluation(
        n=n,
        accuracy=right / n,
        accuracy_low=low,
        accuracy_high=high,
        macro_f1=float(np.mean(occurring)),
        log_loss=float(-np.log(np.maximum(own, LEAST_PROBABILITY)).mean()),
        calibration_error=calibration_error(confidence, correct),
        per_category=per_category,
        confusion=[(int(true), int(answer), int(count)) for (true, answer), count in zip(pairs.T, counts, strict=True)],
        reliability=reliability(confidence, correct),
    )


def evaluate_sets(
    answered: Answered, truth: NDArray[np.bool_], classes: NDArray[np.int64], outside: NDArray[np.bool_]
) -> Evaluation | None:
    """Compare sets of categories with the truth: an answer is right when it is the whole set and nothing else.

    Args:
        answered: answers to n texts over k categories.
        truth: which categories each has, shape (n, k).
        classes: category ids of the columns, shape (k,).
        outside: which items also have a category that is no column, shape (n,): no answer to them is right.

    Returns:
        None where there is no item. `confusion` is empty: between sets there is none.
    """
    if not len(truth):
        return None
    right = answered.right(truth) & ~outside
    low, high = exact_interval(int(right.sum()), len(right))
    said = answered.chosen
    per_category = [_set_score(int(one), said[:, place], truth[:, place]) for place, one in enumerate(classes)]
    occurring = [score.f1 for score in per_category if score.support or score.predicted]
    own = np.where(truth, answered.shares, 1 - answered.shares).astype(np.float64)
    return Evaluation(
        n=len(truth),
        accuracy=float(right.mean()),
        accuracy_low=low,
        accuracy_high=high,
        macro_f1=float(np.mean(occurring)),
        log_loss=float(-np.log(np.maximum(own, LEAST_PROBABILITY)).sum(axis=1).mean()),
        calibration_error=calibration_error(answered.confidence, right),
        per_category=per_category,
        confusion=[],
        reliability=reliability(answered.confidence, right),
    )


def _set_score(category: int, said: NDArray[np.bool_], truth: NDArray[np.bool_]) -> CategoryScore:
    return _figures(category, int((said & truth).sum()), int(truth.sum()), int(said.sum()))


def _score(category: int, answered: NDArray[np.int64], truth: NDArray[np.int64]) -> CategoryScore:
    truly, said = truth == category, answered == category
    return _figures(category, int((truly & said).sum()), int(truly.sum()), int(said.sum()))


def _figures(category: int, hits: int, support: int, predicted: int) -> CategoryScore:
    return CategoryScore(
        category,
        hits / predicted if predicted else None,
        hits / support if support else None,
        2 * hits / (support + predicted) if support + predicted else 0.0,
        support,
        predicted,
        *exact_interval(hits, predicted),
        *exact_interval(hits, support),
    )
