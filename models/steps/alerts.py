"""Alerts from first sight to end: opened and resolved by regular looks, told to webhooks and by e-mail.

`models.steps.conditions` says what holds at a moment. Here it is remembered: what holds long enough fires once, and is
resolved once. A worker looks every minute (job `alerts`), each API process at what a worker cannot see.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, case, delete, func, or_, select
from sqlalchemy.orm import Session

from models.settings import Settings
from models.steps.accounts import Caller
from models.steps.conditions import SEEN_BY_WORKER, Trouble, everything, workers
from models.steps.mail import announce
from models.steps.webhooks import publish, publish_to_all
from models.store.queries.projects import exists_for
from models.store.tables import AlertRow, JobRow, ProjectRow, WorkerRow
from models.store.types import utc_now
from models.store.upsert import insert_new
from models.vocabulary import Alert, Event, Job, JobStatus, Role
from models.work import Work

RESOLVED_SHOWN = timedelta(days=7)
"""For so long what was resolved is shown."""

_UNSEEN = timedelta(minutes=5)
_LOOKS_KEPT = timedelta(hours=1)
_AT_ONCE, _FIRING, _RESOLVED = 2, 1, 0

Place = tuple[float, int]
"""Where an alert stands in the list: what fires before what is over, and the newest first."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How much an alert matters, and how long its condition has to hold before it fires."""

    severity: str
    hold: timedelta = timedelta()


def _critical(minutes: int = 0) -> Rule:
    return Rule("critical", timedelta(minutes=minutes))


def _warning(minutes: int = 0) -> Rule:
    return Rule("warning", timedelta(minutes=minutes))


RULES = {
    Alert.WORKER_GONE: _critical(1),
    Alert.REDIS_AWAY: _warning(2),
    Alert.DISK_FILLING: _warning(5),
    Alert.BACKUP_OLD: _warning(15),
    Alert.JOBS_WAITING: _warning(3),
    Alert.JOBS_FAILING: _warning(),
    Alert.TRAINING_FAILED: _warning(),
    Alert.BUNDLE_BROKEN: _critical(),
    Alert.ACCURACY_BELOW_TARGET: _warning(5),
    Alert.AUTOMATION_SUSPENDED: _warning(5),
    Alert.DATA_SHIFTED: _warning(15),
    Alert.CALIBRATION_POOR: _warning(5),
    Alert.QUEUE_STARVED: _warning(10),
}


@dataclass(frozen=True, slots=True)
class Known:
    """An alert as it is shown.

    Attributes:
        id: opaque; the same from its firing to its end.
        project: the project's slug, where it is about one.
        since: when its condition was first seen.
    """

    id: str
    name: Alert
    detail: str
    project: str | None
    since: datetime
    resolved_at: datetime | None = None

    @property
    def severity(self) -> str:
        """How much it matters."""
        return RULES[self.name].severity


def run_alerts(work: Work) -> None:
    """Look at everything once."""
    runtime = work.runtime
    with runtime.database.read() as session:
        troubles = list(everything(runtime, session))
    with work.completing() as session:
        settle(session, runtime.settings, troubles, SEEN_BY_WORKER)
        session.execute(
            delete(JobRow).where(
                JobRow.kind == Job.ALERTS,
                JobRow.status == JobStatus.SUCCEEDED,
                JobRow.finished_at < utc_now() - _LOOKS_KEPT,
            )
        )


def settle(session: Session, settings: Settings, troubles: Iterable[Trouble], names: Collection[Alert]) -> None:
    """Hold what is remembered against what was just seen; tell what fires and what is resolved.

    Args:
        names: the alerts that were looked for; what is not among the troubles of these is over.
    """
    now, seen = utc_now(), {(one.name, one.subject): one for one in troubles}
    for one in seen.values():
        fresh = {"name": one.name, "subject": one.subject, "project_id": one.project_id, "detail": one.detail}
        insert_new(session, AlertRow, [{**fresh, "created_at": now, "seen_at": now}])
    for row in _open(session, names):
        trouble = seen.get((row.name, row.subject))
        if trouble is None:
            _end(session, settings, row, now)
            continue
        if row.fired_at is None and abs(now - row.seen_at) > _UNSEEN:
            row.created_at = now  # nobody looked for a while, or the clock was set: who knows whether it held
        row.detail, row.seen_at = trouble.detail, now
        if row.fired_at is None and now - row.created_at >= RULES[row.name].hold:
            row.fired_at = now
            _tell(session, settings, row, Event.ALERT_FIRED)


