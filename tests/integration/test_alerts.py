"""Alerts inside the product: what is seen, when it fires, who hears of it and who does not, and how it ends."""

import shutil
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import select, update

from api.lookout import Lookout
from api.metrics import Metrics
from models import jobs
from models.doorbell import Doorbell
from models.runtime import Runtime
from models.settings import Settings
from models.steps import conditions, webhooks
from models.steps.accounts import Caller, create_user, user_caller
from models.steps.alerts import RULES, known, settle
from models.steps.conditions import SEEN_BY_WORKER, Trouble, everything
from models.steps.ingest import ImportOptions, start_import, upload_folder
from models.steps.projects import find_project, update_project
from models.store.queries.project_figures import ProjectFigures
from models.store.tables import AlertRow, BackupRow, JobRow, ProjectRow, TaskRow, VersionRow, WorkerRow
from models.store.types import utc_now
from models.vocabulary import Alert, Event, Job, JobStatus, Role
from tests.integration.conftest import Drain
from tests.integration.test_the_loop import decide
from tests.unit.winnow_client.conftest import LoopbackServer
from worker.entry import perform

ADMIN = Caller("system", "system", Role.ADMIN)
STARVED = Trouble(Alert.QUEUE_STARVED, "7 items are undecided", "project:1", 1)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Webhooks may go to this machine."""
    return settings.model_copy(update={"webhook_allow_private": True, "webhook_timeout_seconds": 60})


@pytest.fixture(autouse=True)
def roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk that the tests run on may be as full as it likes."""
    monkeypatch.setattr(conditions.shutil, "disk_usage", lambda _: disk(free=90e9))


def disk(*, free: float) -> Any:
    """What is told of a disk of 100 GB."""
    return shutil._ntuple_diskusage(100e9, 100e9 - free, free)


@pytest.fixture
def trained(runtime: Runtime, ann: Caller, filled: ProjectRow, drain: Drain) -> ProjectRow:
    decide(runtime, ann, filled.slug, 20)
    drain()
    return filled


def seen(runtime: Runtime) -> dict[Alert, str]:
    with runtime.database.read() as session:
        return {one.name: one.detail for one in everything(runtime, session)}


def look(runtime: Runtime, *troubles: Trouble) -> None:
    with runtime.database.transaction() as session:
        settle(session, runtime.settings, troubles, SEEN_BY_WORKER)


def later(runtime: Runtime, **ago: float) -> None:
    """So much time goes by while somebody looks on."""
    with runtime.database.transaction() as session:
        for row in session.scalars(select(AlertRow)):
            row.created_at -= timedelta(**ago)
            row.resolved_at = row.resolved_at and row.resolved_at - timedelta(**ago)


def shown(runtime: Runtime, caller: Caller = ADMIN) -> list[tuple[str, bool]]:
    with runtime.database.read() as session:
        told, _ = known(session, caller)
    return [(one.name.value, one.resolved_at is None) for one in told if one.name is not Alert.WORKER_GONE]


def test_alerts_are_paged_firing_before_resolved_and_newest_first(runtime: Runtime) -> None:
    both = Trouble(Alert.BUNDLE_BROKEN, "first"), Trouble(Alert.JOBS_FAILING, "second")
    look(runtime, both[0], Trouble(Alert.TRAINING_FAILED, "over"))
    look(runtime, *both)
    found, after = [], None
    with runtime.database.read() as session:
        whole, end = known(session, ADMIN)
        while True:
            page, after = known(session, ADMIN, after=after, limit=1)
            found += page
            if after is None:
                break
    assert end is None
    assert [one.id for one in found] == [one.id for one in whole]
    assert [one.name for one in whole] == [
        Alert.WORKER_GONE,
        Alert.JOBS_FAILING,
        Alert.BUNDLE_BROKEN,
        Alert.TRAINING_FAILED,
    ]


def test_what_holds_long_enough_fires_once_and_ends_once(
    runtime: Runtime, ann: Caller, project: ProjectRow, receiver: LoopbackServer, drain: Drain
) -> None:
    both = [Event.ALERT_FIRED, Event.ALERT_RESOLVED]
    with runtime.database.transaction() as session:
        mine = find_project(session, ann, project.slug)
        webhooks.create_webhook(session, ann, mine, runtime.settings, url=receiver.url, events=both)
    look(runtime, STARVED)
    later(runtime, minutes=8)
    look(runtime, STARVED)
    assert shown(runtime) == []
    later(runtime, minutes=3)
    look(runtime, STARVED)
    look(runtime, STARVED)
    assert shown(runtime) == [("queue-starved", True)]
    look(runtime)
    look(runtime)
    assert shown(runtime) == [("queue-starved", False)]
    drain()
    bodies = [asked.json for asked in receiver.asked]
    assert [body["type"] for body in bodies] == ["alert.fired", "alert.resolved"]
    fired = bodies[0]["data"]
    assert (fired["project"], fired["name"], fired["severity"]) == (project.slug, "queue-starved", "warning")
    assert fired["alert_id"] == bodies[1]["data"]["alert_id"]
    later(runtime, days=8)
    assert shown(runtime) == []


