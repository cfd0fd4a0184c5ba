"""A map of a project: its items laid out so that what is alike lies together."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.learn.projection import plane
from models.pool.findings import kept
from models.pool.vectors import Pool
from models.runtime import Runtime
from models.steps.score import pool_of, scored
from models.store.queries.decisions import labels_as_of
from models.store.queries.projects import categories_of
from models.store.tables import ItemRow, ProjectRow
from models.vocabulary import ItemState

MOST_POINTS = 5_000
"""So many items, drawn at random, stand for all: the cost does not grow with the pool."""

_GROWTH = 1.1
_SEED = 7
_LAID = np.dtype([("place", np.int64), ("x", np.float32), ("y", np.float32)])


@dataclass(frozen=True, slots=True)
class Point:
    """An item on the map.

    Attributes:
        x: -1 .. 1.
        y: -1 .. 1.
        category: decided, else predicted; None where neither is known.
        confidence: of the prediction; None where nothing can answer.
    """

    item_id: int
    x: float
    y: float
    category: str | None
    confidence: float | None
    state: ItemState


def points(runtime: Runtime, session: Session, project: ProjectRow, limit: int = 2_000) -> tuple[list[Point], int]:
    """The map, and how many items the project has that could be on it.

    Args:
        limit: how many points at most.
    """
    pool = pool_of(runtime, session, project)
    if pool is None or not len(pool):
        return [], 0
    laid = _laid(pool)[:limit]
    laid = laid[pool.item_ids[laid["place"]] > 0]
    places, ids = laid["place"], pool.item_ids[laid["place"]]
    found = scored(runtime, session, project)
    names = {row.id: row.name for row in categories_of(session, project.id)}
    decided = _decided(session, project, names)
    states = _states(session, ids)
    made = []
    for place, item_id, x, y in zip(places.tolist(), ids.tolist(), laid["x"].tolist(), laid["y"].tolist(), strict=True):
        if item_id not in states:
            continue
        predicted = None if found is None else names.get(int(found[1].category[place]))
        sure = None if found is None else float(found[1].confidence[place])
        made.append(Point(item_id, x, y, decided.get(item_id, predicted), sure, states[item_id]))
    return made, int((pool.item_ids > 0).sum())


def _laid(pool: Pool) -> NDArray[Any]:
    """Where the items lie; drawn anew when the pool has grown by a tenth, kept beside it meanwhile."""
    size = len(pool)
    step = int(np.floor(np.log(size) / np.log(_GROWTH)))

    def lay() -> NDArray[Any]:
        # An order of its own, so that the first few points are a random sample too.
        order = np.random.default_rng(_SEED).permutation(np.flatnonzero(pool.item_ids > 0))[:MOST_POINTS]
        flat = plane(pool.rows(order))
        laid = np.empty(len(order), _LAID)
        laid["place"], laid["x"], laid["y"] = order, flat[:, 0], flat[:, 1]
        return laid

    return kept(pool.folder, "map", (step, MOST_POINTS), lay)


def _decided(session: Session, project: ProjectRow, names: dict[int, str]) -> dict[int, str]:
    labels = labels_as_of(session, project.id)
    pairs = zip(labels.item.tolist(), labels.category.tolist(), strict=True)
    return {item: names[category] for item, category in pairs if category in names}


def _states(session: Session, ids: NDArray[np.int64]) -> dict[int, ItemState]:
    states: dict[int, ItemState] = {}
    for start in range(0, len(ids), 500):
        block = select(ItemRow.id, ItemRow.state).where(ItemRow.id.in_(ids[start : start + 500].tolist()))
        states |= dict(session.execute(block).tuples().all())
    return states
