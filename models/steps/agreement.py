"""How far reviewers agree with each other and with themselves."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from models.learn.agreement import Agreement, agreement
from models.learn.audit import exact_interval
from models.steps.decisions import LABELLING
from models.store.queries.decisions import categories_given
from models.store.tables import DecisionRow, ProjectRow
from models.vocabulary import Reason, Source

_UNDOING = aliased(DecisionRow)


@dataclass(frozen=True, slots=True)
class Repeats:
    """Blind repeats and how many gave the same answer again, with the exact 95 % interval of the share.

    Attributes:
        share: None without any repeat.
    """

    repeats: int
    same: int
    share: float | None
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Reviewer:
    """One reviewer's blind repeats.

    Attributes:
        with_self: of items drawn by chance that this reviewer had decided.
        with_others: of items drawn by chance that somebody else had decided.
        suspected: of decisions that seemed wrong, whoever had made them; these are hard ones, and are kept apart.
    """

    actor: str
    name: str
    with_self: Repeats
    with_others: Repeats
    suspected: Repeats


@dataclass(frozen=True, slots=True)
class Agreed:
    """Agreement between reviewers, and of each with blind repeats."""

    between: Agreement
    reviewers: list[Reviewer]


@dataclass(frozen=True, slots=True)
class _Repeat:
    actor: str
    name: str
    own: bool
    by_chance: bool
    same: bool


def agreed(session: Session, project: ProjectRow) -> Agreed:
    """Agreement of reviewers in this project. Only answers that nobody's earlier answer could lean on count."""
    repeats = list(_repeats(session, project))
    newest = {one.actor: one.name for one in repeats}
    reviewers = [
        Reviewer(
            actor,
            name,
            _share(one.same for one in repeats if one.actor == actor and one.by_chance and one.own),
            _share(one.same for one in repeats if one.actor == actor and one.by_chance and not one.own),
            _share(one.same for one in repeats if one.actor == actor and not one.by_chance),
        )
        for actor, name in sorted(newest.items(), key=lambda pair: pair[1])
    ]
    return Agreed(_between(session, project), reviewers)


def _between(session: Session, project: ProjectRow) -> Agreement:
    """Each reviewer's first independent answer to items that several answered.

    A second look at what is likely wrong is none of them: where people were wrong they do not agree, and such items
    would stand for all.
    """
    by_chance = or_(
        DecisionRow.reason.is_(None),
        DecisionRow.reason != Reason.SECOND_LOOK,
        DecisionRow.inclusion_probability.is_not(None),
    )
    independent = (*_answers(project), or_(DecisionRow.blind.is_(True), DecisionRow.previous_id.is_(None)), by_chance)
    several = (
        select(DecisionRow.item_id)
        .where(*independent)
        .group_by(DecisionRow.item_id)
        .having(func.count(DecisionRow.actor.distinct()) > 1)
    )
    rows = session.execute(
        select(DecisionRow.id, DecisionRow.item_id, DecisionRow.actor)
        .where(*independent, DecisionRow.item_id.in_(several))
        .order_by(DecisionRow.id.desc())
    ).all()
    first = {(item_id, actor): decision_id for decision_id, item_id, actor in rows}
    given = categories_given(session, list(first.values()))
    codes: dict[tuple[int, ...], int] = {}
    answers = [codes.setdefault(tuple(sorted(given[decision_id])), len(codes)) for decision_id in first.values()]
    return agreement(np.asarray([item_id for item_id, _ in first], np.int64), np.asarray(answers, np.int64))


def _repeats(session: Session, project: ProjectRow) -> Iterable[_Repeat]:
    """Second looks at what a reviewer had decided, oldest first."""
    before = aliased(DecisionRow)
    rows = session.execute(
        select(DecisionRow, before.id, before.actor)
        .join(before, before.id == DecisionRow.previous_id)
        .where(*_answers(project), DecisionRow.reason == Reason.SECOND_LOOK, before.source == Source.REVIEW)
        .order_by(DecisionRow.id)
    ).all()
    given = categories_given(session, [one for row, earlier, _ in rows for one in (row.id, earlier)])
    for row, earlier, actor in rows:
        by_chance = row.inclusion_probability is not None
        yield _Repeat(row.actor, row.actor_name, row.actor == actor, by_chance, given[row.id] == given[earlier])


def _answers(project: ProjectRow) -> tuple[ColumnElement[bool], ...]:
    """Reviewers' decisions that gave categories and were not taken back."""
    return (
        DecisionRow.project_id == project.id,
        DecisionRow.source == Source.REVIEW,
        DecisionRow.action.in_(LABELLING),
        ~exists().where(_UNDOING.supersedes_id == DecisionRow.id),
    )


def _share(outcomes: Iterable[bool]) -> Repeats:
    found = list(outcomes)
    low, high = exact_interval(sum(found), len(found))
    return Repeats(len(found), sum(found), sum(found) / len(found) if found else None, low, high)
