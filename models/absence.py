"""What is away for the moment: a disk that takes nothing, a database that is gone, a store that cannot be reached.

No fault of whoever meets it: a request is told to come again, and a job waits (`models.jobs.put_off`) instead of being
counted as one that failed. And what a database that is there says no to, in words for people: its own hold statements.
"""

import errno
import sqlite3

from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, OperationalError, SQLAlchemyError

from models.errors import BundleBroken, Unavailable

NO_ROOM = "There is no room left on the disk of this machine."
NO_ROOM_FOR_ROWS = "There is no room left on the disk of the database."
NOT_WRITABLE = "The disk of this machine cannot be used at the moment."
DATABASE_AWAY = "The database is away."
CANNOT_BE_KEPT = (
    "The database cannot keep a value that stands here, such as a NUL character or half of a surrogate pair: remove it "
    "and send the rest again. What came before is in."
)
NOT_TAKEN = "The database did not take what was to be written. Why stands in the log of the workers, under this job."

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_GONE = frozenset({errno.EROFS, errno.EIO, errno.ESTALE, errno.ENODEV, errno.EMFILE, errno.ENFILE})
"""Mounted anew to be read only, broken or cut off, or no further file may be opened just now."""

_SQLITE_FULL = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE})
_SQLITE_AWAY = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_BUSY})
_SQLITE_KIND = 0xFF
"""The part of SQLite's code that says what; the rest says where."""

_POSTGRESQL_FULL = "53100"
_POSTGRESQL_AWAY = ("08", "53", "57P")  # connection lost; too little of something; stopping, or not yet up


def absence(error: BaseException) -> str | None:
    """What is away, in a sentence; None where the error says nothing of the kind."""
    if isinstance(error, Unavailable):
        return None if isinstance(error, BundleBroken) else error.detail
    if isinstance(error, OSError):
        return NO_ROOM if error.errno in _FULL else NOT_WRITABLE if error.errno in _GONE else None
    return _of_database(error) if isinstance(error, DBAPIError) else None


def refusal(error: BaseException) -> tuple[str, bool] | None:
    """What the database said no to, in a sentence, and whether it will do so for ever; None where it did not."""
    if isinstance(error, DataError) or _is_drivers(error):
        return CANNOT_BE_KEPT, True
    return (NOT_TAKEN, False) if isinstance(error, SQLAlchemyError) else None


def _is_drivers(error: BaseException) -> bool:
    """Whether a driver refused a text before the database saw it."""
    if isinstance(error, UnicodeEncodeError):
        return error.encoding == "utf-8"
    return isinstance(error, ValueError) and "NUL (0x00)" in str(error)


def _of_database(error: DBAPIError) -> str | None:
    if isinstance(error.orig, sqlite3.Error):
        return _of_sqlite(getattr(error.orig, "sqlite_errorcode", 0))  # none where the driver itself complains
    code: str | None = getattr(error.orig, "pgcode", None)
    if code == _POSTGRESQL_FULL:
        return NO_ROOM_FOR_ROWS
    if code is None:  # the driver's own words: no answer, or no connection
        lost = error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)
        return DATABASE_AWAY if lost else None
    return DATABASE_AWAY if code.startswith(_POSTGRESQL_AWAY) else None


def _of_sqlite(code: int) -> str | None:
    if code in _SQLITE_FULL:
        return NO_ROOM_FOR_ROWS
    return DATABASE_AWAY if code & _SQLITE_KIND in _SQLITE_AWAY else None
