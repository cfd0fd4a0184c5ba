"""From decisions to a head: how far to trust names, decisions and neighbours, found out on held-out decisions."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from models.errors import TooLittleToLearn
from models.learn.blending import fit_blend
from models.learn.calibration import (
    borne_out,
    fit_temperature,
    log_loss,
    log_odds,
    mean_confidence,
    never_certain,
    row_weights,
    sharpened,
    surprise,
)
from models.learn.fields import gained, joined
from models.learn.heads import Floats, Ids, LinearHead, others_behind, softmax
from models.learn.lessons import Lesson, summed
from models.learn.names import Names, clearly_better, say_nothing
from models.learn.single import on_one_thread
from models.learn.spreading import Spreading, Weights

FOLDS: Final = 3
LEAST_DECISIONS: Final = 2
LEAST_CATEGORIES: Final = 2
LEAST_UNIFORM: Final = 60
LEAST_POOL: Final = 30
PRIOR_ROWS: Final = 20
PART: Final = 6  # of the pool's items one in so many is kept aside
LEAST_ASIDE: Final = 50
IN_COMMON: Final = 0.5  # decisions a category that weigh as much as its name
USUAL: Final = {1: (2.5,), 2: (1.4, 1.0)}  # weights of the experts, before any decision speaks
TRUSTED_SHARE: Final = 0.6
RIVALS: Final = 12  # categories that share an item's probability out, as good as alone


@dataclass(frozen=True, slots=True)
class FitResult:
    """A trained head and what its training found out.

    Attributes:
        head: calibrated and ready.
        calibration: `temperature`; the `rows` held-out answers were fitted on and `log_loss` on them; where a part of
            the pool was there to look at, the `agreement` that the temperature follows.
        gate: `names`, whether the categories' names take part and `names_of` which; how often they are right
            alone, and all together on held-out decisions; how much `decided` items and their `neighbours` weigh; where
            fields were tried, what they did.
        fields: whether the head wants their columns behind its vectors.
    """

    head: LinearHead
    calibration: dict[str, Any]
    gate: dict[str, Any]
    fields: bool = False


def fit_head(
    x: Floats,
    y: Ids,
    prototypes: Floats,
    classes: Ids,
    *,
    pool: Floats | None = None,
    fields: tuple[Floats, Floats | None] | None = None,
    uniform: NDArray[np.bool_] | None = None,
    asked: float = 0.0,
    seed: int = 0,
) -> FitResult:
    """Train a head on decisions. The same arguments give the same head, byte for byte.

    Args:
        x: vectors of decided items, shape (n, d).
        y: their category ids, shape (n,).
        prototypes: vectors of the categories' names and descriptions, shape (k, d).
        classes: the categories' ids, shape (k,); a category may have no decision.
        pool: vectors of other items of the pool drawn at random, shape (m, d): decisions spread along likeness to
            five sixths of those, the rest say how firm the answers are. Time grows with m²; some thousands are enough.
        fields: columns of the decided items (n, c) and of the pool (m, c): they are kept if they clearly help.
        uniform: which rows are a random sample of the pool, shape (n,). Rows that were asked because they
            are hard make answers look worse than they are; with enough random ones the confidence is
            fitted on those.
        asked: the share of all items, 0 .. 1, that is decided already and so cannot be in the pool.
        seed: of the folds.

    Raises:
        TooLittleToLearn: fewer than two decisions, or fewer than two categories.
    """
    with on_one_thread():
        graph, aside = _parted(pool)
        lesson = _lesson(x, y, prototypes, classes, graph)
        folds = _folds(lesson.truth, seed)
        held_out = _held_out(lesson, folds)
        helped = False
        if fields is not None:
            lesson, held_out, aside, helped = _with_fields(lesson, held_out, aside, fields, folds)
        temperature, calibration = _calibrate(held_out.logits, lesson.truth, held_out.counts, uniform)
        weights = lesson.settle(held_out.names, held_out.experts, held_out.weights, temperature)
        if aside is not None and not calibration["random_rows"]:
            temperature, calibration["agreement"] = _by_agreement(
                held_out, lesson.truth, weights, aside, asked, temperature
            )
            calibration["temperature"] = temperature
    rivals = RIVALS if calibration.get("agreement") and len(lesson.classes) > RIVALS else 0
    head = LinearHead(names_weight=float(held_out.names is Names.ALL), temperature=temperature, rivals=rivals)
    head.classes_ = lesson.classes
    head.coef_, head.intercept_ = weights
    return FitResult(head, calibration, held_out.gate, helped)


def held_out_probabilities(x: Floats, y: Ids, prototypes: Floats, classes: Ids, *, seed: int = 0) -> Floats:
    """What the head would say of each decided item if that item had not been decided.

    Args:
        x: vectors of decided items, shape (n, d).
        y: their category ids, shape (n,).
        prototypes: vectors of the categories' names and descriptions, shape (k, d).
        classes: the categories' ids, ascending, shape (k,).
        seed: of the folds.

    Returns:
        Calibrated probabilities (n, k), each from a head that did not see the row.

    Raises:
        TooLittleToLearn: fewer than two decisions, or fewer than two categories.
    """
    with on_one_thread():
        lesson = _lesson(x, y, prototypes, classes, None)
        held_out = _held_out(lesson, _folds(lesson.truth, seed))
    temperature, _ = _calibrate(held_out.logits, lesson.truth, held_out.counts, None)
    return softmax(held_out.logits / np.float32(temperature))


@dataclass(frozen=True, slots=True)
class _HeldOut:
    """What the experts say together of decisions that they had not seen, and the experts that know them all.

    `apart` has those of each fold, who did not know it.
    """

    logits: Floats
    names: Names
    experts: list[Weights]
    apart: list[list[Weights]]
    weights: list[float]
    counts: NDArray[np.float64]
    gate: dict[str, Any]


def _lesson(x: Floats, y: Ids, prototypes: Floats, classes: Ids, pool: Floats | None) -> Lesson:
    """The arguments of training, checked and in the order of the categories' ids."""
    if len(classes) < LEAST_CATEGORIES:
        raise TooLittleToLearn(f"There are {len(classes)} categories; training needs {LEAST_CATEGORIES}.")
    if len(y) < LEAST_DECISIONS:
        raise TooLittleToLearn(f"There are {len(y)} decisions; training needs {LEAST_DECISIONS}.")
    order = np.argsort(classes)
    known = np.asarray(classes, dtype=np.int64)[order]
    vectors = np.asarray(x, dtype=np.float32)
    words = np.asarray(prototypes, dtype=np.float32)[order]
    graph = None if pool is None or len(pool) < LEAST_POOL else Spreading(vectors, words, pool)
    return Lesson(vectors, np.searchsorted(known, y), words, known, graph)


