"""Pages of a list by the id of their last row: stable while rows are added."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute, Session

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """A page of a list.

    Attributes:
        rows: what it holds.
        next_after: the id to go on after; None at the end.
    """

    rows: Sequence[R]
    next_after: int | None


def newest_first(
    session: Session, query: Select[R], key: InstrumentedAttribute[int], after: int | None, limit: int
) -> Page[R]:
    """A page of `query` by falling id."""
    if after is not None:
        query = query.where(key < after)
    return _page(session, query.order_by(key.desc()), key, limit)


def oldest_first(
    session: Session, query: Select[R], key: InstrumentedAttribute[int], after: int | None, limit: int
) -> Page[R]:
    """A page of `query` by rising id."""
    if after is not None:
        query = query.where(key > after)
    return _page(session, query.order_by(key), key, limit)


def _page(session: Session, query: Select[R], key: InstrumentedAttribute[int], limit: int) -> Page[R]:
    rows = session.scalars(query.limit(limit + 1)).all()
    more = len(rows) > limit
    rows = rows[:limit]
    return Page(rows, getattr(rows[-1], key.key) if more else None)
