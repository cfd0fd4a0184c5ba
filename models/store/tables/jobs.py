"""Work that happens behind a request, and who is there to do it."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from models.store.base import Numbered, Row, constraints
from models.store.types import BigId, Enumerated, Json, utc_now
from models.vocabulary import Job, JobStatus


class JobRow(Row):
    """One piece of work, written in the transaction that causes it.

    Attributes:
        dedupe_key: what the job does; at most one queued and one running job bear the same key.
        due_at: not before this moment.
        dispatched_at: when the doorbell was last rung for it.
        traceparent: the span that left it, where traces are kept.
        refused: it failed because of what it was given, and nothing is broken.
        lease_token: raised by each claim; effects are kept only under the token that is still current.
    """

    __tablename__ = "job"
    __table_args__ = (Index(None, "status", "due_at"), Index(None, "project_id", "created_at"))

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    kind: Mapped[Job] = mapped_column(Enumerated(Job))
    project_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("project.id", ondelete="CASCADE"))
    payload: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    dedupe_key: Mapped[str] = mapped_column(String(200))
    status: Mapped[JobStatus] = mapped_column(Enumerated(JobStatus), default=JobStatus.QUEUED)
    due_at: Mapped[datetime] = mapped_column(default=utc_now)
    dispatched_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    lease_token: Mapped[int] = mapped_column(default=0)
    lease_expires_at: Mapped[datetime | None]
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    progress_done: Mapped[int] = mapped_column(default=0)
    progress_total: Mapped[int | None]
    result: Mapped[dict[str, Any] | None] = mapped_column(Json)
    error: Mapped[str | None] = mapped_column(Text)
    refused: Mapped[bool] = mapped_column(default=False, server_default=false())
    actor: Mapped[str | None] = mapped_column(String(64))
    request_id: Mapped[str | None] = mapped_column(String(64))
    traceparent: Mapped[str | None] = mapped_column(String(55))
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


for _status in (JobStatus.QUEUED, JobStatus.RUNNING):
    Index(
        f"uq_job_dedupe_key_{_status.value}",
        JobRow.dedupe_key,
        unique=True,
        sqlite_where=JobRow.status == _status,
        postgresql_where=JobRow.status == _status,
    )


class ScheduleRow(Row):
    """A due time of regular work that somebody has taken care of. The key keeps it to once."""

    __tablename__ = "schedule"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    due_at: Mapped[datetime] = mapped_column(primary_key=True)


class WorkerRow(Numbered, Row):
    """A worker process and when it was last seen."""

    __tablename__ = "worker"
    __table_args__ = constraints(UniqueConstraint("name"))

    name: Mapped[str] = mapped_column(String(100))
    seen_at: Mapped[datetime] = mapped_column(default=utc_now, index=True)


class BackupRow(Numbered, Row):
    """A backup that was made, or the one that this system was restored from.

    Attributes:
        taken_at: the moment whose state it holds.
        name: the archive's file name, without its folder.
        sha256: of its manifest; the archive is known by it.
    """

    __tablename__ = "backup"
    __table_args__ = constraints(Index(None, "taken_at"))

    taken_at: Mapped[datetime]
    name: Mapped[str] = mapped_column(String(255))
    size: Mapped[int] = mapped_column(BigId)
    sha256: Mapped[str] = mapped_column(String(64))
    restored: Mapped[bool] = mapped_column(default=False)