def _parted(pool: Floats | None) -> tuple[Floats | None, Floats | None]:
    """The items that the decisions spread to, and others that stay as new to the head as what it will be asked."""
    if pool is None or len(pool) < PART * LEAST_ASIDE:
        return pool, None
    aside = np.arange(len(pool)) % PART == 0
    return pool[~aside], np.asarray(pool[aside], dtype=np.float32)


def _folds(truth: Ids, seed: int) -> Ids:
    """The fold of each row, shape (n,): every category is spread over the folds as evenly as can be."""
    shuffled = np.random.default_rng(seed).permutation(len(truth))
    by_class = shuffled[np.argsort(truth[shuffled], kind="stable")]
    folds = np.empty(len(truth), dtype=np.int64)
    folds[by_class] = np.arange(len(truth)) % FOLDS
    return folds


def _held_out(lesson: Lesson, folds: Ids) -> _HeldOut:
    """Names help early and hurt where they mislead: the decisions so far settle which of them are heard."""
    truth = lesson.truth
    named = (lesson.x @ lesson.prototypes.T).argmax(axis=1)
    alone = float((named == truth).mean())
    if say_nothing(named, truth):
        return _blended(lesson, folds, Names.NONE, alone)
    every = _blended(lesson, folds, Names.ALL, alone)
    if alone >= TRUSTED_SHARE * every.gate["accuracy"]:  # names that answer this well do not mislead
        return every
    new = _blended(lesson, folds, Names.NEW, alone)
    better = clearly_better(surprise(new.logits, truth), surprise(every.logits, truth))
    return new if better else every


def _with_fields(
    lesson: Lesson, held_out: _HeldOut, aside: Floats | None, fields: tuple[Floats, Floats | None], folds: Ids
) -> tuple[Lesson, _HeldOut, Floats | None, bool]:
    """The same with fields, if decisions that were held out say that these help; else as it was. And which it is."""
    spread, apart = _parted(fields[1])
    wide = lesson.beside(fields[0], spread)
    tried = _held_out(wide, folds)
    gain, helped = gained(surprise(tried.logits, lesson.truth), surprise(held_out.logits, lesson.truth))
    told = {"used": helped, "gain": gain, "accuracy": tried.gate["accuracy"], "without": held_out.gate["accuracy"]}
    if not helped:
        held_out.gate["fields"] = told
        return lesson, held_out, aside, False
    tried.gate["fields"] = told
    return wide, tried, aside if aside is None or apart is None else joined(aside, apart), True


