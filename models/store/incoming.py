"""Many values on their way into a table: brought to the database as quickly as it can take them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from io import BytesIO
from itertools import repeat
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Dialect,
    LargeBinary,
    MetaData,
    Select,
    Table,
    insert,
    select,
    true,
)
from sqlalchemy.orm import Session
from sqlalchemy.schema import CreateTable, DropTable

from models.store.base import Row
from models.store.faults import told_as_usual

_COPIED_BYTES = 2**16


@contextmanager
def incoming(
    session: Session, columns: Sequence[ColumnElement[Any]], values: Sequence[tuple[Any, ...]]
) -> Iterator[Select[Any]]:
    """Have values in a table of this transaction, for one statement to use them all.

    Args:
        columns: those of another table that the values are meant for.
        values: a tuple for each row, at least one.

    Returns:
        A query for the values in their order.
    """
    connection = session.connection()
    source = _table(tuple(columns))
    if connection.dialect.name == "sqlite":  # nothing of it goes to a file, where it would not be overwritten
        connection.exec_driver_sql("PRAGMA temp.cache_size = -65536")
    connection.execute(CreateTable(source))
    by_column = zip(zip(*values, strict=True), source.columns, strict=True)
    ready = [_ready(given, column, connection.dialect) for given, column in by_column]
    if connection.dialect.name == "sqlite":
        statement = str(source.insert().compile(dialect=connection.dialect))
        connection.exec_driver_sql(statement, list(zip(*ready, strict=True)))
    else:
        _copy(connection, source.name, source.columns.keys(), [map(_written, given) for given in ready])
    yield select(source).where(true())  # without a condition SQLite takes ON CONFLICT for the ON of a join
    connection.execute(DropTable(source))


@lru_cache
def _table(columns: tuple[ColumnElement[Any], ...]) -> Table:
    """The same one for the same columns: SQLAlchemy keeps what it made of a statement for each table that it sees."""
    return Table("incoming", MetaData(), *(Column(one.key, one.type) for one in columns), prefixes=["TEMPORARY"])


def bring(
    session: Session,
    into: type[Row],
    columns: Sequence[str],
    values: Sequence[tuple[Any, ...]],
    shared: Mapping[str, Any],
) -> None:
    """Insert many rows as they are, by the quickest way that a database has. Raises IntegrityError where one is there.

    Args:
        columns: in which the rows differ.
        values: what each row has there; at least one row.
        shared: what all have in others. Those that are left out are empty, or have a default of the database's own.
    """
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        connection.execute(insert(into), [dict(zip(columns, one, strict=True), **shared) for one in values])
        return
    kept = into.__table__.c
    written: list[Iterable[str]] = [
        map(_written, _ready(given, kept[name], connection.dialect))
        for name, given in zip(columns, zip(*values, strict=True), strict=True)
    ]
    for name, value in shared.items():
        [ready] = _ready([value], kept[name], connection.dialect)
        written.append(repeat(_written(ready), len(values)))
    _copy(connection, into.__tablename__, [*columns, *shared], written)


def _ready(values: Iterable[Any], column: ColumnElement[Any], dialect: Dialect) -> Iterable[Any]:
    """Values of a column as its type gives them to the driver."""
    if isinstance(column.type, LargeBinary):
        return values
    ready: Callable[[Any], Any] | None = column.type.dialect_impl(dialect).bind_processor(dialect)
    return values if ready is None else map(ready, values)


def _copy(connection: Connection, into: str, names: Iterable[str], written: Iterable[Iterable[str]]) -> None:
    quote = connection.dialect.identifier_preparer.quote
    where = f"{quote(into)} ({', '.join(map(quote, names))})"
    lines = map("\t".join, zip(*written, strict=True))
    data = BytesIO("\n".join(lines).encode())
    raw: Any = connection.connection.driver_connection
    with told_as_usual(connection.dialect), raw.cursor() as cursor:
        cursor.copy_expert(f"COPY {where} FROM STDIN", data, _COPIED_BYTES)


def _written(value: Any) -> str:
    """A value as PostgreSQL's COPY reads it."""
    if value is None:
        return r"\N"
    if isinstance(value, bytes):
        return rf"\\x{value.hex()}"
    return str(value).replace("\\", r"\\").replace("\t", r"\t").replace("\n", r"\n").replace("\r", r"\r")
