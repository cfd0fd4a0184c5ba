"""What is wrong right now: the conditions of the alerts, as far as a process of Winnow can see them itself.

Each has its twin in `deploy/prometheus/rules/alerts.yml`, with the same bounds.
"""

import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from weakref import WeakKeyDictionary

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.errors import Unavailable
from models.learn.bundle import load
from models.runtime import Runtime
from models.steps.measured import Accuracies, Drifts
from models.steps.projects import settings_of
from models.steps.suspension import suspended_now
from models.store.queries.backups import backup_age
from models.store.queries.figures import figures
from models.store.queries.project_figures import ProjectFigures, audits_of, project_figures
from models.store.tables import JobRow, VersionRow, WorkerRow
from models.store.types import utc_now
from models.vocabulary import DEADLY, Alert, JobStatus, VersionStatus

WORKER_SILENCE = timedelta(seconds=30)
"""A worker that has not been seen for so long is taken to be gone."""

_LEAST_FREE = 0.1
_LONGEST_WAIT_SECONDS = 120
_FAILURES, _FAILED_WITHIN = 2, timedelta(minutes=15)
_LEAST_AUDITS = 30
_CALIBRATION_ERROR, _CALIBRATION_AUDITS = 0.15, 100
_MEASURED: WeakKeyDictionary[Runtime, tuple[Accuracies, Drifts]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Trouble:
    """A condition that holds.

    Attributes:
        detail: what was seen, in a sentence without a full stop; names and numbers, no text of an item.
        subject: what it is about, where there may be several of a name.
    """

    name: Alert
    detail: str
    subject: str = ""
    project_id: int | None = None


SEEN_BY_API = frozenset({Alert.WORKER_GONE, Alert.REDIS_AWAY})
"""What a worker cannot see: it needs Redis to be told to look."""

SEEN_BY_WORKER = frozenset(Alert) - SEEN_BY_API


def workers_seen(session: Session) -> int:
    """How many workers are alive."""
    return session.scalar(select(func.count()).where(WorkerRow.seen_at >= utc_now() - WORKER_SILENCE)) or 0


def workers(session: Session) -> Iterator[Trouble]:
    """Whether none is alive."""
    if not workers_seen(session):
        yield Trouble(Alert.WORKER_GONE, "no worker has been seen for half a minute")


def everything(runtime: Runtime, session: Session) -> Iterator[Trouble]:
    """All that a worker can see: the machine, the jobs, and each project."""
    yield from _machine(runtime, session)
    yield from _jobs(session)
    accuracies, drifts = _MEASURED.setdefault(runtime, (Accuracies(), Drifts()))
    each = project_figures(session)
    shifted = drifts.known(runtime, session, [one.row for one in each])
    for one in each:
        for name, detail in (
            *_versions(runtime, session, one),
            *_quality(one, accuracies.of(runtime, session, one)),
            *_work(session, one, shifted=shifted.get(one.row.id, False)),
        ):
            yield Trouble(name, detail, f"project:{one.row.id}", one.row.id)


def _machine(runtime: Runtime, session: Session) -> Iterator[Trouble]:
    settings = runtime.settings
    with suppress(FileNotFoundError):  # with an outside database, the folder comes with the first file
        usage = shutil.disk_usage(settings.data_dir)
        if usage.free / usage.total < _LEAST_FREE:
            free = f"{100 * usage.free / usage.total:.1f} % ({usage.free / 1e9:.1f} GB)"
            yield Trouble(Alert.DISK_FILLING, f"{free} of the data folder's disk are free")
    age = backup_age(session, expected=settings.backup_expected) if settings.backup_hours else None
    if age is not None and age > settings.backup_hours * 3600:
        yield Trouble(Alert.BACKUP_OLD, f"the newest backup is {age / 3600:.0f} hours old")


def _jobs(session: Session) -> Iterator[Trouble]:
    waited = figures(session).oldest_due_seconds
    if waited > _LONGEST_WAIT_SECONDS:
        yield Trouble(Alert.JOBS_WAITING, f"the oldest due job has waited {waited:.0f} seconds")
    deadly = func.count().filter(JobRow.error.startswith(DEADLY))
    failed = (
        select(JobRow.kind, func.count(), deadly)
        .where(
            JobRow.status == JobStatus.FAILED,
            JobRow.refused.is_(False),  # a file that cannot be read is a matter of whoever sent it
            JobRow.finished_at > utc_now() - _FAILED_WITHIN,
        )
        .group_by(JobRow.kind)
    )
    for kind, count, died in session.execute(failed).tuples():
        if count > _FAILURES or died:
            detail = f"{count} jobs of kind {kind.value} failed for good within 15 minutes"
            told = f"{detail}; every worker that took {died} of them died" if died else detail
            yield Trouble(Alert.JOBS_FAILING, told, f"job:{kind.value}")


def _versions(runtime: Runtime, session: Session, one: ProjectFigures) -> Iterator[tuple[Alert, str]]:
    numbers = (one.row.next_number - 1, one.row.serving_number)
    rows = session.scalars(
        select(VersionRow).where(VersionRow.project_id == one.row.id, VersionRow.number.in_(numbers))
    ).all()
    for row in rows:
        if row.status is VersionStatus.FAILED and row.number == numbers[0]:
            yield Alert.TRAINING_FAILED, f"version {row.number} could not be trained: {row.error}"
        if row.number == one.row.serving_number and row.bundle is not None and row.sha256 is not None:
            try:
                load(runtime.artifacts.root / row.bundle, row.sha256)
            except Unavailable as error:
                yield Alert.BUNDLE_BROKEN, f"version {row.number}, which serves, fails its checks: {error.detail}"


def _quality(one: ProjectFigures, measured: dict[str, float] | None) -> Iterator[tuple[Alert, str]]:
    if measured is None:
        return
    target, audits = settings_of(one.row).target_accuracy, int(measured["audited"])
    if audits >= _LEAST_AUDITS and measured["high"] < target:
        wanted = f"{audits} blind audits put the accuracy at {measured['high']:.3f} at most, wanted are {target:.3f}"
        yield Alert.ACCURACY_BELOW_TARGET, wanted
    metrics = one.serving[0] if one.serving else {}
    error = metrics.get("calibration_error")  # of when it was trained: audits that came since make it no surer
    if error is not None and error > _CALIBRATION_ERROR and audits_of(metrics) >= _CALIBRATION_AUDITS:
        yield Alert.CALIBRATION_POOR, f"confidence is off by {error:.2f} on the average"


def _work(session: Session, one: ProjectFigures, *, shifted: bool) -> Iterator[tuple[Alert, str]]:
    why = suspended_now(session, one.row)
    if why is not None:
        yield Alert.AUTOMATION_SUSPENDED, why
    if shifted:
        yield Alert.DATA_SHIFTED, "what came in within 7 days differs from what the serving version was made for"
    if not sum(one.tasks.values()) and one.items.get("undecided"):
        yield Alert.QUEUE_STARVED, f"{one.items['undecided']} items are undecided and no question is open"
