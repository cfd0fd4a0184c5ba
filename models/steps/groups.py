"""Many at once: groups of like items with the same answer, to be looked over and settled together.

Nothing that a blind audit may ask is ever in a group, nor what somebody holds: a group is a convenience and measures
nothing. Where several people are asked about each item there are no groups: none may answer in sight of another.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.learn.alike import alike, least_likeness
from models.pool.vectors import Pool
from models.runtime import Runtime
from models.steps.predictions import Prediction, predict_items
from models.steps.projects import settings_of
from models.steps.queue import MOST_CANDIDATES, askable
from models.steps.reserve import is_reserved
from models.steps.score import scored
from models.store.tables import ItemRow, ProjectRow


@dataclass(frozen=True, slots=True)
class Member:
    """An item of a group with the answer it would get."""

    item: ItemRow
    prediction: Prediction


@dataclass(frozen=True, slots=True)
class LikeGroup:
    """Items that get the same answer.

    Attributes:
        categories: names of the answer.
        likeness: mean cosine to the first item; None where somebody chose the items.
        members: the nearest to the first one first.
    """

    categories: list[str]
    likeness: float | None
    members: list[Member]


def groups(
    runtime: Runtime,
    session: Session,
    project: ProjectRow,
    *,
    category_id: int | None = None,
    min_confidence: float = 0.0,
    limit: int = 6,
    size: int = 24,
) -> list[LikeGroup]:
    """Find groups, those first of which a look settles most.

    Args:
        category_id: only of this category.
        min_confidence: only items that are answered at least as surely.
        limit: how many groups at most.
        size: how many items a group has at most.
    """
    found = None if settings_of(project).reviews_per_item > 1 else scored(runtime, session, project)
    if found is None:
        return []
    pool, scores = found
    free = _free(session, project, pool) & (scores.confidence >= min_confidence)
    if category_id is not None:
        free &= scores.category == category_id
    places = np.flatnonzero(free)
    rng = np.random.default_rng([project.id, len(pool)])
    if len(places) > MOST_CANDIDATES:
        places = np.sort(rng.choice(places, MOST_CANDIDATES, replace=False))
    x = pool.rows(places)
    made = alike(
        x,
        scores.category[places],
        scores.confidence[places],
        least=least_likeness(x, rng),
        groups=limit,
        size=size,
    )
    return _told(runtime, session, project, [(pool.item_ids[places[one.rows]].tolist(), one.likeness) for one in made])


def together(runtime: Runtime, session: Session, project: ProjectRow, item_ids: Sequence[int]) -> list[LikeGroup]:
    """Group items that somebody chose (on the map, in a list) by their answer; leaves out what may be in no group."""
    found = None if settings_of(project).reviews_per_item > 1 else scored(runtime, session, project)
    if found is None:
        return []
    pool, scores = found
    places = pool.places(np.asarray(list(dict.fromkeys(item_ids)), np.int64))
    places = places[_free(session, project, pool)[places]]
    answers = scores.category[places]
    chosen = [pool.item_ids[places[answers == one]].tolist() for one in dict.fromkeys(answers.tolist())]
    return _told(runtime, session, project, [(ids, None) for ids in chosen])


def _free(session: Session, project: ProjectRow, pool: Pool) -> NDArray[np.bool_]:
    """Which items of the pool may be in a group: those that may be asked and that no blind audit may ask."""
    reserved = is_reserved(project.salt, pool.item_ids, settings_of(project).audit_rate)
    free: NDArray[np.bool_] = askable(session, project, pool) & ~reserved
    return free


def _told(
    runtime: Runtime, session: Session, project: ProjectRow, found: Sequence[tuple[list[int], float | None]]
) -> list[LikeGroup]:
    """The groups with their items and the answer that all of them get."""
    ids = [item_id for members, _ in found for item_id in members]
    rows = {row.id: row for row in session.scalars(select(ItemRow).where(ItemRow.id.in_(ids)))}
    said = predict_items(runtime, session, project, list(rows.values()))
    made = []
    for members, likeness in found:
        there = [Member(rows[one], said[one]) for one in members if one in said]
        if there:
            # Of several categories an item, all must get the same set, not only the same likeliest one.
            answer = there[0].prediction.categories
            same = [one for one in there if one.prediction.categories == answer]
            made.append(LikeGroup([one.name for one in answer], likeness, same))
    return made
