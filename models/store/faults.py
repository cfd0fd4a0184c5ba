"""Faults of a driver that is used past SQLAlchemy, told as SQLAlchemy tells them."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Dialect
from sqlalchemy.engine.interfaces import DBAPIModule
from sqlalchemy.exc import DBAPIError


@contextmanager
def told_as_usual(dialect: Dialect) -> Iterator[None]:
    """The driver's faults become SQLAlchemy's."""
    try:
        yield
    except dialect.loaded_dbapi.Error as error:
        raise as_usual(error, dialect) from error


def as_usual(error: DBAPIModule.Error, dialect: Dialect) -> BaseException:
    """A driver's fault as SQLAlchemy would tell it."""
    lost = dialect.is_disconnect(error, None, None)
    return DBAPIError.instance(
        None,
        None,
        error,
        dialect.loaded_dbapi.Error,
        hide_parameters=True,
        connection_invalidated=lost,
        dialect=dialect,
    )
