"""Reads of items."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Row, Select, String, Text, cast, select, type_coerce
from sqlalchemy.orm import Session

from models.store.tables import DecisionRow, ItemRow
from models.store.words import has_words, newest_with
from models.vocabulary import ItemState

_BLOCK = 1_000
_NEWEST = 5_000

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class ItemFilter:
    """What an item must be to be listed.

    Attributes:
        words: for each of them a word of the text must begin with it, without regard to case.
        category_id: decided so.
        decided_by: the name of who made the decision in force.
        since: decided then or later.
        until: decided before.
    """

    state: ItemState | None = None
    words: tuple[str, ...] = ()
    category_id: int | None = None
    decided_by: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def asks_decisions(self) -> bool:
        """Whether it asks for something of the decision in force."""
        return self.decided_by is not None or self.since is not None or self.until is not None


def items_page(
    session: Session,
    project_id: int,
    wanted: ItemFilter,
    *,
    among: Sequence[int] | None = None,
    after: int | None = None,
    limit: int = 50,
) -> Sequence[ItemRow]:
    """Items that match, newest first, at most `limit`.

    Args:
        among: only these ids.
    """
    if wanted.words and among is None and session.get_bind().dialect.name == "postgresql":
        return _with_words(session, project_id, wanted, after, limit)
    return session.scalars(_matching(session, select(ItemRow), project_id, wanted, among, after).limit(limit)).all()


def _with_words(
    session: Session, project_id: int, wanted: ItemFilter, after: int | None, limit: int
) -> Sequence[ItemRow]:
    """The newest few thousand items are looked at one by one; if that is not enough, what the index of words finds.

    Left alone, PostgreSQL chooses one of these for all. It cannot tell how many items have a word that begins so, and
    where it guesses wrong, it looks through millions for a word that none has.
    """
    mine = select(ItemRow.id).where(ItemRow.project_id == project_id)
    if after is not None:
        mine = mine.where(ItemRow.id < after)
    others = session.scalar(mine.order_by(ItemRow.id.desc()).offset(_NEWEST).limit(1))
    plain = _matching(session, select(ItemRow), project_id, replace(wanted, words=()), after=after)
    plain = plain.where(has_words(session, wanted.words))
    if others is None:
        return session.scalars(plain.limit(limit)).all()
    rows = list(session.scalars(plain.where(ItemRow.id > others).limit(limit)))
    if len(rows) < limit:
        indexed = _matching(session, select(ItemRow), project_id, wanted, after=others + 1)
        unordered = indexed.order_by(None).order_by((ItemRow.id + 0).desc())  # a sum, for which no index is in order
        rows += session.scalars(unordered.limit(limit - len(rows)))
    return rows


def matching_ids(session: Session, project_id: int, wanted: ItemFilter, *, limit: int) -> Sequence[int]:
    """The ids of items that match, in no order, at most `limit`."""
    query = _matching(session, select(ItemRow.id), project_id, wanted)
    if session.get_bind().dialect.name == "postgresql":  # which else would find all of them, to put them in order
        query = query.order_by(None)
    return session.scalars(query.limit(limit)).all()


def _matching(
    session: Session,
    query: Select[R],
    project_id: int,
    wanted: ItemFilter,
    among: Sequence[int] | None = None,
    after: int | None = None,
) -> Select[R]:
    query = query.where(ItemRow.project_id == project_id)
    if wanted.state is not None:
        query = query.where(ItemRow.state == wanted.state)
    if wanted.asks_decisions:
        query = query.join(DecisionRow, DecisionRow.id == ItemRow.decision_id)
    if wanted.decided_by is not None:
        query = query.where(DecisionRow.actor_name == wanted.decided_by)
    if wanted.since is not None:
        query = query.where(DecisionRow.created_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(DecisionRow.created_at < wanted.until)
    if wanted.words and among is None:
        return newest_with(session, query, project_id, wanted.words, after)
    if wanted.words:
        query = query.where(has_words(session, wanted.words))
    if among is not None:
        query = query.where(ItemRow.id.in_(among))
    if after is not None:
        query = query.where(ItemRow.id < after)
    return query.order_by(ItemRow.id.desc())


class Recorded(NamedTuple):
    """What an item is made of: its text, and the whole record by field."""

    text: str
    fields: dict[str, Any]


def records_of(session: Session, item_ids: Sequence[int]) -> dict[int, Recorded]:
    """The records of items by id; those that are not there are left out."""
    found: dict[int, Recorded] = {}
    for start in range(0, len(item_ids), _BLOCK):
        block = select(ItemRow.id, ItemRow.text, ItemRow.fields).where(ItemRow.id.in_(item_ids[start : start + _BLOCK]))
        found |= {item_id: Recorded(text, fields) for item_id, text, fields in session.execute(block)}
    return found


def every_item(
    session: Session, project_id: int, state: ItemState | None = None
) -> Iterator[Sequence[Row[int, str | None, str, str, str, int | None, str | None, str | None, datetime | None]]]:
    """All items with the decisions in force, by rising id, in blocks: memory does not grow with the project.

    Returns:
        Blocks of rows: id, external_id, text, fields (as JSON text), state; then decision_id, and where there is one,
        actor_name, source and decided_at. State and source are plain strings: there may be millions of them.
    """
    after = 0
    columns = select(
        ItemRow.id,
        ItemRow.external_id,
        ItemRow.text,
        cast(ItemRow.fields, Text),
        type_coerce(ItemRow.state, String),
        DecisionRow.id,
        DecisionRow.actor_name,
        type_coerce(DecisionRow.source, String),
        DecisionRow.created_at,
    )
    connection = session.connection()  # whose rows are tuples; those of a session take four times as long
    while True:
        query = (
            columns.outerjoin(DecisionRow, DecisionRow.id == ItemRow.decision_id)
            .where(ItemRow.project_id == project_id, ItemRow.id > after)
            .order_by(ItemRow.id)
            .limit(_BLOCK)
        )
        if state is not None:
            query = query.where(ItemRow.state == state)
        rows = connection.execute(query).all()
        if not rows:
            return
        yield rows
        after = rows[-1][0]
