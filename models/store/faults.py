"""Faults of a driver that is used past SQLAlchemy, told as SQLAlchemy tells them."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Dialect
from sqlalchemy.exc import DBAPIError


@contextmanager
def told_as_usual(dialect: Dialect) -> Iterator[None]:
    """The driver's faults become SQLAlchemy's."""
    faults = dialect.loaded_dbapi.Error
    try:
        yield
    except faults as error:
        raise DBAPIError.instance(None, None, error, faults, hide_parameters=True, dialect=dialect) from error
