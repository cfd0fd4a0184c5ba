"""Rows as lines of JSON and back: nothing in them depends on the database they come from or go to."""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeEngine

from models.backups.manifest import Column, Kind, Table
from models.learn.text import marks
from models.store.base import Row
from models.store.tables import ItemRow
from models.store.types import Enumerated, Json, UtcDateTime
from models.store.words import indexed

LEFT_OUT = frozenset({"worker", "item_counter"})
"""Tables that are about processes of the moment, or that triggers fill as the others are filled."""

_DERIVED = frozenset({("item", "words")})
"""Columns that are made of others, in a form of the database's own; made anew by a restore."""

_AT_ONCE = 500
_TYPES: dict[Kind, TypeEngine[Any]] = {
    "int": sa.BigInteger(),
    "float": sa.Double(),
    "bool": sa.Boolean(),
    "text": sa.Text(),
    "time": UtcDateTime(),
    "json": Json,
    "bytes": sa.LargeBinary(),
}
_OUT: dict[Kind, Callable[[Any], Any]] = {
    "time": lambda value: value.isoformat(),
    "bytes": lambda value: b64encode(value).decode("ascii"),
}
_IN: dict[Kind, Callable[[Any], Any]] = {
    "time": datetime.fromisoformat,
    "bytes": b64decode,
}


def tables() -> list[sa.Table]:
    """The tables that are kept, each after those that it refers to."""
    return [table for table in Row.metadata.sorted_tables if table.name not in LEFT_OUT]


def columns_of(table: sa.Table) -> tuple[Column, ...]:
    """A table's columns as the manifest names them."""
    kept = [column for column in table.columns if (table.name, column.name) not in _DERIVED]
    return tuple(Column(name=column.name, kind=_kind(column.type)) for column in kept)


def lines(connection: sa.Connection, table: sa.Table) -> Iterator[bytes]:
    """Each row of a table as a line of JSON, in the order of its primary key."""
    columns = columns_of(table)
    told = [_OUT.get(column.kind) for column in columns]
    plain = _plain(table.name, columns)
    order = [plain.c[key.name] for key in table.primary_key.columns]
    found = connection.execute(
        sa.select(*(plain.c[column.name] for column in columns)).order_by(*order),
        execution_options={"stream_results": True, "yield_per": 1000},
    )
    for row in found:
        values = [
            value if value is None or tell is None else tell(value) for value, tell in zip(row, told, strict=True)
        ]
        yield json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def fill(connection: sa.Connection, table: Table, rows: Iterable[bytes]) -> None:
    """Insert lines into an empty table. A row that refers to another of its table may come before it."""
    taken = [_IN.get(column.kind) for column in table.columns]
    names = [column.name for column in table.columns]
    plain = _plain(table.name, table.columns)
    made = _made_with_it(connection, table.name)
    for column in made:
        plain.append_column(sa.column(column, Row.metadata.tables[table.name].c[column].type))
    looking_back = _own_references(table.name)
    later: list[dict[str, Any]] = []
    waiting = iter(rows)
    while some := list(islice(waiting, _AT_ONCE)):
        values = [_values(line, names, taken) for line in some]
        for row in values:
            row.update({column: make(row) for column, make in made.items()})
            if any(row[name] is not None for name in looking_back):
                later.append({"own_id": row["id"]} | {f"own_{name}": row[name] for name in looking_back})
                row.update(dict.fromkeys(looking_back))
        connection.execute(plain.insert(), values)
    if later:
        refer: dict[str, Any] = {name: sa.bindparam(f"own_{name}") for name in looking_back}
        connection.execute(plain.update().where(plain.c.id == sa.bindparam("own_id")).values(refer), later)


def count(connection: sa.Connection, name: str) -> int:
    """How many rows a table has."""
    return connection.scalar(sa.select(sa.func.count()).select_from(sa.table(name))) or 0


def last_ids(connection: sa.Connection) -> dict[str, int]:
    """The highest number that each table ever gave a row; tables without numbers of their own are absent."""
    numbered = [table.name for table in tables() if _is_numbered(table)]
    if connection.dialect.name == "sqlite":
        known: dict[str, int] = dict(
            connection.execute(sa.text("SELECT name, seq FROM sqlite_sequence")).tuples().all()
        )
        return {name: int(known.get(name, 0)) for name in numbered}
    return {name: _sequence_at(connection, name) for name in numbered}


def go_on_from(connection: sa.Connection, name: str, last_id: int) -> None:
    """Have a table number its next row after `last_id`."""
    if not last_id:
        return
    told = {"name": name, "last": last_id}
    if connection.dialect.name == "sqlite":
        connection.execute(sa.text("DELETE FROM sqlite_sequence WHERE name = :name"), told)
        connection.execute(sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :last)"), told)
    else:
        connection.execute(sa.text("SELECT setval(pg_get_serial_sequence(quote_ident(:name), 'id'), :last)"), told)


def _sequence_at(connection: sa.Connection, name: str) -> int:
    named = sa.text("SELECT pg_get_serial_sequence(quote_ident(:name), 'id')")
    sequence = connection.scalar(named, {"name": name})
    at = sa.text("SELECT coalesce(pg_sequence_last_value(CAST(:sequence AS regclass)), 0)")
    return int(connection.scalar(at, {"sequence": sequence}) or 0)


def _is_numbered(table: sa.Table) -> bool:
    return "id" in table.columns and _kind(table.columns["id"].type) == "int"


def _plain(name: str, columns: Sequence[Column]) -> sa.TableClause:
    return sa.table(name, *(sa.column(column.name, _TYPES[column.kind]) for column in columns))


def _made_with_it(connection: sa.Connection, name: str) -> dict[str, Callable[[dict[str, Any]], Any]]:
    """How to make the columns that are made of others, as far as the table has them at this revision."""
    if name != ItemRow.__tablename__:
        return {}
    there = {column["name"] for column in sa.inspect(connection).get_columns(name)}
    return {"words": lambda row: indexed(row["project_id"], marks(row["text"]).words)} if "words" in there else {}


def _own_references(name: str) -> list[str]:
    """Columns of a table that refer to the table itself."""
    table = Row.metadata.tables.get(name)
    if table is None:
        return []
    return [key.parent.name for key in table.foreign_keys if key.column.table is table]


def _values(line: bytes, names: Sequence[str], taken: Sequence[Callable[[Any], Any] | None]) -> dict[str, Any]:
    return {
        name: value if value is None or take is None else take(value)
        for name, value, take in zip(names, json.loads(line), taken, strict=True)
    }


def _kind(kept: TypeEngine[Any]) -> Kind:
    ordered: tuple[tuple[type[TypeEngine[Any]], Kind], ...] = (
        (UtcDateTime, "time"),
        (Enumerated, "text"),
        (sa.JSON, "json"),
        (sa.LargeBinary, "bytes"),
        (sa.Boolean, "bool"),
        (sa.Integer, "int"),
        (sa.Float, "float"),
        (sa.String, "text"),
    )
    for one, kind in ordered:
        if isinstance(kept, one):
            return kind
    message = f"a column of type {kept!r} has no place in a backup"
    raise TypeError(message)
