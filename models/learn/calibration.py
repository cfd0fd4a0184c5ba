"""Confidence that means frequency: among answers given 0.9, nine in ten are right."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize_scalar
from scipy.special import logit, logsumexp

COLDEST: Final = 0.02
HOTTEST: Final = 10.0
BINS: Final = 10
MOST_WEIGHT: Final = 2.0
HOPED_ROWS: Final = 5
ASKED_FOR: Final = 0.38  # of how much harder what was asked looks: so much harder still it is
_MOST_CHANGE: Final = 4.0


def surprise(logits: NDArray[np.floating], truth: NDArray[np.int64], temperature: float = 1.0) -> NDArray[np.float64]:
    """The log loss of each row, in nats, shape (n,); see `log_loss`."""
    scaled = np.asarray(logits, dtype=np.float64) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    own = scaled[np.arange(len(truth)), truth]
    found: NDArray[np.float64] = np.log(np.exp(scaled).sum(axis=1)) - own
    return found


def log_loss(logits: NDArray[np.floating], truth: NDArray[np.int64], temperature: float = 1.0) -> float:
    """Mean surprise, in nats, at the true classes.

    Args:
        logits: shape (n, k), n at least 1.
        truth: column of the true class, shape (n,).
        temperature: what logits are divided by.
    """
    return float(surprise(logits, truth, temperature).mean())


def fit_temperature(logits: NDArray[np.floating], truth: NDArray[np.int64]) -> float:
    """The temperature that makes answers least surprising on held-out rows.

    Args:
        logits: of rows that the head was not fitted on, shape (n, k).
        truth: column of the true class, shape (n,).

    Returns:
        A number in 0.02 .. 10; 1.0 where there is no row.
    """
    if len(truth) == 0:
        return 1.0
    found = minimize_scalar(
        lambda log_temperature: log_loss(logits, truth, float(np.exp(log_temperature))),
        bounds=(np.log(COLDEST), np.log(HOTTEST)),
        method="bounded",
        options={"xatol": 1e-4},
    )
    return round(float(np.exp(found.x)), 4)


def fit_scale(logits: NDArray[np.floating], shares: NDArray[np.floating]) -> float:
    """What logits are multiplied by to come nearest to wanted shares, a number in 0.5 .. 2.

    Args:
        logits: shape (n, k), n at least 1.
        shares: of the classes, shape (n, k).
    """
    wanted = np.asarray(shares, dtype=np.float64)

    def loss(log_scale: float) -> float:
        scaled = np.asarray(logits, dtype=np.float64) * np.exp(log_scale)
        return float((logsumexp(scaled, axis=1) - (wanted * scaled).sum(axis=1)).mean())

    found = minimize_scalar(loss, bounds=(-np.log(2), np.log(2)), method="bounded", options={"xatol": 1e-3})
    return round(float(np.exp(found.x)), 4)


def sharpened(logits: NDArray[np.floating], wanted: float, counts: NDArray[np.float64] | None = None) -> float:
    """The temperature at which the mean confidence is what is wanted, or the nearest in 0.25 .. 4.

    Args:
        logits: shape (n, k), n at least 1.
        wanted: mean of the greatest probability of each row, 0 .. 1.
        counts: how much each row counts, shape (n,); all alike if there are none.
    """

    def away(log_temperature: float) -> float:
        return mean_confidence(np.asarray(logits, dtype=np.float64) / np.exp(log_temperature), counts) - wanted

    low, high = -np.log(_MOST_CHANGE), np.log(_MOST_CHANGE)
    if away(low) <= 0:  # confidence falls as the temperature rises
        return round(float(np.exp(low)), 4)
    if away(high) >= 0:
        return round(float(np.exp(high)), 4)
    return round(float(np.exp(brentq(away, low, high, xtol=1e-4))), 4)


def mean_confidence(logits: NDArray[np.floating], counts: NDArray[np.float64] | None = None) -> float:
    """Mean of the greatest probability of each row of logits (n, k), which count as `counts` says (n,)."""
    scaled = np.asarray(logits, dtype=np.float64)
    return float(np.average(np.exp(scaled.max(axis=1) - logsumexp(scaled, axis=1)), weights=counts))


def never_certain(share: float, rows: int) -> float:
    """A share, kept off 0 and 1 by half of one row.

    Args:
        share: 0 .. 1.
        rows: how many it was found on.
    """
    least = 0.5 / (rows + 1)
    return min(max(share, least), 1 - least)


def log_odds(share: float, rows: int) -> float:
    """The log odds of a share that was found on so many rows."""
    return float(logit(never_certain(share, rows)))


def borne_out(sure_of_all: float, drawn: int, decided: NDArray[np.floating], truth: NDArray[np.int64]) -> float:
    """The log odds of a right answer to any item, as far as held-out decisions bear out what agreement says of it.

    Agreement says too little where most categories have two or three decisions: experts who lack a third of them are
    much worse. It says too much where categories overlap, or labels are noise: answers stand firm and are wrong. Both
    shows in the decisions: these are answered right more or less often than their confidence would have it. But what
    was asked for being hard is harder still than it looks to an expert of a later day, and the more so the harder it
    looks. `ASKED_FOR` comes from simulated projects on five collections and on parts of them with fewer, coarser and
    overlapping categories, with their names or shuffled ones, and with reviewers who err; without any one of them it
    would be nearly the same.

    Args:
        sure_of_all: mean confidence over all items, at the temperature at which confidence is agreement.
        drawn: on how many items it was found.
        decided: logits of decided items, held out, at the same temperature, shape (n, k).
        truth: columns of these items' categories, shape (n,).
    """
    rows, sure = len(truth), mean_confidence(decided)
    right = (int((decided.argmax(axis=1) == truth).sum()) + HOPED_ROWS * sure) / (rows + HOPED_ROWS)
    harder = log_odds(sure_of_all, drawn) - log_odds(sure, rows)
    return log_odds(right, rows) + (1 + ASKED_FOR) * harder


def row_weights(sure: NDArray[np.floating], pool_sure: NDArray[np.floating]) -> NDArray[np.float64]:
    """How much each decided row says about the pool, shape (n,), between 0 and 2.

    What was asked was asked for being hard: among the decisions unsure answers are common, in the pool they are rare.
    Rows of a sureness that the pool has less of count for less; decisions that are unlike the pool say little about it.

    Args:
        sure: how sure the answers to decided rows are, shape (n,); any scale.
        pool_sure: how sure those to the pool are, on the same scale, shape (m,).
    """
    edges = np.unique(np.quantile(pool_sure, np.arange(1, BINS) / BINS))
    own, common = np.searchsorted(edges, sure), np.searchsorted(edges, pool_sure)
    here = np.bincount(own, minlength=len(edges) + 1) / max(len(own), 1)
    there = np.bincount(common, minlength=len(edges) + 1) / max(len(common), 1)
    return np.asarray(np.minimum(there[own] / here[own], MOST_WEIGHT), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Answers of like confidence.

    Attributes:
        low: least confidence of the bin.
        high: greatest.
        count: answers in it.
        confidence: their mean confidence.
        accuracy: the share of them that is right.
    """

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


