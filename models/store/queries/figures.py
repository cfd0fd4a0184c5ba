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
        deadly: those given up because every worker that took them died, by kind.
        oldest_due_seconds: how long the longest-waiting due job has waited; 0 where none waits.
        projects: how many there are.
    """

    jobs: dict[tuple[str, ...], int]
    deadly: dict[str, int]
    oldest_due_seconds: float
    projects: int


def figures(session: Session) -> Figures:
    """The numbers now, from a handful of queries."""
    now = utc_now()
    jobs = session.execute(select(JobRow.kind, JobRow.status, func.count()).group_by(JobRow.kind, JobRow.status)).all()
    died = JobRow.status == JobStatus.FAILED, JobRow.error.startswith(DEADLY)
    deadly = session.execute(select(JobRow.kind, func.count()).where(*died).group_by(JobRow.kind)).all()
    oldest = session.scalar(
        select(func.min(JobRow.due_at)).where(JobRow.status == JobStatus.QUEUED, JobRow.due_at <= now)
    )
    return Figures(
        jobs={(kind.value, status.value): count for kind, status, count in jobs},
        deadly={kind.value: count for kind, count in deadly},
        oldest_due_seconds=(now - oldest).total_seconds() if oldest is not None else 0.0,
        projects=session.scalar(select(func.count()).select_from(ProjectRow)) or 0,
    )
