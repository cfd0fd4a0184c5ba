"""Questions that programs ask people, before all that the ranking chose: how urgent they are, and until when.

An item of the reserve is asked blindly, as the audit that it is kept for: sooner than its turn would have come, and
without the machine's answer in view.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy import and_, case, or_, select, update
from sqlalchemy.orm import Session

from models.steps.projects import settings_of
from models.steps.reserve import is_reserved
from models.store.tables import ProjectRow, TaskRow
from models.store.types import utc_now
from models.store.upsert import insert_new
from models.vocabulary import Reason

USUAL = 5
MOST = 9
_CHOSEN = (Reason.UNCERTAIN, Reason.DIVERSE)  # by the ranking, which would throw them away at its next turn
_RANKS_A_PRIORITY = 100  # ten priorities stay below the first rank that the ranking gives
_BEHIND = (MOST + 1) * _RANKS_A_PRIORITY  # an audit from here on was there without a program, and keeps its place


@dataclass(frozen=True, slots=True)
class Urgency:
    """How soon a program wants a person's answer.

    Attributes:
        priority: 0 to 9, the highest first.
        deadline: when it waits no longer; of equal priority, the earliest first.
    """

    priority: int = USUAL
    deadline: datetime | None = None

    @property
    def rank(self) -> int:
        """Where its questions stand in the queue."""
        return (MOST - self.priority) * _RANKS_A_PRIORITY


WHENEVER = Urgency()


def questions(
    project_id: int,
    item_id: int,
    people: int,
    urgency: Urgency,
    *,
    explanation: str = "",
    drawn_with: float | None = None,
) -> list[dict[str, object]]:
    """The tasks by which so many people are asked about an item before all that the ranking chose.

    Args:
        drawn_with: the chance with which it was drawn for a blind audit, if it was; the card has a sentence of its own.
    """
    return [
        {
            "created_at": utc_now(),
            "project_id": project_id,
            "item_id": item_id,
            "reason": Reason.REQUESTED if drawn_with is None else Reason.AUDIT,
            "slot": slot,
            "reviews": people,
            "open": True,
            "rank": urgency.rank,
            "deadline": urgency.deadline,
            "inclusion_probability": drawn_with,
            "explanation": explanation if drawn_with is None else "",
        }
        for slot in range(people)
    ]


def request(
    session: Session,
    project_id: int,
    item_ids: Sequence[int],
    urgency: Urgency = WHENEVER,
    *,
    explanation: str = "",
    doubted: Collection[int] = (),
) -> None:
    """Ask people about these items before all others. A question that was there is asked the sooner, and no shorter.

    Args:
        explanation: the sentence on the card, where there is one of its own.
        doubted: those that would not be here, had the machine been sure of them. They are a sample of nothing: as
            audits, they would make it look worse than it is.
    """
    project = session.get_one(ProjectRow, project_id)
    settings = settings_of(project)
    ids = np.asarray(item_ids, np.int64)
    blindly = set(ids[is_reserved(project.salt, ids, settings.audit_rate)].tolist()) - set(doubted)
    there = select(TaskRow.item_id).where(TaskRow.item_id.in_(item_ids), TaskRow.open.is_(True))
    waiting = set(session.scalars(there))
    wanted = [item_id for item_id in item_ids if item_id not in waiting]
    rows = [
        row
        for item_id in wanted
        for row in questions(
            project_id,
            item_id,
            settings.reviews_per_item,
            urgency,
            explanation=explanation,
            drawn_with=settings.audit_rate if item_id in blindly else None,
        )
    ]
    insert_new(session, TaskRow, rows)
    waits = None  # one program that waits without end is enough for the question to stay
    if urgency.deadline is not None:
        waits = case(
            (TaskRow.deadline.is_(None), None),
            (TaskRow.deadline > urgency.deadline, TaskRow.deadline),
            else_=urgency.deadline,
        )
    sooner = {"rank": case((TaskRow.rank < urgency.rank, TaskRow.rank), else_=urgency.rank), "deadline": waits}
    open_ones = (TaskRow.item_id.in_(item_ids), TaskRow.open.is_(True))
    nobody_has_it = or_(TaskRow.holder.is_(None), TaskRow.lease_expires_at < utc_now())
    session.execute(
        update(TaskRow)
        .where(*open_ones, or_(TaskRow.reason == Reason.REQUESTED, and_(TaskRow.reason.in_(_CHOSEN), nobody_has_it)))
        .values(reason=Reason.REQUESTED, explanation=explanation or TaskRow.explanation, **sooner)
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(TaskRow)
        .where(*open_ones, TaskRow.reason == Reason.AUDIT, TaskRow.rank < _BEHIND)
        .values(**sooner)
        .execution_options(synchronize_session=False)
    )


def close_expired(session: Session, project_id: int) -> None:
    """Ask nobody any more what nobody waits for. Whether it is worth asking by itself, the ranking says."""
    session.execute(
        update(TaskRow)
        .where(
            TaskRow.project_id == project_id,
            TaskRow.open.is_(True),
            TaskRow.deadline <= utc_now(),
            or_(TaskRow.holder.is_(None), TaskRow.lease_expires_at < utc_now()),
        )
        .values(open=False)
        .execution_options(synchronize_session=False)
    )
