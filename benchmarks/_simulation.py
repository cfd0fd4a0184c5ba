"""One simulated project: asked in some order, answered from the labels, measured on texts that nobody is asked."""

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks._collections import Collection
from benchmarks._strategies import ask
from models.learn.acquisition import STRATEGIES, Candidates, suited
from models.learn.answers import answer
from models.learn.calibration import calibration_error
from models.learn.heads import LinearHead, PrototypeHead
from models.learn.multi import fit_multi
from models.learn.training import fit_head
from models.project_settings import ProjectSettings
from models.steps.snapshot import MOST_BYSTANDERS

Floats = NDArray[np.float32]
Sets = NDArray[np.bool_]

FIRST_VERSION = ProjectSettings().retrain_every
"""Until then questions are asked as in a new project."""

CALIBRATED_AT = 300
GROWTH = 1.25
FEWEST = 2


@dataclass(frozen=True)
class Arm:
    """Who asks, and who learns.

    Attributes:
        order: `winnow`, `random`, or one of scikit-activeml's strategies.
        whole: whether Winnow's whole learner is taught (names, neighbours, gates), or logistic regression alone.
        misleading: whether the categories' names are shuffled.
        error: how often the reviewer errs.
    """

    order: str
    whole: bool
    misleading: bool = False
    error: float = 0.0


@dataclass
class Curve:
    """What came of it; lists of one value for each stop.

    Accuracy is the share of right answers; of texts with several categories, the mean F1 of the sets.

    Attributes:
        confidence, correct: of the answers to all test texts after `CALIBRATED_AT` decisions.
    """

    collection: str
    arm: Arm
    seed: int
    decisions: list[int] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    macro_f1: list[float] = field(default_factory=list)
    calibration_error: list[float] = field(default_factory=list)
    training_seconds: list[float] = field(default_factory=list)
    asking_seconds: list[float] = field(default_factory=list)
    confidence: Floats | None = None
    correct: Sets | None = None


def run(data: Collection, arm: Arm, stops: tuple[int, ...], wanted: float, seed: int) -> Curve:
    """Ask, decide, learn, until the last stop; and beyond it, in growing steps, until the wanted accuracy is there.

    Args:
        stops: numbers of decisions at which a version is trained and measured, rising from 0.
    """
    rng = np.random.default_rng([seed, 7])
    said = _as_reviewers_say(data, arm.error, np.random.default_rng([seed, 8]))
    words = data.prototypes
    if arm.misleading:
        words = data.prototypes[_derangement(len(data.names), np.random.default_rng([seed, 9]))]
    curve = Curve(data.name, arm, seed)
    asked = np.empty(0, np.int64)
    head: Any = PrototypeHead().fit(words, data.classes) if arm.whole or data.several else None
    training = asking = 0.0
    while True:
        _measure(curve, data, head, len(asked), (training, asking))
        stop = next((one for one in stops if one > len(asked)), None)
        if stop is None and curve.accuracy[-1] < wanted:
            stop = round(len(asked) * GROWTH)
        if stop is None or len(asked) >= len(data.x):
            return curve
        start = time.perf_counter()
        asked = np.concatenate([asked, _next(data, arm, head, asked, min(stop, len(data.x)) - len(asked), rng)])
        middle = time.perf_counter()
        head = teach(data, said, words, asked, rng, whole=arm.whole)
        asking, training = middle - start, time.perf_counter() - middle


def teach(
    data: Collection, said: Sets, words: Floats, rows: NDArray[np.int64], rng: np.random.Generator, *, whole: bool
) -> Any:
    """A head taught with some rows of the pool.

    Where texts have several categories there is one way to learn, which knows the names.
    """
    if data.several:
        return fit_multi(data.x[rows], said[rows], words, data.classes).head
    decided = said[rows].argmax(axis=1)
    if not whole:
        return LinearHead().fit(data.x[rows], decided, prototypes=None, classes=data.classes)
    others = np.setdiff1d(rng.choice(len(data.x), min(MOST_BYSTANDERS, len(data.x)), replace=False), rows)
    asked = len(rows) / len(data.x)
    return fit_head(data.x[rows], decided, words, data.classes, pool=data.x[others], asked=asked).head


