"""Worker processes for real: killed, told to stop, and with a Redis that forgets."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from filelock import FileLock
from redis import Redis
from sqlalchemy import select, text, update

from models import jobs
from models.doorbell import Doorbell
from models.runtime import Runtime
from models.steps import queue, review, train
from models.steps.accounts import Caller
from models.steps.items import NewItem
from models.steps.projects import find_project
from models.store.session import Database
from models.store.tables import ItemRow, JobRow, ProjectRow, VersionRow
from models.vocabulary import Action, Job, JobStatus, VersionStatus
from tests.integration.conftest import put, texts
from tests.servers import free_port

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 240.0
Start = Callable[..., subprocess.Popen[bytes]]


def until(condition: Callable[[], bool], worker: subprocess.Popen[bytes] | None = None) -> None:
    """Wait for something that must come; how long it takes does not matter."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert worker is None or worker.poll() is None, "the worker ended"
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    """The server, emptied before and after."""
    client = Redis.from_url(redis_url)
    client.flushall()
    yield client
    client.flushall()
    client.close()


@pytest.fixture
def start(runtime: Runtime, redis: Redis, encoder_cache: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts worker processes on this test's database; whatever is left of them ends with the test."""
    del redis
    settings = runtime.settings
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    (settings.data_dir / "encoders").symlink_to(encoder_cache)
    environment = os.environ | {
        "WINNOW_DATA_DIR": str(settings.data_dir),
        "WINNOW_DATABASE_URL": settings.database_url,
        "WINNOW_REDIS_URL": settings.redis_url,
        "WINNOW_JOB_LEASE_SECONDS": "12",  # no longer than need be, but longer than a machine stands still
    }
    running: list[subprocess.Popen[bytes]] = []
    log = (tmp_path / "workers.log").open("wb")

    def begin(*through: str, **variables: str) -> subprocess.Popen[bytes]:
        given, command = environment | variables, [sys.executable, "-m", *through, "worker"]
        running.append(subprocess.Popen(command, cwd=ROOT, env=given, stdout=log, stderr=log))
        return running[-1]

    yield begin
    for process in running:
        process.kill()
        process.wait()
    log.close()


@pytest.fixture
def rung(settings: object, database_url: str, redis_url: str) -> Iterator[Database]:
    """The database as the API has it: it rings when a transaction leaves a job."""
    del settings
    doorbell = Doorbell(redis_url)
    opened = Database(database_url, on_commit=doorbell.ring)
    yield opened
    opened.close()
    doorbell.close()


def job_of(database: Database, kind: Job) -> JobRow:
    with database.read() as session:
        return (
            session.scalars(select(JobRow).where(JobRow.kind == kind).order_by(JobRow.created_at)).first() or JobRow()
        )


def versions(database: Database) -> list[VersionRow]:
    with database.read() as session:
        return list(session.scalars(select(VersionRow)))


@pytest.fixture
def decided(runtime: Runtime, ann: Caller, filled: ProjectRow) -> ProjectRow:
    """Thirty decisions, and nothing in training yet."""
    truth = dict(texts(120))
    with runtime.database.transaction() as session:
        project = find_project(session, ann, filled.slug)
        project.settings = {**project.settings, "retrain_every": 1_000_000}
        for one in queue.lease(runtime, session, ann, project, 30):
            new = review.NewDecision(Action.CORRECT, task_id=one.task.id, categories=[truth[one.item.text]])
            review.decide(session, ann, project, new, runtime.settings)
        session.execute(update(JobRow).values(status=JobStatus.SUCCEEDED))
    return filled


def test_a_worker_killed_in_mid_training_leaves_exactly_one_version(
    runtime: Runtime, ann: Caller, decided: ProjectRow, rung: Database, start: Start
) -> None:
    first = start()
    # Training stands still in its middle, where it wants the vectors, until it is killed.
    [folder] = (runtime.pools.root / str(decided.id)).iterdir()
    stall = FileLock(folder / "lock")
    stall.acquire()
    with rung.transaction() as session:
        train.request_training(session, ann, find_project(session, ann, decided.slug))
    until(lambda: bool(versions(rung)), first)
    assert versions(rung)[0].status is VersionStatus.TRAINING
    first.send_signal(signal.SIGKILL)
    first.wait()
    stall.release()
    second = start()
    until(lambda: versions(rung)[0].status is not VersionStatus.TRAINING, second)
    until(lambda: job_of(rung, Job.REGISTER).status is JobStatus.SUCCEEDED, second)
    [version] = versions(rung)
    assert version.number == 1
    assert version.status is VersionStatus.SERVING
    job = job_of(rung, Job.TRAIN)
    assert job.status is JobStatus.SUCCEEDED
    assert job.lease_token >= 2


def test_what_redis_forgets_is_rung_for_again(
    runtime: Runtime, ann: Caller, project: ProjectRow, rung: Database, start: Start, redis: Redis
) -> None:
    with rung.transaction() as session:
        session.execute(text("SELECT 1"))
    put(runtime, ann, project, [NewItem(text) for text, _ in texts(12)])
    redis.flushall()
    worker = start()
    until(lambda: job_of(rung, Job.QUEUE).status is JobStatus.SUCCEEDED, worker)
    redis.flushall()  # also what the worker keeps there about itself
    put(runtime, ann, project, [NewItem(f"another {place}") for place in range(12)])

    def embedded() -> bool:
        with rung.read() as session:
            return not session.scalars(select(ItemRow.id).where(ItemRow.encoder_id.is_(None))).all()

    until(embedded, worker)
    worker.terminate()
    assert worker.wait(PATIENCE) == 0


def test_a_worker_that_starts_while_redis_is_away_waits_for_it_and_ends_when_it_is_told_to(
    start: Start, tmp_path: Path
) -> None:
    worker = start(WINNOW_REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
    until(lambda: (tmp_path / "workers.log").read_text().count("redis is away") > 1, worker)
    worker.terminate()
    assert worker.wait(PATIENCE) == 0
    assert "Traceback" not in (tmp_path / "workers.log").read_text()


def test_a_worker_told_to_stop_hands_on_what_it_has_begun(
    runtime: Runtime, ann: Caller, project: ProjectRow, rung: Database, start: Start, tmp_path: Path
) -> None:
    put(runtime, ann, project, [NewItem(f"number {place}") for place in range(600)])
    (tmp_path / "stalls").mkdir()
    (tmp_path / "stalls" / "worker").write_text("0.5")  # an encoder that takes its time, and not the processor's
    worker = start("benchmarks._stand_in", STAND_IN_STALLS=str(tmp_path / "stalls"))

    def begun() -> bool:
        job = job_of(rung, Job.EMBED)
        return job.status is JobStatus.RUNNING and job.progress_done > 0

    until(begun, worker)
    worker.terminate()
    assert worker.wait(PATIENCE) == 0
    with rung.read() as session:
        running = session.scalars(select(JobRow).where(JobRow.status == JobStatus.RUNNING)).all()
        left = session.scalars(select(JobRow).where(JobRow.kind == Job.EMBED)).one()
        done = session.scalars(select(ItemRow.id).where(ItemRow.encoder_id.is_not(None))).all()
    assert running == []
    assert left.status is JobStatus.QUEUED
    assert left.attempts == 0
    assert len(done) == left.progress_done > 0
    with rung.transaction() as session:
        assert jobs.claim(session, left.id, lease=timedelta(seconds=5), attempts=5) is not None  # at once, by anybody
