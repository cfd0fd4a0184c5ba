"""What goes wrong in the drill: how each trouble is made, how it is mended, and which alert has to tell of it."""

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from sqlalchemy import delete, select, text, update

from benchmarks._stack import Stack, settle
from benchmarks.scale import Topics
from models.store.session import Database
from models.store.tables import BackupRow, JobRow, ProjectRow, TaskRow, UserRow, VersionRow
from models.store.types import utc_now
from models.vocabulary import Job, JobStatus, VersionStatus
from winnow import Client, WinnowError

TRAFFIC, STARVED, WRONG = "traffic", "starved", "wrong"
FEW, SUPPLY = 300, 6_000
"""Items of a project; and of the one whose reviewer skips a question each second, so that they last for an hour."""
SLOW_SECONDS = 1.5
_AUDITS = 100


@dataclass
class Scene:
    """All that is there to be broken.

    Attributes:
        database: our own way to it, which stays open while the API's is cut.
        socket: where PostgreSQL is reached.
        stalls: a folder; a file there with the name of a process makes its encoder slow, by so many seconds.
    """

    stack: Stack
    client: Client
    database: Database
    socket: Path
    stalls: Path
    topics: Topics
    over: threading.Event = field(default_factory=threading.Event)

    def furnish(self) -> None:
        """Three projects, each with a version that serves: one for the traffic, one without work, one to be misled."""
        for slug in (TRAFFIC, STARVED, WRONG):
            settings = {"retrain_every": 100_000, "audit_rate": 0.5, "target_accuracy": 0.9}
            self.client.create_project(slug, categories=self.topics.names[:5], settings=settings)
            for block in range(SUPPLY // FEW if slug == TRAFFIC else 1):
                self.client.add_items(slug, [f"{self.text()} {block}-{number}" for number in range(FEW)])
            settle(self.client, slug)
            self.decide(slug, 40, lambda said: said)
            self.client.train(slug)
            settle(self.client, slug)
            if not self.client.stats(slug).serving_model:  # nothing beats names whose answers were taken for the truth
                self.client.promote(slug, 1)

    def text(self) -> str:
        """A text about one of the five topics."""
        return self.topics.text(self.topics.rng.randrange(5))

    def decide(self, slug: str, count: int, answer: Callable[[str], str]) -> None:
        """Settle so many questions: with what `answer` makes of the machine's own answer."""
        while count > 0:
            for task in self.client.lease(slug, min(count, 20)):
                item = task.item.text or ""
                said = self.client.predict(slug, [item]).predictions[0].category
                category = answer(said or self.topics.names[0])
                self.client.decide(slug, task_id=task.task_id, action="correct", categories=[category])
                count -= 1
            settle(self.client, slug)


class Traffic(threading.Thread):
    """A program that asks, and now and then a person who decides, whatever becomes of it."""

    def __init__(self, scene: Scene, pause: float, *, decides: bool) -> None:
        super().__init__(daemon=True)
        self._scene, self._pause, self._decides = scene, pause, decides
        self._client = scene.stack.client()
        self.answered = self.failed = 0

    def run(self) -> None:
        """Ask until all is over."""
        while not self._scene.over.wait(self._pause):
            try:
                self._client.predict(TRAFFIC, [self._scene.text()])
                if self._decides:
                    for task in self._client.lease(TRAFFIC, 1):
                        self._client.decide(TRAFFIC, task_id=task.task_id, action="skip")
                    self._client.stats(TRAFFIC)
            except WinnowError:
                self.failed += 1
            else:
                self.answered += 1


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that goes wrong.

    Attributes:
        rules: the alerts that have to tell of it.
        what: it, in words.
        make: brings it about; the time counts from its return.
    """

    rules: tuple[str, ...]
    what: str
    make: Callable[[Scene], None]
    mend: Callable[[Scene], None]


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
    scene.client.train(WRONG)


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
    names = scene.topics.names[:5]
    scene.decide(WRONG, _AUDITS, lambda said: names[(names.index(said) + 1) % len(names)])


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
    scene.stack.redis.stop()


def _start_redis(scene: Scene) -> None:
    scene.stack.redis.start()


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


AT_ONCE: Sequence[Sequence[Trouble]] = (
    (
        Trouble(("LatencyBudgetBurnFast",), f"the encoder takes {SLOW_SECONDS} s", _slow, _fast),
        Trouble(("JobsWaiting",), "the only worker has a job that does not end", _stuck, _unstuck),
        Trouble(("BackupOld",), "a backup is expected, and none was made for 30 days", _old_backup, _new_backup),
        Trouble(("QueueStarved",), "the questions of a project are gone", _starve, _feed),
        Trouble(("JobsFailing",), "three jobs of a kind given up (their rows written)", _fail_jobs, _nothing),
        Trouble(("TrainingFailed",), "a training given up (its row written)", _fail_training, _nothing),
    ),
    (Trouble(("AccuracyBelowTarget",), f"{_AUDITS} questions answered wrongly", _mislead, _nothing),),
    (
        Trouble(("WorkerGone",), "the worker is killed", _end_worker, _start_worker),
        Trouble(("RedisAway",), "the Redis-protocol server is stopped", _end_redis, _start_redis),
        Trouble(
            ("BundleBroken", "ErrorBudgetBurnFast"),
            "a byte more in the serving bundle, and the API started anew",
            _break_bundle,
            _whole_bundle,
        ),
    ),
    (Trouble(("DatabaseDown",), "PostgreSQL lets nobody in, and all connections end", _cut_database, _join_database),),
    (Trouble(("ApiDown",), "the only API process is killed", _end_api, _start_api),),
)
"""Troubles of a group happen at once; a group ends when all its alerts were told. What silences others comes last."""

LEFT_OUT = {
    "DiskFilling": "a disk would have to be filled",
    "ConnectionsExhausted": "needs eighteen statements that hang",
    "AutomationSuspended": "needs a version that automates first",
    "CalibrationPoor": "needs a hundred audits and a bad calibration",
    "DataShifted": "the API looks at a project's drift every ten minutes",
    "ErrorBudgetBurnSlow": "is silent while ErrorBudgetBurnFast is told, and looks at six hours",
    "LatencyBudgetBurnSlow": "is silent while LatencyBudgetBurnFast is told, and looks at six hours",
}
"""Rules that are not provoked here, and why; promtool tests them all."""
