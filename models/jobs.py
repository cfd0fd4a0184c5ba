"""The outbox: work is a row, written in the transaction that causes it.

    enqueue ─▶ queued ─▶ (doorbell) ─▶ claim ─▶ running ─▶ complete ─▶ succeeded
                 ▲                                │
                 └── set back, lease expired ◀────┘──▶ give up ─▶ failed

The database is the truth. Redis only rings: whatever it forgets, `due` finds again. A claim raises the
row's lease token, and every effect is committed together with a check of that token, so a worker that was
taken for dead cannot add anything to what its successor does.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, CursorResult, Update, and_, case, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session

from models import spans, tracing
from models.errors import LeaseLost
from models.store.tables import JobRow, ScheduleRow
from models.store.types import utc_now
from models.store.upsert import insert_new
from models.vocabulary import DEADLY, Job, JobStatus

RING_AGAIN = timedelta(seconds=5)
"""A job that was rung for and not claimed by then is rung for again."""

LOOK_AGAIN = timedelta(seconds=10)
"""A job that met something that is away is tried again after so long."""

LONGEST_LEASE = timedelta(hours=1)
"""The setting allows no longer one."""

_BACK_OFF_SECONDS = (1, 5, 20, 60, 300)
_LONGEST_WAIT = timedelta(seconds=2 * _BACK_OFF_SECONDS[-1])
_MESSAGES = (Job.DELIVER, Job.MAIL)
"""No other work is ever put off for longer: what is due later was written by a clock that was set back since."""

Moment = datetime | BindParameter[datetime]


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker's right to a job, good for as long as `token` is the row's own.

    Attributes:
        done: the progress an earlier attempt or slice has committed; where to go on.
    """

    id: str
    kind: Job
    token: int
    attempt: int
    project_id: int | None
    payload: dict[str, Any]
    done: int
    total: int | None
    request_id: str | None
    traceparent: str | None


def enqueue(
    session: Session,
    kind: Job,
    *,
    key: str,
    project_id: int | None = None,
    payload: dict[str, Any] | None = None,
    actor: str | None = None,
    request_id: str | None = None,
    total: int | None = None,
    due_at: datetime | None = None,
) -> JobRow:
    """Leave a job behind this transaction.

    Args:
        key: says what it does, e.g. `embed:7`. While one of the same key is queued, that one is returned.

    Returns:
        The queued job.
    """
    now = utc_now()
    fresh = {
        "id": uuid.uuid4().hex,
        "created_at": now,
        "kind": kind,
        "project_id": project_id,
        "payload": payload or {},
        "dedupe_key": key,
        "status": JobStatus.QUEUED,
        "due_at": due_at or now,
        "progress_total": total,
        "actor": actor,
        "request_id": request_id or tracing.request_id(),
        "traceparent": spans.traceparent(),
    }
    queued = None
    while queued is None:  # one of the same key may be taken up between the two statements: then there is room anew
        insert_new(session, JobRow, [fresh])
        queued = _queued(session, key)
    if queued.id == fresh["id"]:
        _ring(session, queued)
    return queued


def _queued(session: Session, key: str) -> JobRow | None:
    """The queued job of a key, kept from being taken up until this transaction's rows are there for it to see."""
    return session.scalar(
        select(JobRow)
        .where(JobRow.dedupe_key == key, JobRow.status == JobStatus.QUEUED)
        .with_for_update(read=True)
        .execution_options(populate_existing=True)
    )


def lease_is_over(ends: InstrumentedAttribute[datetime | None], now: Moment, latest: Moment) -> ColumnElement[bool]:
    """Whether a lease has ended, or was given by a clock that has been set back since.

    Args:
        ends: the column that says until when it lasts.
        latest: `latest_end(now, lease)`.
    """
    return or_(ends < now, ends > latest)


def latest_end(now: datetime, lease: timedelta) -> datetime:
    """When a lease given now ends at the latest; clocks of several machines may differ by as long as it lasts."""
    return now + 2 * lease


def due(session: Session, *, lease: timedelta = LONGEST_LEASE, limit: int = 100) -> list[str]:
    """The calls for jobs that wait: new ones, and those whose worker went away. Marks them as rung for.

    Args:
        lease: for how long workers take jobs.
    """
    now = utc_now()
    unheard = or_(
        JobRow.dispatched_at.is_(None),
        JobRow.dispatched_at < now - RING_AGAIN,
        JobRow.dispatched_at > now + LOOK_AGAIN,
    )
    waiting = or_(
        and_(JobRow.status == JobStatus.QUEUED, JobRow.due_at <= now),
        and_(JobRow.status == JobStatus.QUEUED, JobRow.due_at > now + _LONGEST_WAIT, JobRow.kind.not_in(_MESSAGES)),
        and_(JobRow.status == JobStatus.RUNNING, lease_is_over(JobRow.lease_expires_at, now, latest_end(now, lease))),
    )
    rows = session.scalars(
        select(JobRow).where(waiting, unheard).order_by(JobRow.due_at).limit(limit).with_for_update(skip_locked=True)
    ).all()
    for row in rows:
        row.dispatched_at = now
    return [call(row) for row in rows]


