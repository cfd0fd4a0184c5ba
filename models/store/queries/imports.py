"""Reads of imports."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.errors import Missing
from models.store.queries.paging import Page, newest_first
from models.store.tables import ImportRow


def imports_page(session: Session, project_id: int, *, after: int | None, limit: int) -> Page[ImportRow]:
    """A project's imports, newest first."""
    query = select(ImportRow).where(ImportRow.project_id == project_id)
    return newest_first(session, query, ImportRow.id, after, limit)


def find_import(session: Session, project_id: int, import_id: int) -> ImportRow:
    """An import of this project. Raises Missing."""
    row = session.get(ImportRow, import_id)
    if row is None or row.project_id != project_id:
        raise Missing("The project has no such import.")
    return row
