"""Connections for `Database.quickly`, without SQLAlchemy's pool: its care for each takes longer than a look.

The pool asks a server that is far away whether it is still there before it lends a connection, and undoes what might
be left of a transaction when it comes back. Neither is needed for single statements that are tried again.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from sqlalchemy import Engine, PoolProxiedConnection


@dataclass(frozen=True, slots=True)
class Held:
    """A connection that is no longer the pool's.

    Attributes:
        proxy: keeps it, and closes it as the pool would.
        driver: the driver's own.
        info: what is known of the state that it is in.
        prepared: what the statements are called that its server has been told in advance.
    """

    proxy: PoolProxiedConnection
    driver: Any
    info: dict[Any, Any] = field(default_factory=dict)
    prepared: dict[object, str] = field(default_factory=dict)


class Spare:
    """Connections that are lent for a single statement; the one that came back last is lent first.

    Args:
        engine: makes those that are wanting.
        prepare: called with each before it is lent, and the mode that it is wanted in.
        most: there are never more; who finds none waits until one comes back. None: as many as are wanted at once.
    """

    def __init__(self, engine: Engine, prepare: Callable[[Held, str], None], most: int | None = None) -> None:
        self._engine = engine
        self._prepare = prepare
        self._most = most
        self._idle: list[Held] = []
        self._made = self._waiting = 0
        self._back = threading.Condition()

    def lent(self, mode: str) -> "Lent":
        """A connection for the length of a block, outside of any transaction, that is nobody else's meanwhile."""
        return Lent(self, mode)

    def close(self) -> None:
        """Let go of those that nobody has."""
        while self._idle:
            self.drop(self._idle.pop())

    def take(self, mode: str) -> Held:
        """One for the caller alone, who gives it back or drops it."""
        try:
            held = self._idle.pop()
        except IndexError:
            held = self._another()
        try:
            self._prepare(held, mode)
        except BaseException:
            self.drop(held)
            raise
        return held

    def give(self, held: Held) -> None:
        """Take one back."""
        self._idle.append(held)
        if self._waiting:
            with self._back:
                self._back.notify()

    def drop(self, held: Held) -> None:
        """Let go of one, whatever state it is in."""
        held.proxy.close()
        self._unmake()

    def _another(self) -> Held:
        with self._back:
            self._waiting += 1  # before it is looked whether one is back: whoever gives one looks here afterwards
            try:
                while not self._idle and self._made == self._most:
                    self._back.wait()
                if self._idle:
                    return self._idle.pop()
                self._made += 1
            finally:
                self._waiting -= 1
        try:
            proxy = self._engine.raw_connection()
            proxy.detach()
        except BaseException:
            self._unmake()
            raise
        return Held(proxy, proxy.dbapi_connection)

    def _unmake(self) -> None:
        with self._back:
            self._made -= 1
            self._back.notify()


class Lent:
    """See `Spare.lent`. Not a generator, which costs several times as much to enter."""

    __slots__ = ("_held", "_mode", "_spare")

    def __init__(self, spare: Spare, mode: str) -> None:
        self._spare = spare
        self._mode = mode

    def __enter__(self) -> Held:
        self._held = self._spare.take(self._mode)
        return self._held

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._spare.give(self._held)
        else:
            self._spare.drop(self._held)
