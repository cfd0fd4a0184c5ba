"""INSERT that passes over what is already there: the same statement on both databases."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, func, literal, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.store.base import Row
from models.store.incoming import bring, incoming

K = TypeVar("K")

FEW = 100
"""So many rows or fewer are not worth a table of their own."""


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
    columns: Sequence[str],
    values: Sequence[tuple[Any, ...]],
    shared: Mapping[str, Any],
    by: InstrumentedAttribute[K],
    *,
    all_new: bool = False,
) -> dict[K, int]:
    """Insert many numbered rows at once; those that break a unique constraint are left out.

    They are brought to the database as they are and go into the table by one statement, which is several times as
    quick as a statement for each: on SQLite the index of words would be written anew after every row.

    Args:
        columns: in which the rows differ.
        values: what each row has there.
        shared: what all have in the others.
        by: the column by which to tell the new rows apart.
        all_new: none is likely to be there already. PostgreSQL is then given them straight away: for `ON CONFLICT`
            they would have to be in a table already, and it would look at each row before it stores it. It takes any in
            any case.

    Returns:
        The ids of the rows that went in, by their value of `by`.
    """
    table = row.__table__
    returned = (by, table.c.id)
    if len(values) <= FEW:
        each = [dict(zip(columns, one, strict=True), **shared) for one in values]
        return dict(insert_new(session, row, each, *returned))
    if all_new and session.get_bind().dialect.name == "postgresql":
        with suppress(IntegrityError), session.begin_nested():
            ids = _numbers(session, row.__tablename__, len(values))
            numbered = [(one, *rest) for one, rest in zip(ids, values, strict=True)]
            bring(session, row, ("id", *columns), numbered, shared)
            place = columns.index(by.key)
            return {one[place]: number for one, number in zip(values, ids, strict=True)}
    with incoming(session, [table.c[name] for name in columns], values) as source:
        statement = _insert(session, table).from_select(
            [*columns, *shared],
            source.add_columns(*(literal(value, table.c[name].type) for name, value in shared.items())),
            include_defaults=False,
        )
        fresh = session.execute(statement.on_conflict_do_nothing().returning(*returned))
        return dict(fresh.tuples().all())


def _numbers(session: Session, table: str, count: int) -> Sequence[int]:
    """The next numbers of a PostgreSQL table, which nobody else is given."""
    sequence = func.pg_get_serial_sequence(table, "id")
    return session.scalars(select(func.nextval(sequence)).select_from(func.generate_series(1, count))).all()


def _insert(session: Session, into: Any) -> sqlite.Insert | postgresql.Insert:
    return (sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert)(into)
