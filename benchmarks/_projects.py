"""Simulated projects whose truth is known: heads trained on what was asked, and blind audits of a reserve."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks._vectors import Labelled
from models.learn.acquisition import Candidates, suited
from models.learn.assisted import Measured, assisted, plain
from models.learn.automation import automation_threshold
from models.learn.heads import Head, PrototypeHead
from models.learn.training import fit_head, held_out_probabilities

RESERVE = 0.4
"""Of each pool this part is never asked by the machine: audits are drawn from it."""

TARGETS = (0.9, 0.95, 0.99)


@dataclass(frozen=True)
class Project:
    """A trained version, and what it says of the items it has never learnt from.

    Attributes:
        error: how often its reviewers err.
        confidence: in each answer, shape (n,).
        correct: whether each is truly right, shape (n,).
        agrees: whether each is what a reviewer would say, who errs now and then, shape (n,).
        naive: what people read off the questions that were asked: name to accuracy and its interval's ends.
    """

    name: str
    decisions: int
    error: float
    confidence: NDArray[np.float32]
    correct: NDArray[np.bool_]
    agrees: NDArray[np.bool_]
    naive: dict[str, Measured]


def train(data: Labelled, decisions: int, error: float, seed: int) -> Project:
    """Ask, decide, learn, in growing rounds; then look at the reserve."""
    rng = np.random.default_rng([seed, decisions, round(1000 * error)])
    said = _as_reviewers_say(data.truth, len(data.names), error, rng)
    reserve = rng.random(len(data.truth)) < RESERVE
    decided = reserve.copy()
    head: Head = PrototypeHead().fit(data.prototypes, data.classes)
    asked: list[int] = []
    last = np.empty(0, np.bool_)
    while len(asked) < decisions:
        count = min(max(20, len(asked) // 3), decisions - len(asked))
        candidates = Candidates(data.x, head.predict_proba(data.x), decided)
        picks = suited(len(asked), len(data.names), trained=bool(asked), several=False)(candidates, count, rng).indices
        last = np.concatenate([last, _right(head, data.x[picks], said[picks])])[-100:]
        decided[picks] = True
        asked += picks.tolist()
        rows = np.asarray(asked)
        head = fit_head(data.x[rows], said[rows], data.prototypes, data.classes).head
    rows = np.asarray(asked)
    held = held_out_probabilities(data.x[rows], said[rows], data.prototypes, data.classes)
    shares = head.predict_proba(data.x[reserve])
    answered = head.classes_[shares.argmax(axis=1)]
    return Project(
        data.name,
        decisions,
        error,
        shares.max(axis=1),
        answered == data.truth[reserve],
        answered == said[reserve],
        {
            "on what it learnt": plain(_right(head, data.x[rows], said[rows])),
            "cross-validated": plain(data.classes[held.argmax(axis=1)] == said[rows]),
            "the last hundred answers": plain(last),
        },
    )


def _right(head: Head, x: NDArray[np.float32], truth: NDArray[np.int64]) -> NDArray[np.bool_]:
    right: NDArray[np.bool_] = head.classes_[head.predict_proba(x).argmax(axis=1)] == truth
    return right


def _as_reviewers_say(
    truth: NDArray[np.int64], categories: int, error: float, rng: np.random.Generator
) -> NDArray[np.int64]:
    """The truth, but where a reviewer errs: then any other category."""
    errs = rng.random(len(truth)) < error
    other = (truth + rng.integers(1, categories, len(truth))) % categories
    return np.where(errs, other, truth)


def accuracies(projects: Sequence[Project], sizes: Sequence[int], draws: int, seed: int) -> Iterator[dict[str, object]]:
    """Draw audits of each project again and again, and hold what they say against the truth."""
    rng = np.random.default_rng([seed, 1])
    for project in projects:
        truth = float(project.agrees.mean())
        for size in sizes:
            for _ in range(draws):
                seen = rng.choice(len(project.agrees), min(size, len(project.agrees) // 2), replace=False)
                right, sure = project.agrees[seen], project.confidence[seen]
                for way, found in (("audit", plain(right)), ("assisted", assisted(sure, right, project.confidence))):
                    yield {
                        "way": way,
                        "audits": size,
                        "error": project.error,
                        "bias": found.accuracy - truth,
                        "width": found.high - found.low,
                        "covers": found.low <= truth <= found.high,
                        "covers_truth": found.low <= float(project.correct.mean()) <= found.high,
                        "assisted": found.assisted,
                    }
        for way, found in project.naive.items():
            yield {
                "way": way,
                "audits": 0,
                "error": project.error,
                "bias": found.accuracy - truth,
                "width": found.high - found.low,
                "covers": found.low <= truth <= found.high,
                "covers_truth": found.low <= float(project.correct.mean()) <= found.high,
                "assisted": False,
            }


def automations(
    projects: Sequence[Project], audits: int, runs: int, target: float, seed: int
) -> Iterator[dict[str, object]]:
    """Set a threshold from fresh audits, `runs` times, the projects by turns, and hold it against the truth."""
    rng = np.random.default_rng([seed, 2, round(1000 * target)])
    for run in range(runs):
        project = projects[run % len(projects)]
        count = len(project.correct)
        seen = rng.choice(count, min(audits, count // 2), replace=False)
        found = automation_threshold(project.confidence[seen], project.agrees[seen], project.confidence, target)
        order = np.argsort(-project.confidence, kind="stable")
        reached = np.flatnonzero(np.cumsum(project.correct[order]) / np.arange(1, count + 1) >= target)
        accepted = np.zeros(count, np.bool_) if found.threshold is None else project.confidence >= found.threshold
        yield {
            "error": project.error,
            "name": project.name,
            "share": found.share or 0.0,
            "possible": (int(reached[-1]) + 1) / count if len(reached) else 0.0,
            "broken": bool(accepted.any() and project.correct[accepted].mean() < target),
        }
