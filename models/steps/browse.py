"""Looking for items: by words, by meaning, by category, by state, by confidence."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from models.errors import Invalid, Problem
from models.pool.ranking import best_first
from models.pool.scores import Scores
from models.pool.vectors import Pool
from models.runtime import Runtime
from models.steps.ingest import find_item
from models.steps.predictions import Prediction, predict_items, vectors_of
from models.steps.score import pool_of, scored
from models.store.queries.decisions import labels_as_of, names_of
from models.store.queries.items import ItemFilter, items_page, matching_ids
from models.store.tables import ItemRow, ProjectRow
from models.vocabulary import ItemState

SORTS = ("newest", "confidence", "-confidence", "likeness")

Place = int | tuple[float, int]
"""Where a page ended: at an item's id, or where numbers order the list, at a number and an item's id. The number stands
there too, for the item may be erased, or be said something else about, before the next page is asked for."""

_BLOCK = 500
_FEW = 10_000
"""What the database finds is taken out of the arrays at once where it is no more than this."""
_MOST_BLOCKS = 10
"""So many are looked at for a page, before the database is asked for all that it finds."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for; everything left out is not asked for.

    Attributes:
        like: a text, or the id of an item, to be near in meaning.
        category_id: decided so, or for undecided items predicted so.
        sort: one of `SORTS`.
        decided_by: the name of who decided it.
        since: decided then or later.
        until: decided before.
    """

    words: tuple[str, ...] = ()
    like: str | None = None
    category_id: int | None = None
    state: ItemState | None = None
    min_confidence: float | None = None
    max_confidence: float | None = None
    sort: str | None = None
    decided_by: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def needs_scores(self) -> bool:
        """Whether the answer depends on what the machine says."""
        return (
            self.category_id is not None
            or self.min_confidence is not None
            or self.max_confidence is not None
            or self.sort in {"confidence", "-confidence"}
        )


@dataclass(frozen=True, slots=True)
class Listed:
    """An item of a list, with the names of the categories it was decided to have."""

    item: ItemRow
    prediction: Prediction | None
    categories: list[str]


def browse(
    runtime: Runtime,
    session: Session,
    project: ProjectRow,
    wanted: Wanted,
    *,
    after: Place | None = None,
    limit: int = 50,
) -> tuple[list[Listed], Place | None]:
    """A page of what was looked for.

    Args:
        after: what the page before gave to go on with.

    Returns:
        The page, and what to go on with; None at the end.

    Raises:
        Invalid: there is no such order, or the page before was of another one.
    """
    if wanted.sort is not None and wanted.sort not in SORTS:
        raise Invalid(f"sort must be one of {', '.join(SORTS)}")
    rough = ItemFilter(
        state=wanted.state,
        words=wanted.words,
        decided_by=wanted.decided_by,
        since=wanted.since,
        until=wanted.until,
    )
    if wanted.like is None and not wanted.needs_scores:
        if isinstance(after, tuple):
            raise _of_another_order()
        rows = list(items_page(session, project.id, rough, after=after, limit=limit + 1))
        following = rows[limit - 1].id if len(rows) > limit else None
        return _listed(runtime, session, project, rows[:limit]), following
    if isinstance(after, int):
        raise _of_another_order()
    rows = []
    waiting, tried = _fitting(runtime, session, project, wanted, after), False
    while len(waiting):
        block, keys = waiting.best()
        found = {row.id: row for row in items_page(session, project.id, rough, among=block, limit=_BLOCK)}
        for place, item_id in enumerate(block, 1):
            if item_id in found:
                rows.append(found[item_id])
            if len(rows) == limit:
                more = len(waiting) or place < len(block)
                return _listed(runtime, session, project, rows), (keys[place - 1], item_id) if more else None
        if not tried and _is_rare(len(rows), limit, len(waiting)):
            few = matching_ids(session, project.id, rough, limit=_FEW + 1)
            waiting = waiting.among(few) if len(few) <= _FEW else waiting
        tried = True
    return _listed(runtime, session, project, rows), None


def _of_another_order() -> Invalid:
    rule = "belongs to a list in another order"
    return Invalid(f"The cursor {rule}.", problems=[Problem(("query", "cursor"), rule)])


def _is_rare(found: int, limit: int, waiting: int) -> bool:
    """Whether so few of the first block were found that a page would take too many of them."""
    return waiting > _MOST_BLOCKS * _BLOCK and found * _MOST_BLOCKS < limit


def _listed(runtime: Runtime, session: Session, project: ProjectRow, rows: Sequence[ItemRow]) -> list[Listed]:
    said = predict_items(runtime, session, project, rows)
    names = names_of(session, [row.decision_id for row in rows if row.decision_id is not None])
    return [Listed(row, said.get(row.id), names.get(row.decision_id or 0, [])) for row in rows]


class _Waiting:
    """Ids that fit what the arrays know and are not looked at yet.

    Args:
        ids: shape (n,).
        key: what puts them in order, shape (n,); of equal ones the first comes first.
    """

    def __init__(self, ids: NDArray[np.int64], key: NDArray[np.float64]) -> None:
        self._ids, self._key = ids, key
        self._fresh = np.ones(len(ids), np.bool_)
        self._left = len(ids)
        self._order = best_first(key, _BLOCK)

    def __len__(self) -> int:
        """How many they are."""
        return self._left

    def best(self) -> tuple[list[int], list[float]]:
        """The next of them and their keys, which do not wait any more; at least one where there is any."""
        places = next(self._order)
        self._fresh[places] = False
        self._left -= len(places)
        return self._ids[places].tolist(), self._key[places].tolist()

    def among(self, ids: Sequence[int]) -> "_Waiting":
        """Those of them that are among these."""
        both = self._fresh & np.isin(self._ids, np.asarray(ids, np.int64))
        return _Waiting(self._ids[both], self._key[both])


def _fitting(
    runtime: Runtime, session: Session, project: ProjectRow, wanted: Wanted, after: tuple[float, int] | None
) -> _Waiting:
    """The ids that fit what the arrays know, in the order asked for, of those that come after a place."""
    nothing = _Waiting(np.empty(0, np.int64), np.empty(0))
    pool = pool_of(runtime, session, project)
    if pool is None:
        return nothing
    keep = pool.item_ids > 0
    key = -pool.item_ids.astype(np.float64)
    if wanted.needs_scores:
        found = scored(runtime, session, project)
        if found is None:
            return nothing
        pool, scores = found
        keep, key = _by_scores(session, project, wanted, pool, scores)
    if wanted.like is not None:
        vector = _vector(runtime, session, project, wanted.like)
        if wanted.sort in {None, "likeness"}:
            key = -pool.likeness(vector).astype(np.float64)
    if after is not None:
        last = np.flatnonzero(np.abs(pool.item_ids) == after[1])  # an erased item keeps its place
        if not len(last):
            return nothing
        keep &= (key > after[0]) | ((key == after[0]) & (np.arange(len(key)) > last[0]))
        keep[last[0]] = False
    return _Waiting(pool.item_ids[keep], key[keep])


def _by_scores(
    session: Session, project: ProjectRow, wanted: Wanted, pool: Pool, scores: Scores
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    keep = pool.item_ids > 0
    if wanted.min_confidence is not None:
        keep &= scores.confidence >= wanted.min_confidence
    if wanted.max_confidence is not None:
        keep &= scores.confidence <= wanted.max_confidence
    if wanted.category_id is not None:
        keep &= _has(session, project, pool, scores, wanted.category_id)
    if wanted.sort == "confidence":
        return keep, scores.confidence.astype(np.float64)
    if wanted.sort == "-confidence":
        return keep, -scores.confidence.astype(np.float64)
    return keep, -pool.item_ids.astype(np.float64)


def _has(session: Session, project: ProjectRow, pool: Pool, scores: Scores, category_id: int) -> NDArray[np.bool_]:
    """Which items were decided to have the category, or where nobody decided, are predicted to."""
    has: NDArray[np.bool_] = scores.category == category_id
    labels = labels_as_of(session, project.id)
    labels = labels.where(np.isin(labels.item, pool.item_ids))
    has[pool.places(labels.item)] = False
    has[pool.places(labels.item[labels.category == category_id])] = True
    return has


def _vector(runtime: Runtime, session: Session, project: ProjectRow, like: str) -> NDArray[np.float32]:
    encoder = runtime.encoders.of(session, project)
    if like.isdigit():
        found = vectors_of(session, encoder, [find_item(session, project, int(like))])
    else:
        found = encoder.encode([like])
    vector: NDArray[np.float32] = found[0]
    return vector
