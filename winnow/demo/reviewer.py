"""A reviewer played from the true labels, so that one can watch the accuracy climb."""

from __future__ import annotations

import time
import uuid
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from winnow.demo.articles import SLUG, load
from winnow.errors import WaitTimedOut

if TYPE_CHECKING:
    from collections.abc import Iterator

    from winnow.client import Client
    from winnow.schemas import Task
    from winnow.schemas_insight import Stats

_LEASE = 10
_LOOK_SECONDS = 0.3
_PATIENCE_SECONDS = 120.0
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Round:
    """What stood after some decisions.

    Attributes:
        decisions: played so far.
        agreed: share of the last cards on which the machine had been right (0 to 1); None where all were blind.
        version: the number that serves (0: names and descriptions alone).
        truth: share of all articles, the decided ones among them, that the serving version has right; None while
            the version is the same as before. More than audits say, for the hard ones are decided.
        audited: accuracy by blind audits, with `low` and `high`; None while there are none.
        low: lower end of the 95 % interval.
        high: its upper end.
    """

    decisions: int
    agreed: float | None
    version: int
    truth: float | None
    audited: float | None
    low: float | None
    high: float | None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    def sentence(self) -> str:
        """For people."""
        words = [f"{self.decisions:>5} decisions, version {self.version} serves"]
        if self.truth is not None:
            words.append(f"{self.truth:.1%} of all articles right, the decided ones among them")
        if self.audited is not None and self.low is not None and self.high is not None:
            words.append(f"blind audits say {self.audited:.1%} ({self.low:.1%} to {self.high:.1%})")
        return "; ".join(words)


def simulate(client: Client, decisions: int, pace: float = 0.0) -> Iterator[Round]:
    """Leases cards and answers them from the true labels.

    Args:
        client: a client that may review and browse.
        decisions: how many to play.
        pace: seconds for each card.

    Yields:
        What stands after each lease of cards, the first before any decision.

    Raises:
        NoArticlesError: where the labels are not installed.
        WaitTimedOut: where no card comes for two minutes although nothing is going on.
    """
    true = {article.id: article.category for article in load()}
    known_version: int | None = None
    done, agreed = 0, None
    while True:
        stats = client.stats(SLUG)
        version = stats.serving_model or 0
        truth = None if version == known_version else _truth(client, true)
        known_version = version
        yield _round(done, agreed, stats, truth)
        if done >= decisions:
            return
        tasks = _lease(client, min(_LEASE, decisions - done))
        if not tasks:
            return
        time.sleep(pace * len(tasks))
        results = client.decide_many(SLUG, [_decision(task, true) for task in tasks])
        done += sum(result.status == "created" for result in results)
        agreed = _agreement(tasks, true)


def _lease(client: Client, count: int) -> list[Task]:
    """Cards; waits for them while the system is working. Empty where the pool is used up."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        if tasks := client.lease(SLUG, count):
            return tasks
        stats = client.stats(SLUG)
        if stats.items.decided >= stats.items.total:
            return []
        if time.monotonic() > deadline and stats.jobs:
            raise WaitTimedOut(stats.jobs[0], _PATIENCE_SECONDS)
        if time.monotonic() > deadline:
            return []
        time.sleep(_LOOK_SECONDS)


def _decision(task: Task, true: dict[str, str]) -> dict[str, Any]:
    category = true.get(task.item.external_id or "")
    answer: dict[str, Any] = {"task_id": task.task_id, "idempotency_key": uuid.uuid4().hex}
    if category is None:
        return {**answer, "action": "skip"}  # an item that is not of the demo
    if task.prediction is not None and task.prediction.category == category:
        return {**answer, "action": "accept", "categories": [category]}
    return {**answer, "action": "correct", "categories": [category]}


def _agreement(tasks: list[Task], true: dict[str, str]) -> float | None:
    seen = [task for task in tasks if task.prediction is not None]
    right = sum(
        task.prediction is not None and task.prediction.category == true.get(task.item.external_id or "")
        for task in seen
    )
    return right / len(seen) if seen else None


def _truth(client: Client, true: dict[str, str]) -> float | None:
    """The share of articles whose prediction is the true label."""
    right = asked = 0
    for item in client.items(SLUG, limit=_PAGE):
        category = true.get(item.external_id or "")
        if item.prediction is not None and category is not None:
            asked += 1
            right += item.prediction.category == category
    return right / asked if asked else None


def _round(done: int, agreed: float | None, stats: Stats, truth: float | None) -> Round:
    honest = stats.accuracy
    return Round(
        decisions=done,
        agreed=agreed,
        version=stats.serving_model or 0,
        truth=truth,
        audited=honest.accuracy if honest else None,
        low=honest.low if honest else None,
        high=honest.high if honest else None,
    )
