"""The way to the database: a read, or a transaction that is kept whole or not at all."""

import sqlite3
import time
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from models.store.faults import as_usual, told_as_usual
from models.store.spare import Held, Spare

T = TypeVar("T")
_MODE = "winnow_mode"
_READ, _WRITE, _RELAXED = "read", "write", "relaxed"
_PATIENCE = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
"""How long a PostgreSQL is waited for that has vanished without a word: left alone, the system waits for hours."""

_ITS_PATIENCE = {
    "tcp_keepalives_idle": 10,
    "tcp_keepalives_interval": 5,
    "tcp_keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
"""How long it waits for us, before it lets go of what we had locked."""

_SPARE = 4
"""Connections to PostgreSQL for single statements; each has one for less than a millisecond at a time."""

_LOOK_EVERY = 50_000
"""How many of SQLite's own instructions lie between two looks at the clock: some milliseconds."""


class Database:
    """A database by its SQLAlchemy URL, PostgreSQL or SQLite.

    Args:
        url: where it is.
        on_commit: told the ids of the jobs that a transaction left behind, after it was committed.
        pool_size: connections kept open per process, on PostgreSQL; as many again where they are needed, and a few
            more for `quickly`.
        statement_seconds: what takes longer is given up with `OperationalError`; None waits for ever. A result that
            is read bit by bit (`yield_per`) waits for its reader, and is not given up on SQLite.

    Attributes:
        is_sqlite: whether this is the embedded database.
    """

    def __init__(
        self,
        url: str,
        *,
        on_commit: Callable[[Sequence[str]], object] | None = None,
        pool_size: int = 10,
        statement_seconds: float | None = None,
    ) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.on_commit = on_commit
        self.engine = _sqlite(url) if self.is_sqlite else _postgresql(url, pool_size, statement_seconds)
        self._watch: Callable[[Any], None] = lambda _: None
        if self.is_sqlite and statement_seconds is not None:
            self._watch = _give_up_after(self.engine, statement_seconds)
        self._spare = Spare(self.engine, self._prepare, None if self.is_sqlite else _SPARE)
        self._engines = {mode: self.engine.execution_options(**{_MODE: mode}) for mode in (_READ, _WRITE, _RELAXED)}

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that sees one consistent state and cannot write."""
        with self._session(_READ) as session:
            yield session

    def quickly(self, act: Callable[[Held], T], *, writes: bool = False) -> T:
        """What comes of an act on a connection of its own, without a transaction: for `models.store.quick`.

        A look is tried once more on another connection where the server has left the one that was kept: it may have
        been restarted. Faults are told as SQLAlchemy tells them.

        Args:
            act: a single statement, or on SQLite a transaction of its own.
            writes: make the connection ready to write as `jotting` does; nothing is tried again.
        """
        dialect, mode = self.engine.dialect, _RELAXED if writes else _READ
        try:
            with self._spare.lent(mode) as held:
                return act(held)
        except dialect.loaded_dbapi.Error as error:
            if writes or not dialect.is_disconnect(error, None, None):
                raise as_usual(error, dialect) from error
        self._spare.close()  # the others were made before the server left, too
        with told_as_usual(dialect), self._spare.lent(mode) as held:
            return act(held)

    def _prepare(self, held: Held, mode: str) -> None:
        if self.is_sqlite:
            self._watch(held.driver)
            if mode != _READ:
                _be(held.info, held.driver.execute, mode)
        elif not held.info:
            held.driver.autocommit = True  # a statement is spared the round trips that begin and end a transaction
            held.driver.cursor().execute("SET synchronous_commit = off")
            held.info[_MODE] = _RELAXED

    @contextmanager
    def jotting(self) -> Iterator[Connection]:
        """As `transaction(durable=False)`, without row objects and without jobs: the quickest way to write."""
        with self._engines[_RELAXED].begin() as connection:
            yield connection

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[Session]:
        """A session whose work is committed when the block ends well, and undone when it raises.

        Args:
            durable: wait until the disk has it. False is for what may be lost with the power, such as
                the log of predictions; a crash of this process loses nothing either way.
        """
        with self._session(_WRITE if durable else _RELAXED) as session:
            with session.begin():
                yield session
            jobs: list[str] = session.info.pop("jobs", [])
        if jobs and self.on_commit is not None:
            self.on_commit(jobs)

    def close(self) -> None:
        """Let go of every connection."""
        self._spare.close()
        self.engine.dispose()

    def _session(self, mode: str) -> Session:
        return Session(self._engines[mode], expire_on_commit=False)


def _sqlite(url: str) -> Engine:
    path = make_url(url).database
    if path and path != ":memory:":
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url,
        connect_args={"timeout": 30, "check_same_thread": False},
        pool_size=20,
        hide_parameters=True,  # what goes wrong is logged, and no text of an item with it
    )

    @event.listens_for(engine, "connect")
    def connect(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # transactions begin where we say, not where the driver guesses
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA busy_timeout=30000")
        connection.execute("PRAGMA cache_size=-65536")
        connection.execute("PRAGMA secure_delete=ON")  # what is erased is overwritten in the file too

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        mode = connection.get_execution_options().get(_MODE, _WRITE)
        _be(connection.info, connection.exec_driver_sql, mode)
        # A writer takes the lock at once: one that reads first and writes later may come too late.
        connection.exec_driver_sql("BEGIN" if mode == _READ else "BEGIN IMMEDIATE")

    return engine


def _be(info: MutableMapping[Any, Any], execute: Callable[[str], object], mode: str) -> None:
    """Prepare a connection of SQLite for what it is to do next."""
    if info.get(_MODE) != mode:
        execute(f"PRAGMA query_only={'ON' if mode == _READ else 'OFF'}")
        execute(f"PRAGMA synchronous={'FULL' if mode == _WRITE else 'NORMAL'}")
        info[_MODE] = mode


def _give_up_after(engine: Engine, seconds: float) -> Callable[[sqlite3.Connection], None]:
    """SQLite has no limit of its own: it is asked now and then whether to go on. Returns what begins the time anew."""
    ends: dict[sqlite3.Connection, float] = {}

    @event.listens_for(engine, "connect")
    def connect(connection: sqlite3.Connection, _record: Any) -> None:
        connection.set_progress_handler(lambda: time.monotonic() > ends.get(connection, float("inf")), _LOOK_EVERY)

    @event.listens_for(engine, "close")
    def close(connection: sqlite3.Connection, _record: Any) -> None:
        ends.pop(connection, None)

    @event.listens_for(engine, "before_cursor_execute")
    def begin(connection: Connection, *told: Any) -> None:
        context = told[3]  # after the cursor, the statement and its parameters
        raw: Any = connection.connection.dbapi_connection
        streamed = context is not None and context.execution_options.get("yield_per")
        ends[raw] = float("inf") if streamed or ends.get(raw) == float("inf") else time.monotonic() + seconds

    @event.listens_for(engine, "checkin")
    def checkin(connection: sqlite3.Connection, _record: Any) -> None:
        ends.pop(connection, None)

    def anew(connection: sqlite3.Connection) -> None:
        ends[connection] = time.monotonic() + seconds

    return anew


def _postgresql(url: str, pool_size: int, statement_seconds: float | None) -> Engine:
    given = make_url(url).query
    told: dict[str, Any] = {name: value for name, value in _PATIENCE.items() if name not in given}
    options = [*(f"-c {name}={value}" for name, value in _ITS_PATIENCE.items()), str(given.get("options", ""))]
    if statement_seconds is not None:
        options.append(f"-c statement_timeout={round(statement_seconds * 1000)}")
    told["options"] = " ".join(options)
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        connect_args=told,
        hide_parameters=True,
        executemany_mode="values_plus_batch",  # several UPDATEs of one flush go to the server together
    )

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        mode = connection.get_execution_options().get(_MODE, _WRITE)
        if mode == _READ:
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        elif mode == _RELAXED:
            connection.exec_driver_sql("SET LOCAL synchronous_commit = off")

    return engine
