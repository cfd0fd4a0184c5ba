"""Numbers over everything, for monitoring."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.store.tables import JobRow, ProjectRow
from models.store.types import utc_now
from models.vocabulary import DEADLY, JobStatus


@dataclass(frozen=True, slots=True)
class Figures:
    """A moment's numbers.

    Attributes:
        jobs: by kind and status.
        broken: those that failed though nothing was wrong with what they were given, by kind.
        deadly: those given up because every worker that took them died, by kind.
        oldest_due_seconds: how long the longest-waiting due job has waited; 0 where none waits.
        projects: how many there are.
    """

    jobs: dict[tuple[str, ...], int]
    broken: dict[str, int]
    deadly: dict[str, int]
    oldest_due_seconds: float
    projects: int


def figures(session: Session) -> Figures:
    """The numbers now, from a handful of queries."""
    now = utc_now()
    jobs = session.execute(select(JobRow.kind, JobRow.status, func.count()).group_by(JobRow.kind, JobRow.status)).all()
    died = func.count().filter(JobRow.error.startswith(DEADLY))
    failed = JobRow.status == JobStatus.FAILED, JobRow.refused.is_(False)
    broken = session.execute(select(JobRow.kind, func.count(), died).where(*failed).group_by(JobRow.kind)).all()
    oldest = session.scalar(
        select(func.min(JobRow.due_at)).where(JobRow.status == JobStatus.QUEUED, JobRow.due_at <= now)
    )
    return Figures(
        jobs={(kind.value, status.value): count for kind, status, count in jobs},
        broken={kind.value: count for kind, count, _ in broken},
        deadly={kind.value: count for kind, _, count in broken},
        oldest_due_seconds=(now - oldest).total_seconds() if oldest is not None else 0.0,
        projects=session.scalar(select(func.count()).select_from(ProjectRow)) or 0,
    )
