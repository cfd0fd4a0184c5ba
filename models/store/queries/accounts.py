"""Reads of people and keys."""

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.store.queries.paging import Page, oldest_first
from models.store.tables import ApiKeyRow, MemberRow, UserRow


def users_page(session: Session, *, after: int | None, limit: int) -> Page[UserRow]:
    """Everybody, in the order in which they came."""
    return oldest_first(session, select(UserRow), UserRow.id, after, limit)


def api_keys_page(session: Session, *, after: int | None, limit: int) -> Page[ApiKeyRow]:
    """The keys that were not revoked, in the order in which they were made."""
    query = select(ApiKeyRow).where(ApiKeyRow.revoked_at.is_(None))
    return oldest_first(session, query, ApiKeyRow.id, after, limit)


def members_page(session: Session, project_id: int, *, after: int | None, limit: int) -> Page[UserRow]:
    """A project's members by name; `after` is the last one's id."""
    query = select(UserRow).join(MemberRow, MemberRow.user_id == UserRow.id).where(MemberRow.project_id == project_id)
    if after is not None:
        last = select(UserRow.username).where(UserRow.id == after).scalar_subquery()
        query = query.where(UserRow.username > last)
    rows = session.scalars(query.order_by(UserRow.username).limit(limit + 1)).all()
    return Page(rows[:limit], rows[limit - 1].id if len(rows) > limit else None)


def actor_names(session: Session, actors: Iterable[str]) -> dict[str, str]:
    """What callers are called now, by their keys (`user:<id>`, `key:<id>`); those that are gone are left out."""
    names: dict[str, str] = {}
    keys = set(actors)
    for kind, row, name in (("user", UserRow, UserRow.username), ("key", ApiKeyRow, ApiKeyRow.name)):
        ids = [int(actor.partition(":")[2]) for actor in keys if actor.startswith(f"{kind}:")]
        found = session.execute(select(row.id, name).where(row.id.in_(ids))).tuples()
        names |= {f"{kind}:{number}": called for number, called in found}
    return names
