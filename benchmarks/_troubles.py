"""What goes wrong in the drill: how each trouble is made, how it is mended, and which alert has to tell of it."""

import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import delete, select, text, update

from benchmarks._disk import narrow
from benchmarks._scene import FEW, SHIFTED, STARVED, TRAFFIC, WRONG, Scene
from benchmarks._siege import BESIEGERS, Siege
from benchmarks._stack import settle
from models.store.tables import BackupRow, JobRow, ProjectRow, TaskRow, UserRow, VersionRow
from models.store.types import utc_now
from models.vocabulary import Job, JobStatus, VersionStatus
from winnow.schemas import Task

SLOW_SECONDS = 1.5
_NARROW = 0.05
_ANSWERS, _LEAST_AUDITS = 240, 100
_STRANGE = range(50, 55)
"""Topics that no category is about."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that goes wrong.

    Attributes:
        rules: the alerts that have to tell of it.
        what: it, in words.
        make: brings it about; the time counts from its beginning.
        mend: called once all of its alerts were told.
        after: the alert that the same trouble was mended upon; the time counts as for that one.
    """

    rules: tuple[str, ...]
    what: str
    make: Callable[[Scene], None]
    mend: Callable[[Scene], None]
    after: str | None = None


def _nothing(_: Scene) -> None:
    """Needs no mending, or mends itself."""


def _slow(scene: Scene) -> None:
    (scene.stalls / "api").write_text(str(SLOW_SECONDS))


def _fast(scene: Scene) -> None:
    (scene.stalls / "api").unlink()


def _stuck(scene: Scene) -> None:
    (scene.stalls / "worker").write_text("1e9")
    scene.client.add_items(TRAFFIC, [scene.text() + " that takes for ever"])
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not scene.client.stats(TRAFFIC).jobs:
        time.sleep(0.1)
    scene.client.train(TRAFFIC)  # not WRONG, whose next version has a trouble of its own


def _unstuck(scene: Scene) -> None:
    (scene.stalls / "worker").unlink()


def _old_backup(scene: Scene) -> None:
    with scene.database.transaction() as session:
        session.execute(update(UserRow).values(created_at=utc_now() - timedelta(days=30)))


def _new_backup(scene: Scene) -> None:
    with scene.database.transaction() as session:
        session.add(BackupRow(taken_at=utc_now(), name="drill.zip", size=1, sha256="0" * 64))


def _starve(scene: Scene) -> None:
    with scene.database.transaction() as session:
        project = select(ProjectRow.id).where(ProjectRow.slug == STARVED).scalar_subquery()
        session.execute(delete(TaskRow).where(TaskRow.project_id == project))


def _feed(scene: Scene) -> None:
    scene.client.lease(STARVED, 1)


def _mislead(scene: Scene) -> None:
    audits = 0

    def answer(task: Task) -> str:
        nonlocal audits
        audits += task.reason == "audit"
        return scene.wrong(task) if task.reason == "audit" else scene.right(task)

    scene.decide(WRONG, _ANSWERS, answer)
    assert audits >= _LEAST_AUDITS, f"only {audits} audits were asked"


def _relearn(scene: Scene) -> None:
    scene.learn(WRONG)


def _shift(scene: Scene) -> None:
    texts = [scene.topics.text(scene.topics.rng.choice(_STRANGE)) for _ in range(FEW)]
    scene.client.add_items(SHIFTED, texts)
    settle(scene.client, SHIFTED)


def _narrow(scene: Scene) -> None:
    narrow(scene.stack.data, _NARROW)


def _widen(scene: Scene) -> None:
    (scene.stack.data / "ballast").unlink()


def _fail_jobs(scene: Scene) -> None:
    with scene.database.transaction() as session:
        for number in range(3):
            told = {"status": JobStatus.FAILED, "finished_at": utc_now(), "error": "drill"}
            session.add(JobRow(id=f"drill{number}", kind=Job.DELIVER, dedupe_key=f"drill:{number}", **told))


def _fail_training(scene: Scene) -> None:
    with scene.database.transaction() as session:
        project = session.scalars(select(ProjectRow).where(ProjectRow.slug == STARVED)).one()
        old = session.scalars(select(VersionRow).where(VersionRow.project_id == project.id)).first()
        assert old is not None
        marks = {"decision_high_water": old.decision_high_water, "audit_high_water": old.audit_high_water}
        session.add(
            VersionRow(
                project_id=project.id,
                number=project.next_number,
                status=VersionStatus.FAILED,
                encoder_id=old.encoder_id,
                job_id="drill",
                error="drill",
                **marks,
            )
        )
        project.next_number += 1


