"""Questions that reviewers and managers put: another answer is wanted, or the same question once more."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select
from sqlalchemy.orm import Session

from models.steps.projects import settings_of
from models.steps.requested import MOST, Urgency, questions
from models.store.tables import DecisionRow, ItemRow, ProjectRow, TaskRow
from models.store.types import utc_now
from models.store.upsert import insert_new
from models.vocabulary import Reason

FIRST_RANK = 1_000
"""Where the queue's own picks begin; what is wanted stands before them."""

_PICKED = (Reason.UNCERTAIN, Reason.DIVERSE, Reason.AUDIT, Reason.SECOND_LOOK)
_BEGUN = exists().where(DecisionRow.item_id == TaskRow.item_id)
"""Somebody has said something about the item: where several are asked, the others of them still are."""

_A_RANK = 10  # so many stand at one rank, for there are fewer ranks than questions
_ONE_HAS = "Asked because somebody answered without being asked, and another answer is wanted."


def ask_others(session: Session, project: ProjectRow, item: ItemRow, count: int) -> None:
    """Ask so many more people about an item that somebody has answered without being asked."""
    people = settings_of(project).reviews_per_item
    rows = questions(project.id, item.id, people, Urgency(MOST), explanation=_ONE_HAS)
    insert_new(session, TaskRow, rows[people - count :])


def ask_again(session: Session, project: ProjectRow, items: Sequence[tuple[int, bool]], explanation: str) -> None:
    """Ask people once more about decided items: after what programs want, before what the queue picks.

    Args:
        items: ids, in the order in which they are asked; each with whether it is a blind audit and stays one.
        explanation: the sentence on the card; a blind one has its own.
    """
    now = utc_now()
    rate = settings_of(project).audit_rate
    rows = [
        {
            "created_at": now,
            "project_id": project.id,
            "item_id": item_id,
            "reason": Reason.AUDIT if audit else Reason.REQUESTED,
            "open": True,
            "rank": min(Urgency(0).rank + place // _A_RANK, FIRST_RANK - 1),
            "inclusion_probability": rate if audit else None,
            "explanation": "" if audit else explanation,
        }
        for place, (item_id, audit) in enumerate(items)
    ]
    insert_new(session, TaskRow, rows)


def asked(project_id: int) -> Select[int]:
    """The items about which a question is open."""
    return select(TaskRow.item_id).where(TaskRow.project_id == project_id, TaskRow.open.is_(True))


def replaceable() -> ColumnElement[bool]:
    """Which questions give way when the queue is filled anew: its own picks that nobody has in hand or has begun.

    Who comes late still finds the question, unless another has it by then.
    """
    return and_(
        TaskRow.reason.in_(_PICKED),
        TaskRow.rank >= FIRST_RANK,
        TaskRow.holder.is_(None),
        or_(TaskRow.reviews == 1, ~_BEGUN),
    )


def standing(project_id: int) -> Select[int]:
    """The items about which a question is open and stays open when the queue is filled anew."""
    return asked(project_id).where(~replaceable())
