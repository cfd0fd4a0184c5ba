"""A statement that takes too long is given up, and its connection goes on."""

from collections.abc import Iterator

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from models.store.quick import Look
from models.store.session import Database

_ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
_MANY = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000) SELECT i FROM n"


@pytest.fixture
def impatient(database_url: str, backend: str) -> Iterator[Database]:
    """SQLite looks at the clock after so many steps, which nothing small takes; PostgreSQL has one that runs on."""
    opened = Database(database_url, statement_seconds=0.1 if backend == "sqlite" else 3.0)
    yield opened
    opened.close()


def test_what_takes_too_long_is_given_up(impatient: Database) -> None:
    for _ in range(2):  # the second time on the same connection
        with pytest.raises(OperationalError), impatient.read() as session:
            session.execute(text(_ENDLESS))
        with pytest.raises(OperationalError):
            Look(select(text("*")).select_from(text(f"({_ENDLESS}) AS endless"))).at(impatient, {})
    with impatient.read() as session:
        assert session.scalar(text("SELECT 1")) == 1


def test_a_transaction_that_was_given_up_leaves_nothing(impatient: Database) -> None:
    with impatient.transaction() as session:
        session.execute(text("CREATE TABLE kept (one INTEGER)"))

    def begin_and_linger() -> None:
        with impatient.transaction() as session:
            session.execute(text("INSERT INTO kept VALUES (1)"))
            session.execute(text(_ENDLESS))

    with pytest.raises(OperationalError):
        begin_and_linger()
    with impatient.read() as session:
        assert session.scalar(text("SELECT count(*) FROM kept")) == 0


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_what_is_read_bit_by_bit_waits_for_its_reader(impatient: Database) -> None:
    with impatient.read() as session:
        rows = session.execute(text(_MANY).execution_options(yield_per=1000))
        assert sum(1 for _ in rows) == 2_000_000


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_options_of_the_address_are_kept(database_url: str) -> None:
    joined = "&" if "?" in database_url else "?"
    opened = Database(f"{database_url}{joined}options=-c%20work_mem%3D9MB", statement_seconds=5)
    with opened.read() as session:
        assert session.scalar(text("SHOW work_mem")) == "9MB"
        assert session.scalar(text("SHOW statement_timeout")) == "5s"
    opened.close()
