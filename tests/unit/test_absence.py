"""What is told apart as being away: real errors of a full disk and of both databases, and what is none of that."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from models.absence import DATABASE_AWAY, NO_ROOM, NO_ROOM_FOR_ROWS, absence
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
