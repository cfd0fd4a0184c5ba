"""Reads of projects and categories."""

from collections.abc import Sequence

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models.store.queries.paging import Page, oldest_first
from models.store.tables import CategoryRow, MemberRow, ProjectRow


def categories_of(session: Session, project_id: int, *, archived: bool = True) -> Sequence[CategoryRow]:
    """A project's categories in the order they were made."""
    query = select(CategoryRow).where(CategoryRow.project_id == project_id).order_by(CategoryRow.id)
    if not archived:
        query = query.where(CategoryRow.archived.is_(False))
    return session.scalars(query).all()


def projects_for(
    session: Session, user_id: int | None, *, everything: bool, after: int | None, limit: int
) -> Page[ProjectRow]:
    """The projects that exist for a person; all of them with `everything`."""
    query = select(ProjectRow)
    if not everything:
        closed = ProjectRow.settings["members_only"].as_boolean()
        mine = select(MemberRow.project_id).where(MemberRow.user_id == user_id)
        query = query.where(or_(closed.is_not(True), ProjectRow.id.in_(mine)))
    return oldest_first(session, query, ProjectRow.id, after, limit)
