"""Blind audits that were asked for and not answered: what the measured accuracy knows nothing of."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, case, func, or_, select
from sqlalchemy.orm import Session

from models.store.tables import DecisionRow, ItemRow, TaskRow
from models.store.types import utc_now
from models.vocabulary import Action, ItemState, Reason

_LABELLING = (Action.ACCEPT, Action.CORRECT)


class Refused(StrEnum):
    """How an audit ended without an answer."""

    SKIPPED = "skipped"
    FLAGGED = "flagged"
    DISPUTED = "disputed"


@dataclass(frozen=True, slots=True)
class Refusal:
    """An audit that nobody is asked any more, without a blind answer.

    Attributes:
        decision_id: of the newest thing that somebody said in place of one; `at` is when.
    """

    how: Refused
    decision_id: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """Audits that are asked for now.

    Attributes:
        open: all of them.
        left: those that somebody has had in hand without answering, and nobody has now.
    """

    open: int
    left: int


def refusals(session: Session, project_id: int) -> list[Refusal]:
    """The audits of a project that ended without a blind answer, one for each item, by rising decision id.

    What somebody decides about such an item later, with the machine's answer in view, does not make an audit of it.
    """
    undone = select(DecisionRow.supersedes_id).where(
        DecisionRow.project_id == project_id, DecisionRow.action == Action.UNDO
    )
    audits = (
        DecisionRow.project_id == project_id,
        DecisionRow.reason == Reason.AUDIT,
        DecisionRow.id.not_in(undone),
    )
    answered = select(DecisionRow.item_id).where(
        *audits, DecisionRow.action.in_(_LABELLING), DecisionRow.partial.is_(False)
    )
    asked = select(TaskRow.item_id).where(*_open(project_id))
    newest = func.max(DecisionRow.id)
    rows = session.execute(
        select(
            newest,
            func.max(DecisionRow.created_at),
            ItemRow.state,
            func.max(case((DecisionRow.action == Action.FLAG, 1), else_=0)),
        )
        .join(ItemRow, ItemRow.id == DecisionRow.item_id)
        .where(
            *audits,
            or_(DecisionRow.action.in_([Action.SKIP, Action.FLAG]), DecisionRow.partial.is_(True)),
            DecisionRow.item_id.not_in(answered),
            DecisionRow.item_id.not_in(asked),
        )
        .group_by(DecisionRow.item_id, ItemRow.state)
        .order_by(newest)
    ).tuples()
    ways = {0: Refused.SKIPPED, 1: Refused.FLAGGED}
    return [
        Refusal(Refused.DISPUTED if state is ItemState.DISPUTED else ways[flagged], decision_id, at)
        for decision_id, at, state, flagged in rows
    ]


def waiting(session: Session, project_id: int) -> Waiting:
    """The audits of a project that are asked for now, each item once."""
    held = case((TaskRow.lease_expires_at >= utc_now(), 1), else_=0)
    had = case((TaskRow.explanation != "", 1), else_=0)  # an audit's sentence is written when it is handed out
    each = (
        select(TaskRow.item_id, func.max(held).label("held"), func.max(had).label("had"))
        .where(*_open(project_id))
        .group_by(TaskRow.item_id)
        .subquery()
    )
    left = func.sum(case(((each.c.had == 1) & (each.c.held == 0), 1), else_=0))
    found = session.execute(select(func.count(), left).select_from(each)).one()
    return Waiting(found[0], found[1] or 0)


def _open(project_id: int) -> tuple[ColumnElement[bool], ...]:
    return TaskRow.project_id == project_id, TaskRow.open.is_(True), TaskRow.reason == Reason.AUDIT
