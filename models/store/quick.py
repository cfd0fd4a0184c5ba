"""Statements that every answer needs, by the driver alone: what SQLAlchemy does for one is done once and kept.

Beside an encoder that takes a few milliseconds SQLAlchemy's part is felt: on SQLite a look at one row costs ten times
what the database itself takes for it. Here it says once what a statement is in the database's own words and how values
go in and out. Connections come from its pool, and faults are told as it tells them.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Dialect, Insert, Select
from sqlalchemy.engine.interfaces import DBAPIConnection

from models.store.faults import told_as_usual
from models.store.session import Database

Values = Mapping[str, Any]
_Convert = Callable[[Any], Any] | None


class _Words:
    """A statement in a database's own words.

    Attributes:
        sql: the words.
        out: what makes our values of the driver's, for each column that is looked at.
    """

    def __init__(self, statement: Select[*tuple[Any, ...]] | Insert, columns: Sequence[str], dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=list(columns) or None)
        self.sql = str(compiled)
        self._places: list[str] | None = getattr(compiled, "positiontup", None)
        self._in: dict[str, _Convert] = {
            name: bind.type.dialect_impl(dialect).bind_processor(dialect) for name, bind in compiled.binds.items()
        }
        looked_at = statement.selected_columns if isinstance(statement, Select) else ()
        self.out: list[_Convert] = [
            column.type.dialect_impl(dialect).result_processor(dialect, None) for column in looked_at
        ]

    def bound(self, values: Values) -> Any:
        """Values as the driver takes them."""
        into = self._in
        given = {name: value if (to := into[name]) is None else to(value) for name, value in values.items()}
        return given if self._places is None else tuple(given[name] for name in self._places)


class _Quick:
    """A statement, and its words for each kind of database once they are wanted."""

    def __init__(self, statement: Select[*tuple[Any, ...]] | Insert, columns: Sequence[str] = ()) -> None:
        self._statement = statement
        self._columns = columns
        self._known: dict[str, _Words] = {}

    def _words(self, database: Database) -> _Words:
        dialect = database.engine.dialect
        found = self._known.get(dialect.name)
        if found is None:
            found = self._known[dialect.name] = _Words(self._statement, self._columns, dialect)
        return found


class Look(_Quick):
    """A look at one row.

    Args:
        statement: what is looked at, with parameters by name.
        plain: leave values as the driver gives them; enough to compare them.
    """

    def __init__(self, statement: Select[*tuple[Any, ...]], *, plain: bool = False) -> None:
        super().__init__(statement)
        self._plain = plain

    def at(self, database: Database, values: Values) -> tuple[Any, ...] | None:
        """The first row that these values lead to, as it is committed now."""
        with told_as_usual(database.engine.dialect), database.lent() as driver:
            return self.through(driver, database, values)

    def through(self, driver: DBAPIConnection, database: Database, values: Values) -> tuple[Any, ...] | None:
        """The same, as a connection sees it that is open already."""
        words, cursor = self._words(database), driver.cursor()
        try:
            cursor.execute(words.sql, words.bound(values))
            found = cursor.fetchone()
        finally:
            cursor.close()
        if found is None or self._plain:
            return None if found is None else tuple(found)
        return tuple(one if out is None else out(one) for one, out in zip(found, words.out, strict=True))


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
        if not database.is_sqlite:  # there it is the way to the server that takes time, and SQLAlchemy goes it once
            with database.jotting() as connection:
                connection.execute(self._insert, list(rows))
            return
        words = self._words(database)
        bound = [words.bound(row) for row in rows]
        with told_as_usual(database.engine.dialect), database.lent(writes=True) as driver:
            cursor = driver.cursor()
            if len(bound) == 1:  # a statement outside of a transaction is one by itself
                cursor.execute(words.sql, bound[0])
                return
            cursor.execute("BEGIN IMMEDIATE")
            try:
                cursor.executemany(words.sql, bound)
                cursor.execute("COMMIT")
            except BaseException:
                driver.rollback()
                raise