def _blended(lesson: Lesson, folds: Ids, names: Names, alone: float) -> _HeldOut:
    experts, apart = lesson.held_out(folds, names)
    usual = USUAL[len(experts)]
    taught = lesson.teach(np.ones(len(lesson.truth), dtype=np.bool_), names, rough=True)
    counts = np.ones(len(lesson.truth))
    if lesson.spreading is not None:
        items = lesson.spreading.items[len(lesson.truth) :]
        pool = summed([items @ coef.T + bias for coef, bias in taught], usual)
        counts = row_weights(_sure(summed(experts, usual)), _sure(pool))
    weights = fit_blend(experts, lesson.truth, usual, counts).tolist()
    logits = summed(experts, weights)
    right = float((logits.argmax(axis=1) == lesson.truth).mean())
    gate = {
        "names": names is not Names.NONE,
        "names_of": names.value,
        "names_alone": round(alone, 4),
        "accuracy": round(right, 4),
        "decided": weights[0],
        "neighbours": weights[1] if len(weights) > 1 else None,
    }
    return _HeldOut(logits, names, taught, apart, weights, counts, gate)


def _by_agreement(
    held_out: _HeldOut, truth: Ids, weights: Weights, aside: Floats, asked: float, temperature: float
) -> tuple[float, float]:
    """The temperature, and how often experts that lack a third of the decisions answer as the head does.

    What was asked for being hard makes the head look worse than it is, however rows are weighted: the version that
    chose them is not there to be asked. Items drawn at random need no label to tell how firm the answers stand, and
    answers that change with a third of the decisions are wrong about as often as they change (Jiang et al. 2022).

    That is a beginning: see `borne_out` for what the decisions make of it. And with few decisions a category it is
    the names that answer, which all experts have in common: then none of it is believed whole.

    What is undecided yet is easier than what will come, for the hard items were taken out by asking about them: so
    the decided ones stand for their share of all, as heads answer them that did not know them. And where categories
    are many, those that are no rivals of the likeliest get less: the small shares of all of them make what is unsure
    look too unsure, and a temperature that makes up for it makes what is sure too sure.
    """
    logits = (aside @ weights[0].T + weights[1]) / np.float32(temperature)
    others = [summed([aside @ coef.T + bias for coef, bias in apart], held_out.weights) for apart in held_out.apart]
    agreement = float(np.mean([other.argmax(axis=1) == logits.argmax(axis=1) for other in others]))
    if not agreement:  # with a handful of decisions a third of them may be all that is known of a category
        return temperature, agreement
    logits = others_behind(logits, RIVALS)
    agreeing = np.float32(sharpened(logits, never_certain(agreement, len(aside))))
    decided = others_behind(held_out.logits, RIVALS) / np.float32(temperature)
    every = np.vstack([logits, decided])
    counts = np.repeat([(1 - asked) / len(logits), asked / len(decided)], [len(logits), len(decided)])
    wanted = borne_out(mean_confidence(every / agreeing, counts), len(aside), decided / agreeing, truth)
    own = log_odds(mean_confidence(every, counts), len(aside))
    trust = 1.0
    if held_out.names is not Names.NONE:
        rows, categories = held_out.logits.shape
        trust = rows / (rows + IN_COMMON * categories)
    believed = float(expit(own + trust * (wanted - own)))
    return round(temperature * sharpened(every, believed, counts), 4), round(agreement, 4)


def _sure(logits: Floats) -> Floats:
    best = np.partition(logits, -2, axis=1)[:, -2:]
    return np.asarray(best[:, 1] - best[:, 0], dtype=np.float32)


def _calibrate(
    logits: Floats, truth: Ids, counts: NDArray[np.float64], uniform: NDArray[np.bool_] | None
) -> tuple[float, dict[str, Any]]:
    """The temperature: 1, for the blend has its scale already, unless enough random rows say better."""
    rows, temperature = np.ones(len(truth), dtype=np.bool_), 1.0
    if uniform is not None and int(uniform.sum()) >= LEAST_UNIFORM:
        rows, counts = np.asarray(uniform, dtype=np.bool_), np.ones(len(truth))
        trust = int(rows.sum()) / (int(rows.sum()) + PRIOR_ROWS)
        temperature = round(float(np.exp(trust * np.log(fit_temperature(logits[rows], truth[rows])))), 4)
    return temperature, {
        "temperature": temperature,
        "rows": int(rows.sum()),
        "rows_worth": round(float(counts[rows].sum()), 1),
        "random_rows": bool(rows.sum() < len(rows)),
        "log_loss": round(log_loss(logits[rows], truth[rows], temperature), 4),
    }
