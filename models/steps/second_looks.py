"""Decisions that are likely wrong, and which decided items are asked a second time.

Blind audits take no part, neither as suspects nor as witnesses: were the machine's doubt to bring a reviewer to
change one, the measure would lean towards the machine.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import floor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from models.errors import WinnowError
from models.learn.encoders import Encoder
from models.learn.fields import FieldFeatures, widened
from models.learn.label_errors import suspects
from models.learn.text import compose
from models.learn.training import held_out_probabilities
from models.pool.findings import kept
from models.pool.inputs import Inputs
from models.pool.vectors import Pool
from models.runtime import Runtime
from models.steps.asking import standing
from models.steps.decisions import LABELLING
from models.steps.projects import settings_of
from models.steps.score import pool_of
from models.store.queries.decisions import Labels, labels_as_of
from models.store.queries.projects import categories_of
from models.store.tables import CategoryRow, DecisionRow, ItemRow, ProjectRow
from models.vocabulary import SETTLED, Action, Reason, Source

FEWEST_DECISIONS = 20
"""Below so many decisions nothing is said against any of them."""

MOST_DECISIONS = 5_000
"""So many of the newest are held against one another: the cost does not grow beyond that."""

_FEWEST_CATEGORIES = 2
_SUSPECTED = 2 / 3
_LATELY = 0.05
"""The queue is filled anew all the time, and does not look for suspects anew before so many more decisions came."""
_FOUND = np.dtype([("row", np.int64), ("suggested", np.int64), ("score", np.float64)])


Place = tuple[float, int]
"""Where a decision stands among those that are doubted: how much, and of equal ones by its id."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A decision that others speak against.

    Attributes:
        category: the name of what was decided.
        suggested: the name of what the others say.
        score: how strongly they say it, 0.5 .. 1; it orders the list and is no probability.
    """

    item: ItemRow
    decision: DecisionRow
    category: str
    suggested: str
    score: float


@dataclass(frozen=True, slots=True)
class Looks:
    """Items to be asked a second time, best first.

    Attributes:
        inclusion_probability: the chance of each, where they were drawn by chance.
    """

    item_ids: list[int]
    scores: list[float | None]
    inclusion_probability: float | None


@dataclass(frozen=True, slots=True)
class _Doubts:
    """Suspected decisions, likeliest errors first; arrays of shape (m,)."""

    decision: NDArray[np.int64]
    item: NDArray[np.int64]
    category: NDArray[np.int64]
    suggested: NDArray[np.int64]
    score: NDArray[np.float64]


def label_errors(
    runtime: Runtime, session: Session, project: ProjectRow, *, after: Place | None = None, limit: int = 50
) -> tuple[list[Suspect], Place | None]:
    """A page of the decisions that are most likely wrong.

    Args:
        after: what the page before gave to go on with: so much was its last decision doubted. What was settled or
            came meanwhile neither repeats nor leaves out any other.

    Returns:
        The page, and what to go on with; None at the end.
    """
    pool = pool_of(runtime, session, project)
    if pool is None:
        return [], None
    doubts = _doubts(runtime, session, project, pool)
    order = np.lexsort((doubts.decision, -doubts.score))
    if after is not None:
        score, decision = doubts.score[order], doubts.decision[order]
        order = order[(score < after[0]) | ((score == after[0]) & (decision > after[1]))]
    part, more = order[:limit], len(order) > limit
    ids = doubts.item[part].tolist()
    items = {row.id: row for row in session.scalars(select(ItemRow).where(ItemRow.id.in_(ids)))}
    decided = select(DecisionRow).where(DecisionRow.id.in_(doubts.decision[part].tolist()))
    decisions = {row.id: row for row in session.scalars(decided)}
    names = {row.id: row.name for row in categories_of(session, project.id)}
    page = [
        Suspect(items[item_id], decisions[decision_id], names[category], names[suggested], score)
        for item_id, decision_id, category, suggested, score in zip(
            ids,
            doubts.decision[part].tolist(),
            doubts.category[part].tolist(),
            doubts.suggested[part].tolist(),
            doubts.score[part].tolist(),
            strict=True,
        )
    ]
    return page, (page[-1].score, page[-1].decision.id) if more else None


def choose(
    runtime: Runtime, session: Session, project: ProjectRow, pool: Pool, most: int, rng: np.random.Generator
) -> Iterator[Looks]:
    """What is asked a second time: mostly what is suspected, and some at random.

    The random ones tell how often people agree with themselves and each other; suspected ones alone would tell
    something worse. Over the life of a project second looks stay within `second_look_rate` of its decisions, and no
    item gets two.

    Args:
        most: how many at most.
    """
    made, looked = _counts(session, project)
    count = min(most, floor(settings_of(project).second_look_rate * made) - looked)
    if count < 1:
        return
    doubts = _doubts(runtime, session, project, pool, lately=_LATELY)
    in_hand = np.asarray(session.scalars(standing(project.id)).all(), np.int64)
    free = ~np.isin(doubts.item, in_hand)
    by_chance = count - floor(count * _SUSPECTED)
    suspected = doubts.item[free][: count - by_chance]
    yield Looks(suspected.tolist(), [float(one) for one in doubts.score[free][: len(suspected)]], None)
    open_to_chance = _repeatable(session, project)
    open_to_chance = open_to_chance[~np.isin(open_to_chance, np.concatenate([suspected, in_hand]))]
    drawn = rng.permutation(open_to_chance)[:by_chance]
    if len(drawn):
        yield Looks(drawn.tolist(), [None] * len(drawn), len(drawn) / len(open_to_chance))


def _counts(session: Session, project: ProjectRow) -> tuple[int, int]:
    """How many decisions reviewers made, and how many second looks are among them or were skipped."""
    mine = DecisionRow.project_id == project.id
    made = session.scalar(
        select(func.count()).where(
            mine,
            DecisionRow.source == Source.REVIEW,
            DecisionRow.action.in_(LABELLING),
            DecisionRow.partial.is_(False),
        )
    )
    looked = session.scalar(select(func.count()).where(mine, DecisionRow.reason == Reason.SECOND_LOOK))
    return made or 0, looked or 0


def _repeatable(session: Session, project: ProjectRow) -> NDArray[np.int64]:
    """Items whose decision in force a reviewer made, that are no audits and had no second look."""
    query = (
        select(ItemRow.id)
        .join(DecisionRow, DecisionRow.id == ItemRow.decision_id)
        .where(
            ItemRow.project_id == project.id,
            ItemRow.state.in_(SETTLED),  # by an index; the others, of which there may be millions, have none
            DecisionRow.source == Source.REVIEW,
            DecisionRow.reason.is_(None) | DecisionRow.reason.not_in([Reason.AUDIT, Reason.SECOND_LOOK]),
            ItemRow.id.not_in(_looked_at(project)),
        )
        .order_by(ItemRow.id)
    )
    return np.asarray(session.scalars(query).all(), np.int64)


def _doubts(runtime: Runtime, session: Session, project: ProjectRow, pool: Pool, *, lately: float = 0.0) -> _Doubts:
    """What is suspected.

    Args:
        lately: up to such a share of the decisions, the newest, need not be known yet.
    """
    categories = categories_of(session, project.id, archived=False)
    labels = labels_as_of(session, project.id)
    labels = labels.where(~labels.audit & np.isin(labels.item, pool.item_ids))
    labels = _alone(labels.where(np.isin(labels.category, [row.id for row in categories])))
    if len(labels) < FEWEST_DECISIONS or len(np.unique(labels.category)) < _FEWEST_CATEGORIES:
        empty = np.empty(0, np.int64)
        return _Doubts(empty, empty, empty, empty, np.empty(0))
    step = max(1, int(len(labels) * lately))
    known = len(labels) // step * step
    order = np.arange(len(labels))
    labels = labels.where((order < known) & (order >= known - MOST_DECISIONS))
    features = _features(runtime, session, project)
    inputs = Inputs(pool, session, features)
    encoder = runtime.encoders.of(session, project)
    about = [labels.decision.tobytes(), [(row.id, row.name, row.description) for row in categories]]
    about += [] if features is None else [features.key]
    found = kept(
        pool.folder, "suspects" if step == 1 else "doubts", about, lambda: _find(encoder, inputs, labels, categories)
    )
    rows = found["row"]
    looked = np.asarray(session.scalars(_looked_at(project).union(_settled(project))).all(), np.int64)
    fresh = ~np.isin(labels.item[rows], looked)
    rows = rows[fresh]
    return _Doubts(
        labels.decision[rows],
        labels.item[rows],
        labels.category[rows],
        found["suggested"][fresh],
        found["score"][fresh],
    )


def _looked_at(project: ProjectRow) -> Select[int]:
    return select(DecisionRow.item_id).where(
        DecisionRow.project_id == project.id, DecisionRow.reason == Reason.SECOND_LOOK
    )


def _settled(project: ProjectRow) -> Select[int]:
    """Items that somebody decided once more outside the queue, with the first decision in view: kept or changed."""
    undone = select(DecisionRow.supersedes_id).where(
        DecisionRow.project_id == project.id, DecisionRow.action == Action.UNDO
    )
    return select(DecisionRow.item_id).where(
        DecisionRow.project_id == project.id,
        DecisionRow.id.not_in(undone),
        DecisionRow.task_id.is_(None),
        DecisionRow.previous_id.is_not(None),
        DecisionRow.action.in_(LABELLING),
    )


def _alone(labels: Labels) -> Labels:
    """Only items with one category: of several, none contradicts another."""
    _, where, counts = np.unique(labels.item, return_inverse=True, return_counts=True)
    return labels.where(counts[where] == 1)


def _features(runtime: Runtime, session: Session, project: ProjectRow) -> FieldFeatures | None:
    """The fields that help the serving version say here too what is like what."""
    try:
        return runtime.heads.get(session, project).features
    except WinnowError:
        return None


def _find(encoder: Encoder, inputs: Inputs, labels: Labels, categories: Sequence[CategoryRow]) -> NDArray[Any]:
    classes = np.asarray([row.id for row in categories], np.int64)
    prototypes = encoder.encode([compose(row.name, row.description) for row in categories])
    x = inputs.rows(inputs.pool.places(labels.item))
    held_out = held_out_probabilities(x, labels.category, widened(prototypes, x.shape[1]), classes)
    if inputs.features is not None:
        x /= np.linalg.norm(x, axis=1, keepdims=True)
    found = suspects(x, labels.category, held_out, classes)
    whole = np.empty(len(found), _FOUND)
    whole["row"], whole["suggested"], whole["score"] = found.rows, found.suggested, found.score
    return whole