def call(row: JobRow) -> str:
    """What Redis is told: the job, and which claim it waits for, so that no later one is mistaken for it."""
    return f"{row.id}-{row.lease_token}"


def claim(
    session: Session,
    job_id: str,
    *,
    lease: timedelta,
    attempts: int,
    let_go: Callable[[Session, JobRow], object] = lambda _session, _row: None,
) -> Claim | None:
    """Take a job, if it is there to be taken.

    Args:
        let_go: told of a job that ends here without having been done.

    Returns:
        None where it is done, not due, another worker has it, or a job of the same key is running.
        A job that was tried too often is given up here, one that is to be cancelled is cancelled.
    """
    now = utc_now()
    row = session.get(JobRow, job_id, with_for_update=True, populate_existing=True)
    if row is None or not _free(row, now, lease):
        return None
    if row.cancel_requested:
        _end(row, JobStatus.CANCELLED, error=None, now=now)
        let_go(session, row)
        return None
    if row.attempts >= attempts:
        _end(row, JobStatus.FAILED, error=row.error or f"{DEADLY} {attempts} times", now=now)
        let_go(session, row)
        return None
    try:
        with session.begin_nested():
            row.status = JobStatus.RUNNING
            row.attempts += 1
            row.lease_token += 1
            row.lease_expires_at = now + lease
            row.started_at = row.started_at or now
    except IntegrityError:
        session.expire(row)
        return None
    return Claim(
        id=row.id,
        kind=row.kind,
        token=row.lease_token,
        attempt=row.attempts,
        project_id=row.project_id,
        payload=row.payload,
        done=row.progress_done,
        total=row.progress_total,
        request_id=row.request_id,
        traceparent=row.traceparent,
    )


def renew(session: Session, held: Claim, *, lease: timedelta) -> bool:
    """Lengthen a lease. Returns whether somebody wants the job cancelled.

    Raises:
        LeaseLost: another worker has the job.
    """
    _under(session, held, update(JobRow).values(lease_expires_at=utc_now() + lease))
    return bool(session.scalar(select(JobRow.cancel_requested).where(JobRow.id == held.id)))


def advance(session: Session, held: Claim, *, done: int, total: int | None = None) -> None:
    """Commit progress together with the effects it counts. Raises LeaseLost as `renew` does."""
    values: dict[str, Any] = {"progress_done": done}
    if total is not None:
        values["progress_total"] = total
    _under(session, held, update(JobRow).values(**values))


def complete(session: Session, held: Claim, result: dict[str, Any] | None = None) -> None:
    """Mark the job done, in the transaction of its last effect. Raises LeaseLost as `renew` does.

    Its progress ends whole, also where the total was never known, or guessed too high.
    """
    whole = case((JobRow.progress_total > JobRow.progress_done, JobRow.progress_total), else_=JobRow.progress_done)
    _under(
        session,
        held,
        update(JobRow).values(
            status=JobStatus.SUCCEEDED,
            progress_done=whole,
            progress_total=whole,
            result=result,
            error=None,
            finished_at=utc_now(),
            lease_expires_at=None,
        ),
    )
    key = select(JobRow.dedupe_key).where(JobRow.id == held.id).scalar_subquery()
    heir = session.scalar(select(JobRow).where(JobRow.dedupe_key == key, JobRow.status == JobStatus.QUEUED))
    if heir is not None:  # it could not begin while this one ran
        _ring(session, heir)


def set_back(session: Session, held: Claim, *, due_at: datetime | None = None) -> None:
    """Give the job back to be gone on with, at once or at `due_at`: not a failed attempt."""
    row = _mine(session, held)
    row.error = None
    row.attempts = 0
    _requeue(session, row, due_at=due_at or utc_now())
    _ring(session, row)


def put_off(session: Session, held: Claim, error: str) -> JobRow:
    """Record that something was away: not a failed attempt. The job stays due, and is rung for again after a while."""
    row = _mine(session, held)
    row.error = error
    row.attempts = 0
    _requeue(session, row, due_at=min(row.due_at, utc_now()))
    row.dispatched_at = utc_now() + LOOK_AGAIN - RING_AGAIN
    return row


