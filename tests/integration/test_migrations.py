"""The schema goes up, down and up again on both databases, and is what the code says it is."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from alembic import command
from sqlalchemy import inspect

from models.store.schema import config, head, migrate, revision_of, take_back
from models.store.session import Database
from models.store.tables import ProjectRow


@pytest.fixture
def empty(empty_database_url: str) -> Iterator[Database]:
    opened = Database(empty_database_url)
    yield opened
    opened.close()


def tables_of(database: Database) -> set[str]:
    """All but Alembic's own and what SQLite's index of words consists of."""
    names = set(inspect(database.engine).get_table_names()) - {"alembic_version"}
    index = {name for name in names if name.startswith("item_words")}
    assert bool(index) is (database.is_sqlite and "item" in names)
    return names - index


def test_up_down_and_up_again(empty: Database) -> None:
    assert revision_of(empty) is None
    migrate(empty)
    assert revision_of(empty) == head()
    assert tables_of(empty) == set(ProjectRow.metadata.tables)
    take_back(empty, "base")
    assert tables_of(empty) == set()
    migrate(empty)
    assert tables_of(empty) == set(ProjectRow.metadata.tables)


def test_the_migrations_give_what_the_tables_say(database: Database) -> None:
    made = config()
    with database.engine.connect() as connection, connection.begin():
        made.attributes["connection"] = connection
        command.check(made)  # raises where autogenerate finds a difference


def test_several_processes_may_migrate_at_once(empty: Database, empty_database_url: str) -> None:
    code = (
        "import sys; from models.store.schema import migrate; from models.store.session import Database;"
        "migrate(Database(sys.argv[1]))"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code, empty_database_url], stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for process in started:
        _, told = process.communicate(timeout=600)
        assert process.returncode == 0, told
    assert revision_of(empty) == head()


def test_rows_survive_a_migration_that_has_nothing_to_do(database: Database) -> None:
    with database.transaction() as session:
        session.add(ProjectRow(slug="kept", name="Kept", salt="0" * 32))
    migrate(database)
    with database.read() as session:
        assert session.query(ProjectRow).count() == 1
