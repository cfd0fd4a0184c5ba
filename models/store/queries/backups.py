"""How old the newest backup is."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.store.tables import BackupRow, UserRow
from models.store.types import utc_now


def backup_age(session: Session, *, expected: bool) -> float | None:
    """Seconds since the moment that the newest backup holds; None where none was made and none is expected.

    Args:
        expected: count from the first user on where none was ever made.
    """
    newest = session.scalar(select(func.max(BackupRow.taken_at)))
    if newest is None and expected:
        newest = session.scalar(select(func.min(UserRow.created_at)))
    return None if newest is None else (utc_now() - newest).total_seconds()
