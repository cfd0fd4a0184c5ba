"""Reads of versions."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.store.queries.paging import Page
from models.store.tables import EncoderRow, VersionRow


def versions_page(session: Session, project_id: int, *, after: int | None, limit: int) -> Page[VersionRow]:
    """A project's versions, newest first; paged by number."""
    query = select(VersionRow).where(VersionRow.project_id == project_id)
    if after is not None:
        query = query.where(VersionRow.number < after)
    rows = session.scalars(query.order_by(VersionRow.number.desc()).limit(limit + 1)).all()
    more = len(rows) > limit
    return Page(rows[:limit], rows[limit - 1].number if more else None)


def encoder_names(session: Session) -> dict[int, str]:
    """Every encoder's full name; there are few."""
    return dict(session.execute(select(EncoderRow.id, EncoderRow.name)).tuples().all())
