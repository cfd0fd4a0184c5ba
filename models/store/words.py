"""Items by their words, as the database's own engine finds them: FTS5 on SQLite, `tsvector` and GIN on PostgreSQL.

What a word is, we say ourselves (`models.learn.text.words`), so that both databases give the same answers. The
engines get the words ready made, in the column `words`, with the project's number as a word among them: where another
project has millions of items with a word, they are not looked at.

On SQLite the index is a table of its own, `item_words`, which triggers keep in step with the items.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import ColumnElement, Select, and_, cast, column, false, func, literal, select, table, text, update
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.orm import Session

from models.learn.text import beginnings, marks
from models.store.tables import ItemRow

R = TypeVar("R")

_NAME = "item_words"
_INDEX = table(_NAME, column("rowid"), column(_NAME), column("rank"))
_FORGETS = (3, 42)
"""Since this version SQLite can be told to overwrite what is deleted from the index."""


def indexed(project_id: int, found: str) -> str:
    """What the column `words` holds for the words of a text, given with spaces between them."""
    return f"_{project_id} {found}" if found else f"_{project_id}"


def newest_with(
    session: Session, query: Select[R], project_id: int, asked: Sequence[str], after: int | None
) -> Select[R]:
    """A query for items narrowed to those that have, for each word asked for, one that begins with it; newest first.

    Args:
        query: from `ItemRow`, without an order.
        after: only items older than this id.
    """
    wanted = beginnings(" ".join(asked))
    if _is_sqlite(session) and wanted:
        terms = " AND ".join([f'"_{project_id}"', *(f'"{one}"*' for one in wanted)])
        match = text(f"{_NAME} MATCH :terms").bindparams(terms=terms)
        # The sum makes SQLite begin with what the index finds, in its order: all items, or a sort, would take long.
        query = query.join(_INDEX, ItemRow.id == _INDEX.c.rowid + 0).where(match)
        return (query if after is None else query.where(_INDEX.c.rowid < after)).order_by(_INDEX.c.rowid.desc())
    query = query.where(_all_of([f"_{project_id}"], wanted) if wanted else false())
    return (query if after is None else query.where(ItemRow.id < after)).order_by(ItemRow.id.desc())


def has_words(session: Session, asked: Sequence[str]) -> ColumnElement[bool]:
    """The same as a condition, for a few items that are looked at in any case.

    On PostgreSQL it is not the operator but what stands behind it: for an operator the index of words would be asked
    about all items, which takes several times as long as to look at a few hundred.
    """
    wanted = beginnings(" ".join(asked))
    if not wanted:
        return false()
    if _is_sqlite(session):
        return and_(*(func.instr(ItemRow.words, f" {one}") > 0 for one in wanted))
    return func.ts_match_vq(ItemRow.words, _terms([], wanted))


@contextmanager
def forgetting(session: Session) -> Iterator[None]:
    """Items are deleted meanwhile, and nothing of them may stay in SQLite's index."""
    new_enough = sqlite3.sqlite_version_info >= _FORGETS
    if _is_sqlite(session) and new_enough:
        session.execute(_INDEX.insert().values({_NAME: "secure-delete", "rank": 1}))
    yield
    session.flush()
    if _is_sqlite(session) and not new_enough:  # it keeps what was deleted until all parts of the index are merged
        session.execute(_INDEX.insert().values({_NAME: "optimize"}))


def index_missing(session: Session, limit: int) -> int:
    """Give their words to items that have none, at most `limit`. Returns how many there were."""
    rows = session.execute(
        select(ItemRow.id, ItemRow.project_id, ItemRow.text)
        .where(ItemRow.words.is_(None))
        .order_by(ItemRow.id)
        .limit(limit)
    ).all()
    if rows:
        session.execute(
            update(ItemRow), [{"id": row.id, "words": indexed(row.project_id, marks(row.text).words)} for row in rows]
        )
    return len(rows)


def _all_of(whole: Sequence[str], begun: Sequence[str]) -> ColumnElement[bool]:
    return ItemRow.words.op("@@", is_comparison=True)(_terms(whole, begun))


def _terms(whole: Sequence[str], begun: Sequence[str]) -> ColumnElement[str]:
    return cast(literal(" & ".join([*whole, *(f"{one}:*" for one in begun)])), TSQUERY)


def _is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"
