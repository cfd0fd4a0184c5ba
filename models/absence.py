"""What is away for the moment: a full disk, a database that is gone, a store that cannot be reached.

No fault of whoever meets it: a request is told to come again, and a job waits (`models.jobs.put_off`) instead of being
counted as one that failed.
"""

import errno
import sqlite3

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from models.errors import BundleBroken, Unavailable

NO_ROOM = "There is no room left on the disk of this machine."
NO_ROOM_FOR_ROWS = "There is no room left on the disk of the database."
DATABASE_AWAY = "The database is away."

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_SQLITE_FULL = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE})
_POSTGRESQL_FULL = "53100"
_POSTGRESQL_AWAY = ("08", "53", "57P")  # connection lost; too little of something; stopping, or not yet up


def absence(error: BaseException) -> str | None:
    """What is away, in a sentence; None where the error says nothing of the kind."""
    if isinstance(error, Unavailable):
        return None if isinstance(error, BundleBroken) else error.detail
    if isinstance(error, OSError):
        return NO_ROOM if error.errno in _FULL else None
    return _of_database(error) if isinstance(error, DBAPIError) else None


def _of_database(error: DBAPIError) -> str | None:
    if isinstance(error.orig, sqlite3.Error):
        return NO_ROOM_FOR_ROWS if error.orig.sqlite_errorcode in _SQLITE_FULL else None
    code: str | None = getattr(error.orig, "pgcode", None)
    if code == _POSTGRESQL_FULL:
        return NO_ROOM_FOR_ROWS
    if code is None:  # the driver's own words: no answer, or no connection
        return DATABASE_AWAY if isinstance(error, OperationalError | InterfaceError) else None
    return DATABASE_AWAY if code.startswith(_POSTGRESQL_AWAY) else None
