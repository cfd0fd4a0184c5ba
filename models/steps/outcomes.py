"""What became of what a program asked or said: the final category, and which version learnt from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.errors import Missing
from models.steps.accounts import Caller
from models.steps.decisions import LABELLING
from models.store.queries.decisions import AUDITS_STAY, names_of, seen_by
from models.store.tables import CategoryRow, DecisionRow, ItemRow, PredictionRow, ProjectRow, TaskRow, VersionRow
from models.store.types import utc_now
from models.vocabulary import Action, ItemState, Reason, Role, VersionStatus

_LEARNED = (VersionStatus.CANDIDATE, VersionStatus.SERVING, VersionStatus.RETIRED)


class Wait(StrEnum):
    """How a question to people stands."""

    NONE = "none"
    WAITING = "waiting"
    DECIDED = "decided"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A prediction, and what became of it.

    Attributes:
        said: the category that was answered.
        final: the decision in force on its item, if there is one; `categories` are its categories.
        deadline: when the program waits no longer, while somebody is asked.
        learnt_by: the first version that learnt from the final decision.
    """

    row: PredictionRow
    said: str | None
    wait: Wait
    deadline: datetime | None
    final: DecisionRow | None
    categories: list[str]
    learnt_by: int | None


def find_decision(session: Session, caller: Caller, project: ProjectRow, decision_id: int) -> DecisionRow:
    """A decision of this project; for a program only one of its own. Raises Missing."""
    here = (DecisionRow.id == decision_id, DecisionRow.project_id == project.id, seen_by(caller.key))
    row = session.scalar(select(DecisionRow).where(*here))
    if row is None or not (caller.has(Role.REVIEWER) or row.actor == caller.key):
        raise Missing("The project has no such decision.")
    return row


def outcome(session: Session, caller: Caller, project: ProjectRow, prediction_id: str) -> Outcome:
    """What became of a prediction; for a program only of one that it asked for. Raises Missing."""
    row = session.get(PredictionRow, prediction_id)
    if row is None or row.project_id != project.id or not (caller.has(Role.REVIEWER) or row.actor == caller.key):
        raise Missing("The project has no such prediction; they are kept for a while only.")
    said = session.get(CategoryRow, row.category_id)
    item = None if row.item_id is None else session.get(ItemRow, row.item_id)
    final = None
    if item is not None and item.state is ItemState.DECIDED and item.decision_id is not None:
        final = session.get(DecisionRow, item.decision_id)
    wait, deadline = (Wait.DECIDED, None) if final is not None else _waiting(session, item)
    return Outcome(
        row,
        None if said is None else said.name,
        wait,
        deadline,
        final,
        [] if final is None else names_of(session, [final.id])[final.id],
        None if final is None else learnt_by(session, final),
    )


def learnt_by(session: Session, decision: DecisionRow) -> int | None:
    """The first version that learnt from a decision: it stood when the version was fixed, and was not held out."""
    if decision.action not in LABELLING or decision.partial:
        return None
    history = session.scalars(
        select(DecisionRow).where(DecisionRow.item_id == decision.item_id, DecisionRow.partial.is_(False))
    ).all()
    versions = session.scalars(
        select(VersionRow)
        .where(
            VersionRow.project_id == decision.project_id,
            VersionRow.status.in_(_LEARNED),
            VersionRow.decision_high_water >= decision.id,
        )
        .order_by(VersionRow.number)
    )
    for version in versions:
        stood = _stood(history, version.decision_high_water)
        if stood and stood[-1].id == decision.id and not _held_out(stood, version):
            return version.number
    return None


def _stood(history: Sequence[DecisionRow], mark: int) -> list[DecisionRow]:
    """Which of an item's decisions had not been taken back as of a mark, oldest first."""
    known = [row for row in history if row.id <= mark]
    undone = {row.supersedes_id for row in known if row.action is Action.UNDO}
    given = [row for row in known if row.action in LABELLING and row.id not in undone]
    return sorted(given, key=lambda row: row.id)


def _held_out(stood: Sequence[DecisionRow], version: VersionRow) -> bool:
    """Whether a version kept the item to be measured on; see `models.store.queries.decisions.held_out_of`."""
    stay = (version.snapshot or {}).get(AUDITS_STAY, False)
    audits = [row.id for row in (stood if stay else stood[-1:]) if row.reason is Reason.AUDIT]
    return bool(audits) and audits[-1] > version.audit_high_water


def _waiting(session: Session, item: ItemRow | None) -> tuple[Wait, datetime | None]:
    if item is None:
        return Wait.NONE, None
    asked = session.scalar(
        select(TaskRow)
        .where(TaskRow.item_id == item.id, TaskRow.reason.in_([Reason.REQUESTED, Reason.AUDIT]))
        .order_by(TaskRow.id.desc())
        .limit(1)
    )
    if asked is None:
        return Wait.NONE, None
    if asked.deadline is not None and asked.deadline <= utc_now():
        return Wait.EXPIRED, asked.deadline
    return (Wait.WAITING if asked.open else Wait.NONE), asked.deadline