def any_open(session: Session, names: Collection[Alert]) -> bool:
    """Whether any of these is remembered as not over."""
    found = select(AlertRow.id).where(AlertRow.resolved_at.is_(None), AlertRow.name.in_(names)).limit(1)
    return session.scalar(found) is not None


def known(
    session: Session, caller: Caller, *, after: Place | None = None, limit: int = 1000
) -> tuple[list[Known], Place | None]:
    """A page of the alerts that fire now and then those lately resolved, newest first, that the caller may know of.

    Args:
        after: the place of the last one on the page before.

    Returns:
        The alerts, and the place to go on after; None at the end.
    """
    rank = case((AlertRow.resolved_at.is_(None), _FIRING), else_=_RESOLVED)
    query = (
        select(AlertRow, ProjectRow.slug)
        .outerjoin(ProjectRow, ProjectRow.id == AlertRow.project_id)
        .where(
            AlertRow.fired_at.is_not(None),
            or_(AlertRow.resolved_at.is_(None), AlertRow.resolved_at > utc_now() - RESOLVED_SHOWN),
        )
    )
    if caller.role is not Role.ADMIN:
        query = query.where(or_(AlertRow.project_id.is_(None), exists_for(caller.user_id)))
    if after is not None:
        query = query.where(or_(rank < after[0], and_(rank == after[0], AlertRow.id < after[1])))
    rows = session.execute(query.order_by(rank.desc(), AlertRow.id.desc()).limit(limit + 1)).tuples()
    told: list[tuple[Place, Known]] = [
        (
            (_FIRING if row.resolved_at is None else _RESOLVED, row.id),
            Known(str(row.id), row.name, row.detail, slug, row.created_at, row.resolved_at),
        )
        for row, slug in rows
    ]
    if after is None:
        told = [*_at_once(session), *told]
    return [one for _, one in told[:limit]], told[limit - 1][0] if len(told) > limit else None


def _at_once(session: Session) -> Iterator[tuple[Place, Known]]:
    """That nobody works can be seen by whoever asks, and must not wait until somebody has looked."""
    fires = select(AlertRow.name).where(AlertRow.fired_at.is_not(None), AlertRow.resolved_at.is_(None))
    last = session.scalar(select(func.max(WorkerRow.seen_at))) or utc_now()
    for one in workers(session):
        if session.scalar(fires.where(AlertRow.name == one.name).limit(1)) is None:
            yield (_AT_ONCE, 1), Known(one.name.value, one.name, one.detail, None, last)


def _open(session: Session, names: Collection[Alert]) -> Iterable[AlertRow]:
    return session.scalars(
        select(AlertRow)
        .where(AlertRow.resolved_at.is_(None), AlertRow.name.in_(names))
        .order_by(AlertRow.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def _end(session: Session, settings: Settings, row: AlertRow, now: datetime) -> None:
    if row.fired_at is None:
        session.delete(row)
        return
    row.resolved_at = now
    _tell(session, settings, row, Event.ALERT_RESOLVED)


def _tell(session: Session, settings: Settings, row: AlertRow, event: Event) -> None:
    slug = session.scalar(select(ProjectRow.slug).where(ProjectRow.id == row.project_id))
    told = {
        "alert_id": str(row.id),
        "name": row.name.value,
        "severity": RULES[row.name].severity,
        "detail": row.detail,
        "since": row.created_at.isoformat().replace("+00:00", "Z"),
        "runbook": row.name.runbook,
    }
    if row.project_id is None:
        publish_to_all(session, event, told)
    else:
        publish(session, row.project_id, event, lambda: told)
    announce(session, settings, row, event, RULES[row.name].severity, slug)
