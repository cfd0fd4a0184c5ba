"""Statements by the driver alone: they say, keep and refuse what SQLAlchemy's own would."""

import uuid
from pathlib import Path
from sqlite3 import ProgrammingError
from typing import Any, cast

import pytest
from sqlalchemy import Table, bindparam, func, insert, select
from sqlalchemy.exc import IntegrityError, OperationalError

from models.runtime import Runtime
from models.steps.accounts import SYSTEM, Caller, create_api_key
from models.store.quick import Jot, Look
from models.store.session import Database
from models.store.tables import ApiKeyRow, PredictionRow, ProjectRow
from models.store.types import utc_now
from models.vocabulary import Role, Verdict

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
    with runtime.database.transaction() as session:
        create_api_key(
            session, SYSTEM, name="x", role=Role.MANAGER, scopes=["train"], expires_at=utc_now().replace(year=2999)
        )
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

    def fail() -> None:
        with database.lent(writes=True) as held:
            held.cursor().execute("BEGIN IMMEDIATE")
            raise ZeroDivisionError

    with database.lent() as one, database.lent(writes=True) as two:
        assert one is not two
    with database.lent() as again:
        assert again is one
    with pytest.raises(ZeroDivisionError):
        fail()
    with pytest.raises(ProgrammingError, match="closed"):
        again.cursor()
    with database.lent(writes=True) as other:  # nobody holds the lock any more
        assert other is two
        other.cursor().execute("CREATE TABLE t (n INTEGER)")
    database.close()
    with pytest.raises(ProgrammingError, match="closed"):
        other.cursor()


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
