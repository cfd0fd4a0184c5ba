"""Reads of versions."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.errors import Missing
from models.store.queries.paging import Page
from models.store.tables import EncoderRow, ProjectRow, VersionRow


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


def encoder_name(session: Session, project_id: int, number: int) -> str | None:
    """The full name of the encoder that a version was made with; None where there is no such version."""
    return session.scalar(
        select(EncoderRow.name)
        .join(VersionRow, VersionRow.encoder_id == EncoderRow.id)
        .where(VersionRow.project_id == project_id, VersionRow.number == number)
    )


def find_version(session: Session, project: ProjectRow, number: int) -> VersionRow:
    """A version of this project. Raises Missing."""
    row = session.scalar(select(VersionRow).where(VersionRow.project_id == project.id, VersionRow.number == number))
    if row is None:
        raise Missing(f"the project has no version {number}")
    return row
