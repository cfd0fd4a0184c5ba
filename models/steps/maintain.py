"""Regular housekeeping: what has had its time goes; what must not be seen any more goes at once."""

import shutil
import sys
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from models.artifacts import Artifacts
from models.steps import retention
from models.store.tables import (
    DeliveryRow,
    IdempotencyRow,
    JobRow,
    PredictionRow,
    ProjectRow,
    RefreshTokenRow,
    ScheduleRow,
    WorkerRow,
)
from models.store.types import utc_now
from models.store.words import index_missing
from models.vocabulary import JobStatus
from models.work import Work

_KEYS_KEPT = timedelta(hours=24)
_JOBS_KEPT = timedelta(days=30)
_DELIVERIES_KEPT = timedelta(days=30)
_FILES_KEPT = timedelta(days=7)
_TICKS_KEPT = timedelta(days=2)
_WORKERS_KEPT = timedelta(hours=1)
_WORDLESS_AT_ONCE = 1_000
_ENDED = [status for status in JobStatus if status.ended]


def run_maintain(work: Work) -> None:
    """Delete what is past its time, and the local vectors of projects that erased an item since.

    What projects keep no longer goes first (`models.steps.retention`), so that the local vectors follow at once. Items
    that are not found by their words yet are found from then on. Results of jobs, uploads that were never
    finished and bundles of deleted projects go after a week.
    """
    runtime, artifacts, now = work.runtime, work.runtime.artifacts, utc_now()
    retention.let_go(runtime)
    with runtime.database.read() as session:
        current = dict(session.execute(select(ProjectRow.id, ProjectRow.erasures)).tuples().all())
    for folder in runtime.pools.root.glob("*/*-*"):
        # One that is newer than what was just read is somebody's who has seen a later erasure.
        if folder.is_dir() and int(folder.name.rpartition("-")[2]) < current.get(int(folder.parent.name), sys.maxsize):
            shutil.rmtree(folder, ignore_errors=True)
    for kind in ("results", "uploads"):
        _sweep(artifacts, artifacts.files(kind), before=now - _FILES_KEPT)
    gone = [name for name in artifacts.entries("bundles") if int(name.rpartition("/")[2]) not in current]
    _sweep(artifacts, gone, before=now - _FILES_KEPT)
    # A process of the release before may have stored items while this one took over.
    while True:
        with runtime.database.transaction() as session:
            if not index_missing(session, _WORDLESS_AT_ONCE):
                break
    for kind in ("backup", "restoring", "replaced"):  # of one that was killed, the last two by an earlier release
        _sweep(artifacts, artifacts.hidden(kind), before=now - _FILES_KEPT)
    with work.completing() as session:
        for statement in (
            delete(IdempotencyRow).where(IdempotencyRow.created_at < now - _KEYS_KEPT),
            delete(PredictionRow).where(
                PredictionRow.created_at < now - timedelta(days=runtime.settings.prediction_days)
            ),
            delete(JobRow).where(JobRow.status.in_(_ENDED), JobRow.finished_at < now - _JOBS_KEPT),
            delete(DeliveryRow).where(DeliveryRow.finished_at < now - _DELIVERIES_KEPT),
            delete(WorkerRow).where(WorkerRow.seen_at < now - _WORKERS_KEPT),
            delete(ScheduleRow).where(ScheduleRow.due_at < now - _TICKS_KEPT),
            delete(RefreshTokenRow).where(RefreshTokenRow.expires_at < now),
        ):
            session.execute(statement)


def _sweep(artifacts: Artifacts, names: Iterable[str], *, before: datetime) -> None:
    """Delete what nobody fetched or finished reading for long: it may hold texts that were erased since."""
    for name in list(names):
        if artifacts.changed(name) < before:
            artifacts.remove(name)
