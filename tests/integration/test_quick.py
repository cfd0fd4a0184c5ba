"""Statements by the driver alone: they say, keep and refuse what SQLAlchemy's own would."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from sqlite3 import ProgrammingError
from typing import Any, cast

import pytest
from sqlalchemy import Table, bindparam, func, insert, select
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.exc import ProgrammingError as ProgrammingErrorOfAll

from models.runtime import Runtime
from models.steps.accounts import SYSTEM, Caller, create_api_key
from models.store.quick import Jot, Look
from models.store.session import _SPARE, Database
from models.store.spare import Held
from models.store.tables import ApiKeyRow, PredictionRow, ProjectRow
from models.store.types import utc_now
from models.vocabulary import Role, Verdict

ON_A_SERVER = pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
_TABLE = cast("Table", PredictionRow.__table__)
JOT = Jot(insert(_TABLE), _TABLE.columns.keys())
KEY = select(*ApiKeyRow.__table__.columns).where(ApiKeyRow.name == bindparam("name"))


def row(project: ProjectRow, **more: Any) -> dict[str, Any]:
    told = dict.fromkeys(_TABLE.columns.keys()) | {
        "id": uuid.uuid4().hex, "created_at": utc_now(), "project_id": project.id, "number": 3, "category_id": 1,
        "confidence": 0.25, "verdict": Verdict.REVIEW, "text": "a 'quoted' täxt", "fields": {"n": [1, None]},
        "actor": "key:1",
    }  # fmt: skip
    return told | more


def kept(database: Database) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(PredictionRow)) or 0


def test_a_look_sees_what_a_query_sees(runtime: Runtime) -> None:
    end = datetime(2999, 1, 1, tzinfo=UTC)
    with runtime.database.transaction() as session:
        create_api_key(session, SYSTEM, name="x", role=Role.MANAGER, scopes=["train"], expires_at=end)
    with runtime.database.read() as session:
        expected = tuple(session.execute(KEY, {"name": "x"}).one())
    assert Look(KEY).at(runtime.database, {"name": "x"}) == expected
    assert Look(KEY).at(runtime.database, {"name": "nobody"}) is None


def test_rows_are_written_as_sqlalchemy_writes_them(runtime: Runtime, project: ProjectRow) -> None:
    one, two = row(project), row(project, external_id="T-1", shadow_agrees=False, shadow_confidence=0.5)
    JOT.down(runtime.database, [one, two])
    with runtime.database.read() as session:
        found = {told.id: told for told in session.scalars(select(PredictionRow))}
    for given in (one, two):
        assert {name: getattr(found[given["id"]], name) for name in given} == given


def test_a_fault_is_told_as_usual_keeps_nothing_and_the_connection_goes_on(
    runtime: Runtime, project: ProjectRow
) -> None:
    first = row(project)
    JOT.down(runtime.database, [first])
    for _ in range(2):
        with pytest.raises(IntegrityError):
            JOT.down(runtime.database, [row(project), first])
        assert kept(runtime.database) == 1
    JOT.down(runtime.database, [row(project)])
    assert kept(runtime.database) == 2


def test_a_single_row_is_kept_or_refused_as_well(runtime: Runtime, project: ProjectRow) -> None:
    first = row(project)
    JOT.down(runtime.database, [first])
    assert kept(runtime.database) == 1
    with pytest.raises(IntegrityError):
        JOT.down(runtime.database, [first])
    JOT.down(runtime.database, [row(project)])
    assert kept(runtime.database) == 2


def test_sqlite_lends_a_connection_again_unless_it_failed_and_closes_it_in_the_end(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'some.db'}")

    def fail(held: Held) -> None:
        held.driver.execute("BEGIN IMMEDIATE")
        raise ZeroDivisionError

    one, two = database.quickly(lambda one: (one, database.quickly(lambda two: two, writes=True)))
    assert one is not two
    assert database.quickly(lambda held: held) is one
    with pytest.raises(ZeroDivisionError):
        database.quickly(fail, writes=True)
    with pytest.raises(ProgrammingError, match="closed"):
        one.driver.cursor()
    other = database.quickly(lambda held: held, writes=True)
    assert other is two
    other.driver.execute("CREATE TABLE t (n INTEGER)")  # nobody holds the lock any more
    database.close()
    with pytest.raises(ProgrammingError, match="closed"):
        other.driver.cursor()


@ON_A_SERVER
def test_there_are_never_more_connections_to_a_server_than_a_few(database: Database) -> None:
    most, now, guard = 0, 0, threading.Lock()

    def look(held: Held) -> None:
        nonlocal most, now
        with guard:
            now += 1
            most = max(most, now)
        held.driver.cursor().execute("SELECT pg_sleep(0.02)")
        with guard:
            now -= 1

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: database.quickly(look), range(40)))
    assert 1 < most <= _SPARE


@ON_A_SERVER
def test_one_that_failed_makes_room_for_another(database: Database) -> None:
    for _ in range(_SPARE + 1):  # else there would be none left to lend
        with pytest.raises(ProgrammingErrorOfAll):
            database.quickly(lambda held: held.driver.cursor().execute("no such statement"))
    assert database.quickly(lambda held: held.driver.closed) == 0


@ON_A_SERVER
def test_a_look_goes_on_when_the_server_has_left_and_come_back(database: Database) -> None:
    with ThreadPoolExecutor(_SPARE) as pool:  # one each, for they wait for each other
        gather = threading.Barrier(_SPARE)

        def meet(_: int) -> int:
            return database.quickly(lambda held: (gather.wait(60), backend_of(held))[1])

        told = list(pool.map(meet, range(_SPARE)))
    assert len(set(told)) == _SPARE
    others = Database(database.url.render_as_string(hide_password=False))
    for one in told:
        others.quickly(lambda held, one=one: held.driver.cursor().execute("SELECT pg_terminate_backend(%s)", [one]))
    assert Look(KEY).at(database, {"name": "nobody"}) is None
    assert database.quickly(backend_of, writes=True) not in told, (
        "a write is not tried twice, so it must not be necessary"
    )
    others.close()


def backend_of(held: Held) -> int:
    cursor = held.driver.cursor()
    cursor.execute("SELECT pg_backend_pid()")
    found: int = cursor.fetchone()[0]
    return found


def test_a_transaction_after_a_look_is_undone_as_ever(runtime: Runtime, ann: Caller) -> None:
    def begin_and_fail() -> None:
        with runtime.database.transaction() as session:
            create_api_key(session, ann, name="undone", role=Role.PROGRAM)
            raise ZeroDivisionError

    for _ in range(3):  # whichever connection it is lent
        assert Look(KEY).at(runtime.database, {"name": "nobody"}) is None
        with pytest.raises(ZeroDivisionError):
            begin_and_fail()
    assert Look(KEY).at(runtime.database, {"name": "undone"}) is None


def test_a_database_that_is_away_is_told_as_usual(tmp_path: Any) -> None:
    for url in (f"sqlite:///{tmp_path}", "postgresql+psycopg2://nobody@127.0.0.1:1/nothing"):
        database = Database(url)
        with pytest.raises(OperationalError):
            Look(KEY).at(database, {"name": "x"})
        database.close()