def fail(session: Session, held: Claim, error: str, *, attempts: int, final: bool, refused: bool = False) -> JobRow:
    """Record a failure: tried again after a while, unless `final` or tried too often.

    Args:
        refused: what the job was given is at fault, such as a file that cannot be read. No alert counts that.
    """
    row = _mine(session, held)
    if final or held.attempt >= attempts:
        row.refused = refused
        _end(row, JobStatus.FAILED, error=error, now=utc_now())
    else:
        wait = _BACK_OFF_SECONDS[min(held.attempt, len(_BACK_OFF_SECONDS)) - 1]
        row.error = error
        _requeue(session, row, due_at=utc_now() + timedelta(seconds=wait))
        _ring(session, row)
    return row


def cancelled(session: Session, held: Claim) -> JobRow:
    """Record that the job stopped because somebody asked for it."""
    row = _mine(session, held)
    _end(row, JobStatus.CANCELLED, error=None, now=utc_now())
    return row


def cancel(row: JobRow) -> None:
    """Ask for a job to be stopped: at once where it waits, at its next step where it runs."""
    if row.status is JobStatus.QUEUED:
        _end(row, JobStatus.CANCELLED, error=None, now=utc_now())
    elif not row.status.ended:
        row.cancel_requested = True


def hasten(session: Session, row: JobRow) -> None:
    """Have a queued job done now that was to wait."""
    row.due_at, row.dispatched_at = utc_now(), None
    _ring(session, row)


def tick(session: Session, name: str, due_at: datetime) -> bool:
    """Whether this caller, alone, is to do the regular work `name` of that moment."""
    return bool(insert_new(session, ScheduleRow, [{"name": name, "due_at": due_at}], ScheduleRow.name))


def unfinished(session: Session, project_id: int) -> Sequence[JobRow]:
    """A project's queued and running jobs, oldest first."""
    return session.scalars(
        select(JobRow)
        .where(JobRow.project_id == project_id, JobRow.status.in_([JobStatus.QUEUED, JobStatus.RUNNING]))
        .order_by(JobRow.created_at)
    ).all()


def is_running(session: Session, key: str) -> bool:
    """Whether a worker has a job of this key in hand, or had it when it died and another will."""
    running = select(JobRow.id).where(JobRow.dedupe_key == key, JobRow.status == JobStatus.RUNNING)
    return session.scalar(running) is not None


def _ring(session: Session, row: JobRow) -> None:
    session.info.setdefault("jobs", []).append(call(row))


def _free(row: JobRow, now: datetime, lease: timedelta) -> bool:
    """The same as the condition of `due`."""
    if row.status is JobStatus.QUEUED:
        return row.due_at <= now or (row.due_at > now + _LONGEST_WAIT and row.kind not in _MESSAGES)
    if row.status is not JobStatus.RUNNING or row.lease_expires_at is None:
        return False
    return row.lease_expires_at < now or row.lease_expires_at > now + 2 * lease


def _under(session: Session, held: Claim, statement: Update) -> None:
    done = session.execute(
        statement.where(
            JobRow.id == held.id, JobRow.lease_token == held.token, JobRow.status == JobStatus.RUNNING
        ).execution_options(synchronize_session=False)
    )
    if not isinstance(done, CursorResult) or done.rowcount != 1:
        raise LeaseLost(f"job {held.id} is no longer this worker's")


def _mine(session: Session, held: Claim) -> JobRow:
    row = session.get(JobRow, held.id, with_for_update=True, populate_existing=True)
    if row is None or row.lease_token != held.token or row.status is not JobStatus.RUNNING:
        raise LeaseLost(f"job {held.id} is no longer this worker's")
    return row


def _requeue(session: Session, row: JobRow, *, due_at: datetime) -> None:
    """Back to the queue, or where another of the same key waits there already, before it.

    That other one may want something else of what the key names, and whoever asked for either waits for its own end. So
    the job keeps what it has begun and its place: it stays the running one of its key, with a lease that is over.
    """
    try:
        with session.begin_nested():
            row.status = JobStatus.QUEUED
            row.due_at = due_at
            row.dispatched_at = None
            row.lease_expires_at = None
    except IntegrityError:
        session.refresh(row)
        row.lease_expires_at = min(due_at, utc_now() + LOOK_AGAIN)
        row.dispatched_at = None


def _end(row: JobRow, status: JobStatus, *, error: str | None, now: datetime) -> None:
    row.status = status
    row.error = error
    row.finished_at = now
    row.lease_expires_at = None
