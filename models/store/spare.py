"""SQLite's connections for `Database.lent`, without SQLAlchemy's pool: its care for each takes as long as a look."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, PoolProxiedConnection


@dataclass(frozen=True, slots=True)
class Held:
    """A connection that is no longer the pool's.

    Attributes:
        proxy: keeps it, and closes it as the pool would.
        driver: the driver's own.
        info: what is known of the state that it is in.
    """

    proxy: PoolProxiedConnection
    driver: Any
    info: dict[Any, Any] = field(default_factory=dict)


class Spare:
    """As many connections as were ever lent at once; the one that came back last is lent first.

    Args:
        engine: makes those that are wanting.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._idle: list[Held] = []

    @contextmanager
    def lent(self) -> Iterator[Held]:
        """A connection, outside of any transaction, that is nobody else's meanwhile."""
        held = self._taken()
        try:
            yield held
        except BaseException:
            held.proxy.close()  # whatever state it is in
            raise
        self._idle.append(held)

    def close(self) -> None:
        """Let go of those that nobody has."""
        while self._idle:
            self._idle.pop().proxy.close()

    def _taken(self) -> Held:
        try:
            return self._idle.pop()
        except IndexError:
            proxy = self._engine.raw_connection()
            proxy.detach()
            return Held(proxy, proxy.dbapi_connection)