def _end_worker(scene: Scene) -> None:
    scene.stack.end("worker")


def _start_worker(scene: Scene) -> None:
    scene.stack.start("worker")


def _end_redis(scene: Scene) -> None:
    scene.stack.end_redis()


def _start_redis(scene: Scene) -> None:
    scene.stack.start_redis()


def _manifest(scene: Scene) -> Path:
    with scene.database.read() as session:
        project = session.scalars(select(ProjectRow).where(ProjectRow.slug == TRAFFIC)).one()
        row = session.scalars(
            select(VersionRow).where(VersionRow.project_id == project.id, VersionRow.number == project.serving_number)
        ).one()
    return scene.stack.data / "artifacts" / str(row.bundle) / "bundle.json"


def _break_bundle(scene: Scene) -> None:
    with _manifest(scene).open("ab") as file:
        file.write(b" ")
    scene.stack.end("api")
    scene.stack.start("api")


def _whole_bundle(scene: Scene) -> None:
    manifest = _manifest(scene)
    manifest.write_bytes(manifest.read_bytes()[:-1])


def _cut_database(scene: Scene) -> None:
    scene.socket.rename(scene.socket.with_suffix(".away"))
    with scene.database.transaction() as session:
        session.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
        )


def _join_database(scene: Scene) -> None:
    scene.socket.with_suffix(".away").rename(scene.socket)


def _end_api(scene: Scene) -> None:
    os.kill(scene.stack.pid("api"), signal.SIGKILL)


def _start_api(scene: Scene) -> None:
    scene.stack.end("api")
    scene.stack.start("api")


_siege = Siege()

AT_ONCE: Sequence[Sequence[Trouble]] = (
    (
        Trouble(("DiskFilling",), f"{_NARROW:.0%} of the data folder's disk are left free", _narrow, _widen),
        Trouble(("DataShifted",), f"{FEW} items on topics that no category is about", _shift, _nothing),
        Trouble(
            ("AccuracyBelowTarget", "AutomationSuspended"),
            f"{_ANSWERS} questions of a project that automates answered, all audits among them wrongly",
            _mislead,
            _nothing,
        ),
        Trouble(("LatencyBudgetBurnFast",), f"the encoder takes {SLOW_SECONDS} s", _slow, _fast),
        Trouble(("JobsWaiting",), "the only worker has a job that does not end", _stuck, _unstuck),
        Trouble(("BackupOld",), "a backup is expected, and none was made for 30 days", _old_backup, _new_backup),
        Trouble(("QueueStarved",), "the questions of a project are gone", _starve, _feed),
        Trouble(("JobsFailing",), "three jobs of a kind given up (their rows written)", _fail_jobs, _nothing),
        Trouble(("TrainingFailed",), "a training given up (its row written)", _fail_training, _nothing),
    ),
    (
        Trouble(("CalibrationPoor",), "a version serves whose audits were those answered wrongly", _relearn, _nothing),
        Trouble(
            ("LatencyBudgetBurnSlow",),
            f"the encoder took {SLOW_SECONDS} s, until the fast rule was told",
            _nothing,
            _nothing,
            after="LatencyBudgetBurnFast",
        ),
        Trouble(("WorkerGone",), "the worker is killed", _end_worker, _start_worker),
        Trouble(("RedisAway",), "the Redis-protocol server is stopped", _end_redis, _start_redis),
        Trouble(
            ("BundleBroken", "ErrorBudgetBurnFast"),
            "a byte more in the serving bundle, and the API started anew",
            _break_bundle,
            _whole_bundle,
        ),
    ),
    (
        Trouble(
            ("ErrorBudgetBurnSlow",),
            "a byte more in the serving bundle, until the fast rule was told",
            _nothing,
            _nothing,
            after="ErrorBudgetBurnFast",
        ),
    ),
    (
        Trouble(
            ("ConnectionsExhausted",),
            f"{BESIEGERS} requests wait for a table that another has locked",
            _siege.begin,
            _siege.end,
        ),
    ),
    (Trouble(("DatabaseDown",), "PostgreSQL lets nobody in, and all connections end", _cut_database, _join_database),),
    (Trouble(("ApiDown",), "the only API process is killed", _end_api, _start_api),),
)
"""Troubles of a group are made one after another without waiting, and a group ends when all its alerts were told.

What silences others comes last, or is over before what it silences has to be told.
"""

UNHURRIED = {"DataShifted": "the API looks at a project's drift every ten minutes, and the quick form does not wait"}
"""Rules that only the full form provokes, and why."""
