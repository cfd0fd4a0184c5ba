"""What a category is, shown by what people decided: typical items, near misses, and questions that are still open."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Select, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from models.pool.vectors import Pool
from models.runtime import Runtime
from models.steps.decisions import LABELLING
from models.steps.projects import find_category
from models.steps.score import pool_of
from models.store.queries.categories import merged_categories
from models.store.queries.decisions import Labels, labels_as_of, names_of
from models.store.queries.projects import categories_of
from models.store.tables import CategoryRow, DecisionCategoryRow, DecisionRow, ItemRow, ProjectRow
from models.vocabulary import Action, ItemState

MOST_LOOKED_AT = 2_000
"""So many of a category's newest items and of near misses are looked at: the cost does not grow beyond that."""

_SAME = 0.95  # items whose vectors are as near as that say the same thing
_SHOWN = 5
_QUESTIONS = 10


@dataclass(frozen=True, slots=True)
class Example:
    """A decided item; `note` is what somebody wrote with the decision."""

    item_id: int
    text: str
    categories: list[str]
    note: str | None


@dataclass(frozen=True, slots=True)
class Question:
    """Something that is not settled: an item flagged or in dispute, or a note with a decision.

    Attributes:
        kind: `flagged`, `disputed` or `note`.
    """

    kind: str
    item_id: int
    text: str
    note: str | None
    who: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Guideline:
    """A category as people use it.

    Attributes:
        above: the names of the categories that it stands below, topmost first.
        below: the categories that stand below it.
        decided: items that have it.
        typical: items in its middle, the most typical first, no two alike.
        near_misses: items that the machine or somebody took for it and that are something else, the nearest first.
    """

    category: CategoryRow
    above: list[str]
    below: list[CategoryRow]
    decided: int
    typical: list[Example]
    near_misses: list[Example]
    questions: list[Question]


def guideline(runtime: Runtime, session: Session, project: ProjectRow, category_id: int) -> Guideline:
    """The guideline of a category. Raises Missing where the project has no such category."""
    row = find_category(session, project, category_id)
    there = categories_of(session, project.id)
    by_id = {one.id: one for one in there}
    above: list[str] = []
    parent = by_id.get(row.parent_id or 0)
    while parent is not None:
        above.insert(0, parent.name)
        parent = by_id.get(parent.parent_id or 0)
    merged = merged_categories(session, project.id)
    ids = [row.id, *(one for one, counts in merged.items() if counts == row.id)]
    labels = labels_as_of(session, project.id)
    pool = pool_of(runtime, session, project)
    mine = labels.where(labels.category == row.id)
    typical, misses = _examples(session, project, pool, labels, mine, ids)
    return Guideline(
        category=row,
        above=above,
        below=[one for one in there if one.parent_id == row.id and not one.archived],
        decided=len(mine),
        typical=_shown(session, typical),
        near_misses=_shown(session, misses),
        questions=_questions(session, project, ids),
    )


def _examples(
    session: Session, project: ProjectRow, pool: Pool | None, labels: Labels, mine: Labels, ids: Sequence[int]
) -> tuple[list[int], list[int]]:
    """The items to be shown as examples for and against."""
    if pool is None:
        return [], []
    members = mine.item[np.isin(mine.item, pool.item_ids)][-MOST_LOOKED_AT:]
    if not len(members):
        return [], []
    vectors = pool.rows(pool.places(members))
    centre = vectors.mean(axis=0)
    missed = np.asarray(session.scalars(_taken_for(project, ids)).all(), np.int64)
    decided_otherwise = np.setdiff1d(labels.item, mine.item)
    missed = missed[np.isin(missed, decided_otherwise) & np.isin(missed, pool.item_ids)]
    likeness = pool.rows(pool.places(missed)) @ centre if len(missed) else np.empty(0)
    return _spread(members, vectors, centre), missed[np.argsort(-likeness, kind="stable")][:_SHOWN].tolist()


def _spread(members: NDArray[np.int64], vectors: NDArray[np.float32], centre: NDArray[np.float32]) -> list[int]:
    """Typical items that differ: from the middle outwards, passing over what is nearly the same as one before."""
    chosen: list[int] = []
    order = np.argsort(-(vectors @ centre), kind="stable")
    for place in order.tolist():
        if len(chosen) == _SHOWN:
            break
        if not chosen or float((vectors[chosen] @ vectors[place]).max()) < _SAME:
            chosen.append(place)
    return [int(members[place]) for place in chosen]


def _taken_for(project: ProjectRow, ids: Sequence[int]) -> Select[int]:
    """Items that somebody decided to be of the category, or that the machine did when a person corrected it."""
    given = select(DecisionCategoryRow.decision_id).where(DecisionCategoryRow.category_id.in_(ids))
    corrected = (DecisionRow.action == Action.CORRECT) & DecisionRow.predicted_category_id.in_(ids)
    return (
        select(DecisionRow.item_id)
        .where(DecisionRow.project_id == project.id, or_(DecisionRow.id.in_(given), corrected))
        .group_by(DecisionRow.item_id)
        .order_by(func.max(DecisionRow.id).desc())
        .limit(MOST_LOOKED_AT)
    )


def _shown(session: Session, item_ids: Sequence[int]) -> list[Example]:
    rows = session.execute(
        select(ItemRow, DecisionRow)
        .join(DecisionRow, DecisionRow.id == ItemRow.decision_id)
        .where(ItemRow.id.in_(item_ids))
    ).tuples()
    found = {item.id: (item, decision) for item, decision in rows}
    names = names_of(session, [decision.id for _, decision in found.values()])
    return [
        Example(item_id, found[item_id][0].text, names[found[item_id][1].id], found[item_id][1].note)
        for item_id in item_ids
        if item_id in found
    ]


def _questions(session: Session, project: ProjectRow, ids: Sequence[int]) -> list[Question]:
    """What was flagged where the category was likely, what is in dispute about it, and notes, newest first."""
    undoing = aliased(DecisionRow)
    given = select(DecisionCategoryRow.decision_id).where(DecisionCategoryRow.category_id.in_(ids))
    flagged = (
        (DecisionRow.action == Action.FLAG)
        & (ItemRow.state == ItemState.FLAGGED)
        & DecisionRow.predicted_category_id.in_(ids)
    )
    named = DecisionRow.action.in_(LABELLING) & DecisionRow.id.in_(given)
    disputed = named & (ItemRow.state == ItemState.DISPUTED)
    noted = named & (ItemRow.decision_id == DecisionRow.id) & DecisionRow.note.is_not(None)
    rows = session.execute(
        select(ItemRow, DecisionRow)
        .join(ItemRow, ItemRow.id == DecisionRow.item_id)
        .where(
            DecisionRow.project_id == project.id,
            or_(flagged, disputed, noted),
            ~exists().where(undoing.supersedes_id == DecisionRow.id),
        )
        .order_by(DecisionRow.id.desc())
        .limit(_QUESTIONS)
    ).tuples()
    return [_question(item, decision) for item, decision in rows]


def _question(item: ItemRow, decision: DecisionRow) -> Question:
    kind = "note" if item.state is ItemState.DECIDED else item.state.value
    return Question(kind, item.id, item.text, decision.note, decision.actor_name, decision.created_at)
