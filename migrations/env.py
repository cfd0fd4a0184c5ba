"""Alembic's entry: migrates one connection, one process at a time, and never waits for a lock for long."""

from typing import Any

from alembic import context
from sqlalchemy import JSON, Connection, text

from models.settings import Settings
from models.store import tables
from models.store.session import Database
from models.store.types import Enumerated, UtcDateTime

_ADVISORY_LOCK = 0x57_49_4E_4E_4F_57
_LOCK_TIMEOUT = "10s"
_STATEMENT_TIMEOUT = "15min"


def _render(kind: str, item: Any, _context: Any) -> str | bool:
    """Migrations name the database's own types: what our code calls them may change later."""
    if kind == "type" and isinstance(item, Enumerated):
        return "sa.String(length=32)"
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, JSON):
        return 'sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")'
    return False


def _is_compared(_item: Any, name: str | None, kind: str, _reflected: object, _other: Any) -> bool:
    """What is for one database alone, migrations make and the code has no classes for: the indexes of words."""
    if kind == "table":
        return not (name or "").startswith("item_words")
    return name != "ix_item_words" or context.get_context().dialect.name == "postgresql"


def _migrate(connection: Connection) -> None:
    postgresql = connection.dialect.name == "postgresql"
    context.configure(
        connection=connection,
        target_metadata=tables.UserRow.metadata,
        render_as_batch=not postgresql,
        compare_type=True,
        render_item=_render,
        include_object=_is_compared,
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        if postgresql:
            connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'"))
            connection.execute(text(f"SET LOCAL statement_timeout = '{_STATEMENT_TIMEOUT}'"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        context.run_migrations()


def _main() -> None:
    connection = context.config.attributes.get("connection")
    if connection is not None:
        _migrate(connection)
        return
    database = Database(Settings().database)
    with database.engine.connect() as own, own.begin():
        _migrate(own)
    database.close()


_main()
