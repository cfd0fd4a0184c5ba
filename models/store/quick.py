"""Statements that every answer needs, by the driver alone: what SQLAlchemy does for one is done once and kept.

Beside an encoder that takes a few milliseconds SQLAlchemy's part is felt: on SQLite a look at one row costs ten times
what the database itself takes for it. Here it says once what a statement is in the database's own words and how values
go in and out. Connections come from its pool, and faults are told as it tells them.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Dialect, Insert, Select
from sqlalchemy.engine.interfaces import DBAPIConnection

from models.store.session import Database
from models.store.spare import Held

Values = Mapping[str, Any]
_Converters = list[tuple[int, Callable[[Any], Any]]]


def _wanted(each: Sequence[Callable[[Any], Any] | None]) -> _Converters:
    return [(place, one) for place, one in enumerate(each) if one is not None]


def _convert(row: list[Any], converters: _Converters) -> None:
    for place, convert in converters:
        if row[place] is not None:
            row[place] = convert(row[place])


class _Words:
    """A statement in a database's own words.

    Attributes:
        sql: the words.
        out: what makes our values of the driver's, with the place of its column, where anything does.
    """

    def __init__(
        self,
        statement: Select[*tuple[Any, ...]] | Insert,
        columns: Sequence[str],
        plain: int | None,
        dialect: Dialect,
    ) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=list(columns) or None)
        self.sql = str(compiled)
        self._by_place = compiled.positional
        self._names = list(compiled.positiontup or compiled.binds)
        into = [compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect) for name in self._names]
        self._into = _wanted(into)
        self._told: tuple[str, str] | None = None
        if dialect.name == "postgresql":
            numbered = {name: f"${place}" for place, name in enumerate(self._names, 1)}
            given = ", ".join(f"%({name})s" for name in self._names)
            self._told = self.sql % numbered, f"({given})" if given else ""
        looked_at = list(statement.selected_columns)[:plain] if isinstance(statement, Select) else []
        self.out = _wanted([column.type.dialect_impl(dialect).result_processor(dialect, None) for column in looked_at])

    def bound(self, values: Values) -> Any:
        """Values as the driver takes them."""
        given = [values[name] for name in self._names]
        _convert(given, self._into)
        return given if self._by_place else dict(zip(self._names, given, strict=True))

    def on(self, held: Held) -> str:
        """What to ask this connection for. PostgreSQL is told a statement once, and need not plan it each time."""
        if self._told is None:
            return self.sql
        asked = held.prepared.get(self)
        if asked is None:
            name = f"winnow_{len(held.prepared)}"
            held.driver.cursor().execute(f"PREPARE {name} AS {self._told[0]}")
            asked = held.prepared[self] = f"EXECUTE {name} {self._told[1]}"
        return asked


class _Quick:
    """A statement, and its words for each kind of database once they are wanted."""

    def __init__(
        self,
        statement: Select[*tuple[Any, ...]] | Insert,
        columns: Sequence[str] = (),
        plain: int | None = None,
    ) -> None:
        self._statement = statement
        self._columns = columns
        self._plain = plain
        self._known: dict[str, _Words] = {}

    def _words(self, database: Database) -> _Words:
        dialect = database.engine.dialect
        found = self._known.get(dialect.name)
        if found is None:
            found = self._known[dialect.name] = _Words(self._statement, self._columns, self._plain, dialect)
        return found


class Look(_Quick):
    """A look at one row.

    Args:
        statement: what is looked at, with parameters by name.
        plain: from this column on values are left as the driver gives them, which is enough to compare them.
    """

    def __init__(self, statement: Select[*tuple[Any, ...]], *, plain: int | None = None) -> None:
        super().__init__(statement, plain=plain)

    def at(self, database: Database, values: Values) -> tuple[Any, ...] | None:
        """The first row that these values lead to, as it is committed now."""
        words = self._words(database)
        bound = words.bound(values)
        return self._as_ours(database.quickly(lambda held: _first(held.driver, words.on(held), bound)), words)

    def through(self, driver: DBAPIConnection, database: Database, values: Values) -> tuple[Any, ...] | None:
        """The same, as a connection sees it that is open already."""
        words = self._words(database)
        return self._as_ours(_first(driver, words.sql, words.bound(values)), words)

    def _as_ours(self, found: tuple[Any, ...] | None, words: _Words) -> tuple[Any, ...] | None:
        if found is None or not words.out:
            return found
        row = list(found)
        _convert(row, words.out)
        return tuple(row)


def _first(driver: DBAPIConnection, sql: str, bound: Any) -> tuple[Any, ...] | None:
    cursor = driver.cursor()
    try:
        cursor.execute(sql, bound)
        found: tuple[Any, ...] | None = cursor.fetchone()
    finally:
        cursor.close()
    return found


class Jot(_Quick):
    """Rows that are written as by `Database.jotting`.

    Args:
        statement: an INSERT.
        columns: what each row has a value for.
    """

    def __init__(self, statement: Insert, columns: Sequence[str]) -> None:
        super().__init__(statement, columns)
        self._insert = statement

    def down(self, database: Database, rows: Sequence[Values]) -> None:
        """Write rows in a transaction of their own."""
        if len(rows) > 1 and not database.is_sqlite:  # SQLAlchemy goes the way to the server once for all of them
            with database.jotting() as connection:
                connection.execute(self._insert, list(rows))
            return
        words = self._words(database)
        bound = [words.bound(row) for row in rows]

        def write(held: Held) -> None:
            cursor = held.driver.cursor()
            if len(bound) == 1:  # a statement outside of a transaction is one by itself
                cursor.execute(words.on(held), bound[0])
                return
            cursor.execute("BEGIN IMMEDIATE")
            try:
                cursor.executemany(words.sql, bound)
                cursor.execute("COMMIT")
            except BaseException:
                held.driver.rollback()
                raise

        database.quickly(write, writes=True)