def reliability(confidence: NDArray[np.floating], correct: NDArray[np.bool_], bins: int = BINS) -> list[ReliabilityBin]:
    """The reliability picture: confidence against frequency, over bins that hold equally many answers.

    Args:
        confidence: of each answer, shape (n,).
        correct: whether it was right, shape (n,).
        bins: most bins; fewer where answers are fewer.

    Returns:
        Bins from the least confident on; empty where there is no answer.
    """
    order = np.argsort(confidence, kind="stable")
    found = []
    for part in np.array_split(order, min(bins, max(len(order), 1))):
        if len(part):
            own = np.asarray(confidence, dtype=np.float64)[part]
            found.append(
                ReliabilityBin(
                    low=float(own[0]),
                    high=float(own[-1]),
                    count=len(part),
                    confidence=float(own.mean()),
                    accuracy=float(correct[part].mean()),
                )
            )
    return found


def calibration_error(confidence: NDArray[np.floating], correct: NDArray[np.bool_], bins: int = BINS) -> float:
    """Mean distance between confidence and frequency over the reliability picture, 0 .. 1.

    With few answers chance alone gives some: of a perfect head that is right in 80 of 100 cases about 0.2 for twenty
    answers, 0.09 for a hundred and 0.05 for four hundred.
    """
    found = reliability(confidence, correct, bins)
    total = sum(part.count for part in found)
    return sum(part.count * abs(part.confidence - part.accuracy) for part in found) / total if total else 0.0