def test_what_passes_before_its_time_leaves_nothing(runtime: Runtime, project: ProjectRow) -> None:
    assert project.id == STARVED.project_id
    look(runtime, STARVED)
    look(runtime)
    with runtime.database.read() as session:
        assert session.scalars(select(AlertRow)).all() == []
    # Nor does what held yesterday evening, when nobody has looked since.
    look(runtime, STARVED)
    later(runtime, hours=12)
    with runtime.database.transaction() as session:
        session.execute(update(AlertRow).values(seen_at=utc_now() - timedelta(hours=12)))
    look(runtime, STARVED)
    assert shown(runtime) == []


def test_what_is_about_the_whole_system_goes_to_each_address_once(
    runtime: Runtime, ann: Caller, project: ProjectRow, receiver: LoopbackServer, drain: Drain
) -> None:
    with runtime.database.transaction() as session:
        mine = find_project(session, ann, project.slug)
        for path in ("one", "one", "two"):
            url = f"{receiver.url}/{path}"
            webhooks.create_webhook(session, ann, mine, runtime.settings, url=url, events=[Event.ALERT_FIRED])
    look(runtime, Trouble(Alert.JOBS_FAILING, "3 jobs failed", "job:embed"))
    drain()
    assert sorted(asked.path for asked in receiver.asked) == ["/one", "/two"]
    assert {asked.json["data"]["project"] for asked in receiver.asked} == {None}


def test_a_project_for_members_is_no_matter_of_others(runtime: Runtime, ann: Caller, project: ProjectRow) -> None:
    with runtime.database.transaction() as session:
        bob = user_caller(create_user(session, ADMIN, username="bob", password="a long passphrase", role=Role.MANAGER))
        mine = find_project(session, ann, project.slug)
        update_project(session, ann, mine, settings={"members_only": True})
    look(runtime, Trouble(Alert.BUNDLE_BROKEN, "it is broken", f"project:{project.id}", project.id))
    assert shown(runtime) == [("bundle-broken", True)]
    assert shown(runtime, bob) == []


def test_nothing_is_wrong_with_what_works(runtime: Runtime, trained: ProjectRow) -> None:
    assert trained.serving_number == 0
    assert seen(runtime) == {}


def _waits(runtime: Runtime, _: ProjectRow) -> None:
    with runtime.database.transaction() as session:
        jobs.enqueue(session, Job.MAINTAIN, key="late", due_at=utc_now() - timedelta(seconds=2000))


def _fails(runtime: Runtime, _: ProjectRow) -> None:
    with runtime.database.transaction() as session:
        for number in range(3):
            job = jobs.enqueue(session, Job.EXPORT, key=f"export:{number}")
            job.status, job.finished_at = JobStatus.FAILED, utc_now()


def test_files_that_cannot_be_read_are_no_fault_of_the_system(
    runtime: Runtime, ann: Caller, project: ProjectRow
) -> None:
    folder = upload_folder(runtime.settings)
    for number in range(3):
        (folder / f"{number}.upload").write_bytes(b"")
        with runtime.database.transaction() as session:
            mine = find_project(session, ann, project.slug)
            sent = start_import(
                session, ann, mine, filename="mine.csv", path=f"uploads/{number}.upload", options=ImportOptions()
            )
            job_id = sent.job_id
        perform(runtime, job_id)
    told = Metrics().exposition(runtime).decode()
    assert 'winnow_jobs{kind="import",status="failed"} 3.0' in told
    assert 'winnow_jobs_broken{kind="import"} 0.0' in told
    assert Alert.JOBS_FAILING not in seen(runtime)


def _training_fails(runtime: Runtime, project: ProjectRow) -> None:
    with runtime.database.transaction() as session:
        row = session.get_one(ProjectRow, project.id)
        newest = session.scalars(select(VersionRow).order_by(VersionRow.id.desc())).first()
        assert newest is not None
        values = {"encoder_id": newest.encoder_id, "decision_high_water": 0, "audit_high_water": 0, "job_id": "f" * 32}
        values |= {"number": row.next_number, "status": "failed", "error": "no memory"}
        session.add(VersionRow(project_id=row.id, **values))
        row.next_number += 1


def _bundle_breaks(runtime: Runtime, _: ProjectRow) -> None:
    newest = max(runtime.settings.artifacts.glob("bundles/*/*"), key=lambda path: int(path.name.partition("-")[0]))
    (newest / "head.safetensors").write_bytes(b"something else")


