"""Reads of categories: of several projects, and of those that were merged into others."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.store.queries.paging import Page, newest_first, oldest_first
from models.store.queries.projects import categories_of
from models.store.tables import CategoryChangeRow, CategoryRow


def categories_by_project(session: Session, project_ids: Sequence[int]) -> dict[int, list[CategoryRow]]:
    """The categories of each of these projects, in the order they were made, by one query."""
    found: dict[int, list[CategoryRow]] = defaultdict(list)
    query = select(CategoryRow).where(CategoryRow.project_id.in_(project_ids)).order_by(CategoryRow.id)
    for row in session.scalars(query):
        found[row.project_id].append(row)
    return found


def merged_categories(session: Session, project_id: int) -> dict[int, int]:
    """What merged categories count for now, by their ids; a category that was merged nowhere is not in it."""
    rows = session.execute(
        select(CategoryRow.id, CategoryRow.merged_into_id).where(
            CategoryRow.project_id == project_id, CategoryRow.merged_into_id.is_not(None)
        )
    ).tuples()
    into = {category_id: target for category_id, target in rows if target is not None}
    return {category_id: end_of(into, category_id) for category_id in into}


def categories_page(session: Session, project_id: int, *, after: int | None, limit: int) -> Page[CategoryRow]:
    """A project's categories, archived ones among them, in the order they were made."""
    query = select(CategoryRow).where(CategoryRow.project_id == project_id)
    return oldest_first(session, query, CategoryRow.id, after, limit)


def changes_page(session: Session, project_id: int, *, after: int | None, limit: int) -> Page[CategoryChangeRow]:
    """What was done to a project's categories, newest first."""
    query = select(CategoryChangeRow).where(CategoryChangeRow.project_id == project_id)
    return newest_first(session, query, CategoryChangeRow.id, after, limit)


def end_of(into: Mapping[int, int], category_id: int) -> int:
    """Where a chain of mergers ends."""
    while category_id in into:
        category_id = into[category_id]
    return category_id


def categories_by_name(session: Session, project_id: int) -> dict[str, CategoryRow]:
    """The categories in use by `name_key`; the names of merged ones lead to what they were merged into."""
    rows = categories_of(session, project_id)
    by_id = {row.id: row for row in rows}
    into = {row.id: row.merged_into_id for row in rows if row.merged_into_id is not None}
    meant = {row.name_key: by_id[end_of(into, row.id)] for row in rows}
    return {name: row for name, row in meant.items() if not row.archived}


def counted_as(session: Session, category_ids: set[int]) -> dict[int, CategoryRow]:
    """What each of these categories counts for now: itself, or what it was merged into."""
    known: dict[int, CategoryRow] = {}
    wanted = category_ids
    while wanted:
        rows = session.scalars(select(CategoryRow).where(CategoryRow.id.in_(wanted))).all()
        known |= {row.id: row for row in rows}
        wanted = {row.merged_into_id for row in rows if row.merged_into_id is not None} - known.keys()
    into = {row.id: row.merged_into_id for row in known.values() if row.merged_into_id is not None}
    return {category_id: known[end_of(into, category_id)] for category_id in category_ids if category_id in known}
