"""What is told apart as being away: real errors of a full disk and of both databases, and what is none of that."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import psycopg2
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from models.absence import (
    CANNOT_BE_KEPT,
    DATABASE_AWAY,
    NO_ROOM,
    NO_ROOM_FOR_ROWS,
    NOT_TAKEN,
    NOT_WRITABLE,
    absence,
    refusal,
)
from models.errors import BundleBroken, Missing, Unavailable
from models.store.session import Database
from tests.conftest import postgresql_database
from tests.servers import free_port


def met(act: Callable[[], object]) -> BaseException:
    """What an act raises."""
    try:
        act()
    except (OSError, SQLAlchemyError) as error:
        return error
    pytest.fail("it went well")


def test_a_full_disk() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("there is no /dev/full")
    assert absence(met(lambda: full.write_bytes(b"x" * 100_000))) == NO_ROOM


def test_a_full_disk_under_sqlite(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'small.db'}")

    def grow() -> None:
        with database.transaction() as session:
            session.execute(text("PRAGMA max_page_count = 10"))
            session.execute(text("CREATE TABLE t (x BLOB)"))
            session.execute(text("INSERT INTO t VALUES (zeroblob(100000))"))

    error = met(grow)
    assert isinstance(error, DBAPIError)
    assert absence(error) == NO_ROOM_FOR_ROWS
    database.close()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("53100", NO_ROOM_FOR_ROWS),
        ("53300", DATABASE_AWAY),
        ("57P01", DATABASE_AWAY),
        ("08006", DATABASE_AWAY),
        ("40P01", None),
        ("57014", None),
        ("23505", None),
    ],
)
def test_what_postgresql_says(postgresql_server: str, code: str, said: str | None) -> None:
    engine = create_engine(postgresql_database(postgresql_server))
    statement = text(f"DO $$ BEGIN RAISE EXCEPTION 'as if' USING ERRCODE = '{code}'; END $$")
    with engine.connect() as connection:
        assert absence(met(lambda: connection.execute(statement))) == said
    engine.dispose()


def test_a_postgresql_whose_process_is_killed(postgresql_server: str) -> None:
    """The driver tells of it as of no particular fault."""
    database = Database(postgresql_database(postgresql_server))
    left = psycopg2.DatabaseError("server closed the connection unexpectedly\n\tThis probably means the server")

    def fail(*_given: object) -> None:
        raise left

    def ask() -> None:
        with database.read() as session:
            session.execute(text("SELECT 1"))

    with patch.object(database.engine.dialect, "do_execute", fail):
        assert absence(met(ask)) == DATABASE_AWAY
    assert absence(met(lambda: database.quickly(fail, writes=True))) == DATABASE_AWAY
    database.close()


@pytest.mark.parametrize("number", [errno.EROFS, errno.EIO, errno.ESTALE, errno.EMFILE])
def test_a_disk_that_takes_nothing(number: int) -> None:
    assert absence(OSError(number, os.strerror(number))) == NOT_WRITABLE


def test_an_sqlite_that_takes_nothing(tmp_path: Path) -> None:
    Database(f"sqlite:///{tmp_path / 'w.db'}").close()
    held = create_engine(f"sqlite:///{tmp_path / 'w.db'}", connect_args={"timeout": 0})
    with held.connect() as first, held.connect() as second:
        first.exec_driver_sql("CREATE TABLE t (x)")
        first.commit()
        first.exec_driver_sql("BEGIN IMMEDIATE")
        assert absence(met(lambda: second.exec_driver_sql("BEGIN IMMEDIATE"))) == DATABASE_AWAY
        second.exec_driver_sql("PRAGMA query_only = ON")
        assert absence(met(lambda: second.exec_driver_sql("INSERT INTO t VALUES (1)"))) == DATABASE_AWAY
        assert absence(met(lambda: second.exec_driver_sql("SELECT nothing FROM nowhere"))) is None
    lost = create_engine(f"sqlite:///{tmp_path / 'nowhere' / 'w.db'}")
    assert absence(met(lambda: lost.connect().close())) == DATABASE_AWAY
    held.dispose()


def test_a_postgresql_that_does_not_answer() -> None:
    database = Database(f"postgresql+psycopg2://nobody@127.0.0.1:{free_port()}/nothing")

    def ask() -> None:
        with database.read() as session:
            session.execute(text("SELECT 1"))

    assert absence(met(ask)) == DATABASE_AWAY


def test_parts_and_faults() -> None:
    assert absence(Unavailable("the store is away")) == "the store is away"
    for fault in (BundleBroken("its hash differs"), Missing("no such file"), OSError("no number"), ValueError("a bug")):
        assert absence(fault) is None


def test_what_a_database_refuses_is_told_apart_from_other_faults() -> None:
    database = create_engine("sqlite://")
    with database.connect() as connection:
        half = "\ud800"
        with pytest.raises(UnicodeEncodeError) as kept:
            connection.execute(text("SELECT :half"), {"half": half})
        assert refusal(kept.value) == (CANNOT_BE_KEPT, True)
        assert refusal(met(lambda: connection.exec_driver_sql("SELECT nothing FROM nowhere"))) == (NOT_TAKEN, False)
    with pytest.raises(UnicodeEncodeError) as elsewhere:
        "é".encode("ascii")
    for error in (elsewhere.value, ValueError("no number"), Missing("nothing is there")):
        assert refusal(error) is None
