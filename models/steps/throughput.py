"""How much people did, day by day, and how long a decision takes them."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median

from sqlalchemy.orm import Session

from models.store.queries.work import reviewed
from models.store.tables import ProjectRow
from models.store.types import utc_now

LONGEST = 600.0
"""Seconds; who took longer was not looking at the card all the time, and is not counted for the pace."""


@dataclass(frozen=True, slots=True)
class Day:
    """What one reviewer did on one day (UTC)."""

    day: date
    reviewer: str
    decisions: int


@dataclass(frozen=True, slots=True)
class Throughput:
    """What people did lately.

    Attributes:
        days: oldest first; days without work are left out.
        pace: median seconds for a decision by reviewer, where any were measured.
        median_seconds: of all of them; None where none was measured.
    """

    days: list[Day]
    pace: dict[str, float]
    median_seconds: float | None


def throughput(session: Session, project: ProjectRow, days: int) -> Throughput:
    """What was done in the last so many days, today among them."""
    begin = utc_now().replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days - 1)
    rows = reviewed(session, project.id, begin)
    counts = Counter((when.date(), name) for when, name, _ in rows)
    seconds: dict[str, list[float]] = {}
    for _, name, took in rows:
        if took is not None and 0 < took <= LONGEST:
            seconds.setdefault(name, []).append(took)
    every = [took for one in seconds.values() for took in one]
    return Throughput(
        [Day(day, name, count) for (day, name), count in sorted(counts.items())],
        {name: median(took) for name, took in sorted(seconds.items())},
        median(every) if every else None,
    )