def whole_data(data: Collection) -> float:
    """The accuracy of logistic regression taught with the truth about the whole pool."""
    head = teach(data, data.truth, data.prototypes, np.arange(len(data.x)), np.random.default_rng(0), whole=False)
    return float(_f1(_answers(data, head)[2], data.test_truth, 1).mean())


def _next(
    data: Collection, arm: Arm, head: Any, asked: NDArray[np.int64], count: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    if arm.order not in {"winnow", "random"}:
        answers = None if head is None or len(asked) < FEWEST else head.predict_proba
        return ask(arm.order, data.x, asked, count, answers, len(data.names), int(rng.integers(2**31)))
    decided = np.zeros(len(data.x), np.bool_)
    decided[asked] = True
    if arm.order == "random":
        return STRATEGIES["random"](Candidates(data.x, data.x[:, :2], decided), count, rng).indices
    shares = head.predict_proba(data.x)
    trained = len(asked) >= FIRST_VERSION
    if data.several and trained:
        shares = _as_rivals(head, shares, data.classes)
    strategy = suited(len(asked), len(data.names), trained=trained, several=data.several)
    return strategy(Candidates(data.x, shares, decided), count, rng).indices


def _as_rivals(head: Any, shares: Floats, classes: NDArray[np.int64]) -> Floats:
    """As the queue has it: a row's margin is the confidence in its whole set."""
    sure = answer(head, shares, classes).confidence
    order = np.argsort(-shares, axis=1, kind="stable")
    rivals = np.zeros_like(shares)
    rivals[np.arange(len(shares)), order[:, 0]] = 0.5 + sure / 2
    rivals[np.arange(len(shares)), order[:, 1]] = 0.5 - sure / 2
    return rivals


def _as_reviewers_say(data: Collection, error: float, rng: np.random.Generator) -> Sets:
    """The truth, but where a reviewer errs: then any other category, or of several, those of another text."""
    said = data.truth.copy()
    errs = np.flatnonzero(rng.random(len(said)) < error)
    if data.several:
        said[errs] = data.truth[rng.integers(0, len(said), len(errs))]
        return said
    size = len(data.names)
    wrong = (data.truth[errs].argmax(axis=1) + rng.integers(1, size, len(errs))) % size
    said[errs] = np.eye(size, dtype=np.bool_)[wrong]
    return said


def _derangement(size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """An order in which nothing keeps its place."""
    around = rng.permutation(size)
    found = np.empty(size, np.int64)
    found[around] = np.roll(around, 1)
    return found


def _answers(data: Collection, head: Any) -> tuple[Floats, Sets, Sets]:
    """Confidence in each answer to the test texts, whether the whole answer is right, and the sets answered."""
    told = answer(head, head.predict_proba(data.test), data.classes)
    return told.confidence, told.right(data.test_truth), told.chosen


def _f1(chosen: Sets, truth: Sets, axis: int) -> NDArray[np.float64]:
    """Of each text (axis 1) or category (axis 0). Over texts of one category its mean is the accuracy."""
    both: NDArray[np.float64] = 2 * (chosen & truth).sum(axis=axis) / np.maximum(chosen.sum(axis) + truth.sum(axis), 1)
    return both


def _measure(curve: Curve, data: Collection, head: Any, decisions: int, seconds: tuple[float, float]) -> None:
    curve.decisions.append(decisions)
    curve.training_seconds.append(seconds[0])
    curve.asking_seconds.append(seconds[1])
    if head is None:  # nothing is known, not even names: a guess
        curve.accuracy.append(1 / len(data.names))
        curve.macro_f1.append(1 / len(data.names))
        curve.calibration_error.append(0.0)
        return
    sure, right, chosen = _answers(data, head)
    there = data.test_truth.any(axis=0)
    curve.accuracy.append(float(_f1(chosen, data.test_truth, 1).mean()))
    curve.macro_f1.append(float(_f1(chosen, data.test_truth, 0)[there].mean()))
    curve.calibration_error.append(calibration_error(sure, right))
    if decisions == CALIBRATED_AT:
        curve.confidence, curve.correct = sure, right
