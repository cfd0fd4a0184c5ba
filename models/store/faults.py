"""Faults of a driver that is used past SQLAlchemy, told as SQLAlchemy tells them."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Dialect
from sqlalchemy.exc import DBAPIError


@contextmanager
def told_as_usual(dialect: Dialect) -> Iterator[None]:
    """The driver's faults become SQLAlchemy's."""
    try:
        yield
    except dialect.loaded_dbapi.Error as error:
        raise as_usual(error, dialect) from error


def as_usual(error: Exception, dialect: Dialect) -> BaseException:
    """A driver's fault as SQLAlchemy would tell it."""
    return DBAPIError.instance(None, None, error, dialect.loaded_dbapi.Error, hide_parameters=True, dialect=dialect)
