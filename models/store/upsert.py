"""INSERT that passes over what is already there: the same statement on both databases."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.store.base import Row

K = TypeVar("K")


def insert_new(
    session: Session,
    row: type[Row],
    values: Sequence[Mapping[str, Any]],
    *returning: InstrumentedAttribute[Any] | ColumnElement[Any],
) -> list[tuple[Any, ...]]:
    """Insert rows; those that break a unique constraint are left out.

    Returns:
        The `returning` columns of the rows that went in, in no promised order; empty without any.
    """
    if not values:
        return []
    statement = _insert(session, row).on_conflict_do_nothing()
    if not returning:
        session.execute(statement, list(values))
        return []
    return [tuple(found) for found in session.execute(statement.returning(*returning), list(values))]


def insert_many(
    session: Session,
    row: type[Row],
    values: Sequence[Mapping[str, Any]],
    column: InstrumentedAttribute[K],
    *same: ColumnElement[bool],
) -> dict[K, int]:
    """Insert many numbered rows at once; those that break a unique constraint are left out.

    On SQLite it is quicker to ask for the ids afterwards than to be told each: they are those that are newer than all
    before. So the caller must hold a lock under which nobody else inserts rows of which `same` is true.

    Args:
        column: by which to tell the new rows apart.
        same: what is true of all of them.

    Returns:
        The ids of the rows that went in, by their value of `column`.
    """
    if not values:
        return {}
    number = row.__table__.c.id
    if session.get_bind().dialect.name != "sqlite":  # its planner may read the whole table for so few of its rows
        return dict(insert_new(session, row, values, column, number))
    last = session.scalar(select(func.max(number))) or 0
    session.execute(_insert(session, row.__table__).on_conflict_do_nothing(), list(values))
    fresh = session.execute(select(column, number).where(number > last, *same))
    return dict(fresh.tuples().all())


def _insert(session: Session, into: Any) -> sqlite.Insert | postgresql.Insert:
    return (sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert)(into)
