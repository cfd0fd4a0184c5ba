"""Brings a database to the present shape, and tells whether it has it."""

from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from models.store.session import Database

_FOLDER = Path(__file__).resolve().parents[2] / "migrations"


def config() -> Config:
    """Alembic's configuration, without a file."""
    made = Config()
    made.set_main_option("script_location", str(_FOLDER))
    return made


def migrate(database: Database, revision: str = "head") -> None:
    """Move the schema up to `revision`. Several processes may call it at once: one works, the others wait."""
    _run(database, lambda made: command.upgrade(made, revision))


def shape(connection: Connection, revision: str = "head") -> None:
    """Move the schema up to `revision` within the transaction that a connection is in."""
    made = config()
    made.attributes["connection"] = connection
    command.upgrade(made, revision)


def take_back(database: Database, revision: str) -> None:
    """Move the schema down to `revision` (`base` for nothing at all)."""
    _run(database, lambda made: command.downgrade(made, revision))


def revision_of(database: Database) -> str | None:
    """The revision that a database has; None for an empty one."""
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head() -> str | None:
    """The revision that this code needs."""
    return ScriptDirectory.from_config(config()).get_current_head()


def serves(revision: str | None) -> bool:
    """Whether this code can work on a database of that revision: its own, or one of a later release.

    Migrations only add while processes of the release before still run, so a revision that this code has never
    heard of is one it can live with; an older one that it knows lacks something.
    """
    return revision is not None and (revision == head() or not knows(revision))


def knows(revision: str) -> bool:
    """Whether a revision is one of this release or of one before it."""
    return revision in {script.revision for script in ScriptDirectory.from_config(config()).walk_revisions()}


def _run(database: Database, step: Callable[[Config], None]) -> None:
    made = config()
    with database.engine.connect() as connection, connection.begin():
        made.attributes["connection"] = connection
        step(made)
