"""Likely errors, drift and what is new, in simulated projects whose truth is known."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks._vectors import Labelled
from models.learn.drift import drift
from models.learn.heads import Head
from models.learn.label_errors import suspects
from models.learn.novelty import familiarity, unfamiliar
from models.learn.shift import judge, shift_test
from models.learn.training import fit_head, held_out_probabilities

FLIPPED = 0.05
LOOKED_AT = 100
DECISIONS = 1_500
A_DAY, WINDOW, DAYS = 60, 7, 30
REFERENCE = 2_000
SPREAD_TO = 0.3


def label_errors(data: Labelled, seed: int) -> dict[str, object]:
    """Flip some decisions, and count how many are among the first second looks."""
    rng = np.random.default_rng([seed, 3])
    rows = rng.permutation(len(data.x))[:DECISIONS]
    said = data.truth[rows].copy()
    wrong = rng.random(len(said)) < FLIPPED
    said[wrong] = (said[wrong] + rng.integers(1, len(data.names), int(wrong.sum()))) % len(data.names)
    held = held_out_probabilities(data.x[rows], said, data.prototypes, data.classes)
    first = suspects(data.x[rows], said, held, data.classes).rows[:LOOKED_AT]
    found = int(wrong[first].sum())
    return {
        "set": data.name,
        "flipped": int(wrong.sum()),
        "looked_at": len(first),
        "precision": found / max(len(first), 1),
        "recall": found / int(wrong.sum()),
        "precision_at_flipped": float(wrong[first[: int(wrong.sum())]].mean()),
    }


def drifts(data: Labelled, projects: int, seed: int) -> Iterator[dict[str, object]]:
    """A calm month, then days on which one category makes up a third of what comes in; looked at once a day."""
    for number in range(projects):
        rng = np.random.default_rng([seed, 4, number])
        order = rng.permutation(len(data.x))
        learnt, rest = order[:500], order[500:]
        before, stream = np.split(rest, [min(REFERENCE, len(rest) // 2)])
        head = fit_head(data.x[learnt], data.truth[learnt], data.prototypes, data.classes).head
        grows = int(rng.choice(np.unique(data.truth)))
        calm = rng.choice(stream, (DAYS + WINDOW, A_DAY))
        alarms = [_alarm(head, data, before, calm[day : day + WINDOW].ravel(), day) for day in range(DAYS)]
        mine = stream[data.truth[stream] == grows]
        new = np.where(
            rng.random((2 * WINDOW, A_DAY)) < SPREAD_TO,
            rng.choice(mine, (2 * WINDOW, A_DAY)),
            rng.choice(stream, (2 * WINDOW, A_DAY)),
        )
        days = np.concatenate([calm[-WINDOW + 1 :], new])
        heard = (
            day + 1 for day in range(2 * WINDOW) if _alarm(head, data, before, days[day : day + WINDOW].ravel(), day)
        )
        yield {
            "set": data.name,
            "false_days": int(np.sum(alarms)),
            "false_alarms": int(np.sum(np.diff([0, *alarms]) == 1)),
            "delay": next(heard, None),
        }


def _alarm(head: Head, data: Labelled, before: NDArray[np.int64], recent: NDArray[np.int64], seed: int) -> bool:
    one, other = head.predict_proba(data.x[before]), head.predict_proba(data.x[recent])
    shift = drift(data.x[before], one, data.x[recent], other)
    test = shift_test(data.x[before], one.argmax(axis=1), data.x[recent], other.argmax(axis=1), seed=seed)
    return judge(shift, test).shifted


def novelty(known: Labelled, outside: Labelled, decisions: int, seed: int) -> dict[str, object]:
    """Tell texts of no category from texts of one, all of them undecided."""
    rng = np.random.default_rng([seed, 5])
    order = rng.permutation(len(known.x))
    decided, rest = known.x[order[:decisions]], known.x[order[decisions:]]
    inside = familiarity(rest, decided, known.prototypes)
    strange = familiarity(outside.x, decided, known.prototypes)
    head = fit_head(decided, known.truth[order[:decisions]], known.prototypes, known.classes).head
    return {
        "decisions": decisions,
        "auroc": auroc(-strange, -inside),
        "auroc_of_confidence": auroc(-head.predict_proba(outside.x).max(axis=1), -head.predict_proba(rest).max(axis=1)),
        "called_unfamiliar": float(unfamiliar(outside.x, decided, known.prototypes).mean()),
        "called_so_wrongly": float(unfamiliar(rest, decided, known.prototypes).mean()),
    }


def auroc(positive: NDArray[np.floating], negative: NDArray[np.floating]) -> float:
    """How often a positive one stands above a negative one."""
    ordered = np.sort(negative)
    below = np.searchsorted(ordered, positive, "left") + np.searchsorted(ordered, positive, "right")
    return float(below.mean() / 2 / len(negative))
