"""Reads of projects and categories."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, bindparam, or_, select
from sqlalchemy.orm import Session

from models.store.queries.paging import Page, oldest_first
from models.store.tables import CategoryRow, MemberRow, ProjectRow

_ALL = select(CategoryRow).where(CategoryRow.project_id == bindparam("project_id")).order_by(CategoryRow.id)
_IN_USE = _ALL.where(CategoryRow.archived.is_(False))


def categories_of(session: Session, project_id: int, *, archived: bool = True) -> Sequence[CategoryRow]:
    """A project's categories in the order they were made."""
    return session.scalars(_ALL if archived else _IN_USE, {"project_id": project_id}).all()


def projects_for(
    session: Session, user_id: int | None, *, everything: bool, after: int | None, limit: int
) -> Page[ProjectRow]:
    """The projects that exist for a person; all of them with `everything`."""
    query = select(ProjectRow)
    if not everything:
        query = query.where(exists_for(user_id))
    return oldest_first(session, query, ProjectRow.id, after, limit)


def exists_for(user_id: int | None) -> ColumnElement[bool]:
    """Whether a project exists for a person who is no admin: it is open, or they are a member."""
    closed = ProjectRow.settings["members_only"].as_boolean()
    mine = select(MemberRow.project_id).where(MemberRow.user_id == user_id)
    return or_(closed.is_not(True), ProjectRow.id.in_(mine))