def _queue_empties(runtime: Runtime, _: ProjectRow) -> None:
    with runtime.database.transaction() as session:
        session.execute(update(TaskRow).values(open=False))


def _backups_end(runtime: Runtime, _: ProjectRow) -> None:
    with runtime.database.transaction() as session:
        nine_days_ago = utc_now() - timedelta(days=9)
        session.add(BackupRow(taken_at=nine_days_ago, name="kept.zip", size=1, sha256="0" * 64))


FAULTS: dict[Alert, tuple[Callable[[Runtime, ProjectRow], None], str]] = {
    Alert.JOBS_WAITING: (_waits, "has waited 2"),
    Alert.JOBS_FAILING: (_fails, "3 jobs of kind export failed"),
    Alert.TRAINING_FAILED: (_training_fails, "no memory"),
    Alert.BUNDLE_BROKEN: (_bundle_breaks, "which serves, fails its checks"),
    Alert.QUEUE_STARVED: (_queue_empties, "no question is open"),
    Alert.BACKUP_OLD: (_backups_end, "216 hours old"),
}


def test_each_fault_is_seen_for_what_it_is(runtime: Runtime, trained: ProjectRow) -> None:
    for number, (name, (fault, words)) in enumerate(FAULTS.items(), 1):
        fault(runtime, trained)
        found = seen(runtime)
        assert words in found[name]
        assert set(found) == set(list(FAULTS)[:number])


def test_a_disk_that_fills_is_seen(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conditions.shutil, "disk_usage", lambda _: disk(free=9e9))
    assert seen(runtime) == {Alert.DISK_FILLING: "9.0 % (9.0 GB) of the data folder's disk are free"}


def test_quality_is_held_against_what_is_wanted() -> None:
    row = ProjectRow(settings={"target_accuracy": 0.9})

    def names(audited: int, high: float, measured: int = 100) -> set[Alert]:
        metrics = {"calibration_error": 0.2, "measured_on": {"kind": "blind audits", "items": measured}}
        one = ProjectFigures(row, serving=(metrics, {}))
        return {name for name, _ in conditions._quality(one, {"audited": audited, "high": high})}

    assert names(29, 0.5, 20) == set()
    assert names(30, 0.89, 20) == {Alert.ACCURACY_BELOW_TARGET}
    assert names(100, 0.95) == {Alert.CALIBRATION_POOR}
    # Of twenty audits chance makes that of any version, however many came since it was trained.
    assert names(150, 0.95, 20) == set()
    assert list(conditions._quality(ProjectFigures(row), None)) == []


def test_what_no_worker_can_see_is_seen_by_the_api(runtime: Runtime, redis_url: str) -> None:
    doorbell = Doorbell(redis_url)
    doorbell.redis = Redis.from_url(redis_url)  # it is waited for, however long the machine stands still
    lookout = Lookout(runtime.settings, runtime.database, doorbell)

    def fires() -> list[tuple[Alert, bool]]:
        with runtime.database.read() as session:
            rows = session.scalars(select(AlertRow).where(AlertRow.fired_at.is_not(None)).order_by(AlertRow.id))
            return [(row.name, row.resolved_at is None) for row in rows]

    lookout.look()
    with runtime.database.read() as session:  # whoever asks need not wait until it has fired
        assert [one.id for one in known(session, ADMIN)[0]] == ["worker-gone"]
    assert fires() == []
    later(runtime, minutes=1)
    lookout.look()
    assert fires() == [(Alert.WORKER_GONE, True)]
    with runtime.database.transaction() as session:
        session.add(WorkerRow(name="back", seen_at=utc_now() + timedelta(hours=1)))  # for as long as this takes
    lookout.look()
    assert fires() == [(Alert.WORKER_GONE, False)]
    away = Lookout(runtime.settings, runtime.database, Doorbell("redis://127.0.0.1:1/0"))
    away.look()
    later(runtime, minutes=2)
    away.look()
    assert fires()[1:] == [(Alert.REDIS_AWAY, True)]
    lookout.look()
    assert fires()[1:] == [(Alert.REDIS_AWAY, False)]
    doorbell.close()


def test_a_look_is_a_job_that_leaves_no_trail(runtime: Runtime, project: ProjectRow, drain: Drain) -> None:
    assert project.id
    for _ in range(2):
        with runtime.database.transaction() as session:
            session.execute(update(JobRow).values(finished_at=utc_now() - timedelta(hours=2)))
            jobs.enqueue(session, Job.ALERTS, key="alerts")
        drain()
    with runtime.database.read() as session:
        assert len(session.scalars(select(JobRow).where(JobRow.kind == Job.ALERTS)).all()) == 1


def test_every_alert_has_a_rule() -> None:
    assert set(RULES) == set(Alert)
