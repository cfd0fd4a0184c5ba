"""Groups of items that fit no category: what the project does not know yet."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.learn.novelty import FEWEST_DECIDED, Group, cohesion, groups, typical_words, unfamiliar
from models.learn.text import compose
from models.pool.vectors import Pool
from models.runtime import Runtime
from models.steps.score import pool_of
from models.store.queries.decisions import labels_as_of
from models.store.queries.projects import categories_of
from models.store.tables import ItemRow, ProjectRow
from models.vocabulary import SETTLED

MOST_LOOKED_AT = 5_000
"""So many undecided items, drawn at random, stand for all: the cost does not grow with the pool."""

_MOST_DECIDED = 5_000
_WIDER = 0.85
_EXAMPLES = 5
_BACKGROUND = 500


@dataclass(frozen=True, slots=True)
class Example:
    """An item of a group."""

    item_id: int
    text: str


@dataclass(frozen=True, slots=True)
class NewGroup:
    """Items that are like each other and like nothing known.

    Attributes:
        name: its most typical words, joined.
        words: the same words.
        size: how many of the items looked at belong to it.
        likeness: mean cosine to its middle.
        examples: the most typical first.
    """

    name: str
    words: list[str]
    size: int
    likeness: float
    examples: list[Example]


@dataclass(frozen=True, slots=True)
class Novelty:
    """What fits nothing known.

    Attributes:
        looked_at: undecided items that were looked at.
        unfamiliar: how many of them are far from every decided item and every category.
        groups: those that are like each other, the largest group first.
        advice: what it comes to, in a sentence.
    """

    looked_at: int
    unfamiliar: int
    groups: list[NewGroup]
    advice: str


def novelty(runtime: Runtime, session: Session, project: ProjectRow, limit: int = 10) -> Novelty:
    """Find the groups, at most `limit` of them."""
    pool = pool_of(runtime, session, project)
    if pool is None:
        return Novelty(0, 0, [], "There is no item yet.")
    decided, category = _decided(session, project, pool)
    count = len(np.unique(decided))  # an item of several categories is here several times
    if count < FEWEST_DECIDED:
        return Novelty(
            0,
            0,
            [],
            f"There are {count} decided items; {FEWEST_DECIDED} are needed before something can be called new.",
        )
    places = _undecided(session, project, pool)
    x, known = pool.rows(places), pool.rows(np.unique(decided))
    categories = categories_of(session, project.id, archived=False)
    words = [compose(row.name, row.description) for row in categories]
    encoder = runtime.encoders.of(session, project)
    prototypes = encoder.encode(words) if words else np.empty((0, known.shape[1]), np.float32)
    far = unfamiliar(x, known, prototypes)
    found = groups(x[far], _WIDER * cohesion(pool.rows(decided), category))[:limit]
    named = _named(session, pool, places[far], np.concatenate([places[~far], np.unique(decided)]), found)
    return Novelty(len(places), int(far.sum()), named, _advice(len(places), int(far.sum()), named))


def _decided(session: Session, project: ProjectRow, pool: Pool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places and categories of the newest decided items."""
    labels = labels_as_of(session, project.id)
    labels = labels.where(np.isin(labels.item, pool.item_ids))
    labels = labels.where(np.arange(len(labels)) >= len(labels) - _MOST_DECIDED)
    return pool.places(labels.item), labels.category


def _undecided(session: Session, project: ProjectRow, pool: Pool) -> NDArray[np.int64]:
    """Places of undecided items, drawn at random."""
    settled = session.scalars(
        select(ItemRow.id).where(ItemRow.project_id == project.id, ItemRow.state.in_(SETTLED))
    ).all()
    places = np.flatnonzero((pool.item_ids > 0) & ~np.isin(pool.item_ids, np.asarray(settled, np.int64)))
    if len(places) <= MOST_LOOKED_AT:
        return places
    return np.sort(np.random.default_rng(project.id).choice(places, MOST_LOOKED_AT, replace=False))


def _named(
    session: Session, pool: Pool, far: NDArray[np.int64], others: NDArray[np.int64], found: list[Group]
) -> list[NewGroup]:
    rest = others[:: max(1, len(others) // _BACKGROUND)]
    members = [pool.item_ids[far[group.rows]].tolist() for group in found]
    background = pool.item_ids[rest].tolist()
    texts = _texts(session, [item_id for ids in (*members, background) for item_id in ids])
    outside = [texts[item_id] for item_id in background if item_id in texts]
    made = []
    for group, ids in zip(found, members, strict=True):
        words = typical_words([texts[item_id] for item_id in ids if item_id in texts], outside)
        examples = [Example(item_id, texts[item_id]) for item_id in ids[:_EXAMPLES] if item_id in texts]
        made.append(NewGroup(", ".join(words) or "no common word", words, len(ids), group.likeness, examples))
    return made


def _texts(session: Session, item_ids: list[int]) -> dict[int, str]:
    texts: dict[int, str] = {}
    for start in range(0, len(item_ids), 500):
        block = select(ItemRow.id, ItemRow.text).where(ItemRow.id.in_(item_ids[start : start + 500]))
        texts |= dict(session.execute(block).tuples().all())
    return texts


def _advice(looked_at: int, far: int, found: list[NewGroup]) -> str:
    if not looked_at:
        return "Every item is decided."
    share = f"{far:,} of {looked_at:,} undecided items are unlike anything decided so far"
    if not found:
        return f"{share}, and they have little in common."
    return f"{share}; the largest group has {found[0].size:,} ({found[0].name}). If it is a category, add it."
