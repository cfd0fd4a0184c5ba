"""Several people answer one item, none of them in sight of another.

A project asks `reviews_per_item` people about each item. Their answers form a round: while others are waited for, an
answer says nothing of the item and nobody else sees it. When all agree, the last answer gives the item its
categories. When they do not, the item is disputed until a manager settles it (`models.steps.disputes`); nothing is
learnt from it meanwhile.
"""

from dataclasses import dataclass

from sqlalchemy import BindParameter, ColumnElement, exists, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from models.errors import Forbidden
from models.steps.accounts import Caller
from models.steps.decisions import LABELLING
from models.store.queries.decisions import categories_given
from models.store.tables import DecisionRow, ItemRow, TaskRow
from models.store.types import utc_now
from models.vocabulary import Action, ItemState, Reason, Role

_IN_A_ROUND = (ItemState.UNDECIDED, ItemState.FLAGGED, ItemState.DISPUTED)


@dataclass(frozen=True, slots=True)
class Standing:
    """What an answer means for its item.

    Attributes:
        partial: it is one of several and does not settle the item.
        disputed: with it, the item is in dispute.
        missing: how many more people are to be asked for whom no question is open.
        closes: nobody is to be asked any more.
    """

    partial: bool = False
    disputed: bool = False
    missing: int = 0
    closes: bool = False


def standing_of(
    session: Session, caller: Caller, item: ItemRow, task: TaskRow | None, wanted: int, given: list[int] | None
) -> Standing:
    """What an answer that is about to be written will mean.

    Args:
        item: locked.
        task: the question it answers, closed by now or given back; None for one made by looking the item up.
        wanted: how many people are to answer an item of this project.
        given: the categories; None where the answer is to skip.
    """
    if task is not None and task.reason is Reason.SECOND_LOOK:
        return _second_look(session, item, wanted, given)
    people = wanted if task is None else task.reviews
    if people == 1 or item.state not in _IN_A_ROUND or (task is None and item.state is not ItemState.UNDECIDED):
        return Standing()
    answers = _answers(session, item, blind=task is not None and task.reason.blind)
    if given is None:
        skipped = len(_skipped_by(session, item) | {caller.key}) >= people
        return Standing(partial=True, disputed=skipped and bool(answers), closes=skipped)
    answers[caller.key] = set(given)
    held, free = _open(session, item)
    if len(answers) < people or held or item.state is ItemState.DISPUTED:
        missing = people - len(answers) if not held + free and len(answers) < people else 0
        return Standing(partial=True, missing=missing)
    agreed = all(answer == answers[caller.key] for answer in answers.values())
    return Standing(partial=not agreed, disputed=not agreed, closes=True)


def check_direct(caller: Caller, item: ItemRow, wanted: int) -> None:
    """Raise Forbidden where a decision made by looking an item up would pass over the people who are asked."""
    if item.state is ItemState.DISPUTED and not caller.has(Role.MANAGER):
        raise Forbidden("the answers to this item contradict each other: a manager settles it")
    if item.state is ItemState.FLAGGED and wanted > 1 and not caller.has(Role.MANAGER):
        raise Forbidden("somebody flagged this item: a manager settles it")


def close(session: Session, item: ItemRow) -> None:
    """Ask nobody any more about an item whose round is over, unless somebody has it in hand."""
    session.execute(
        update(TaskRow)
        .where(
            TaskRow.item_id == item.id,
            TaskRow.open.is_(True),
            TaskRow.reviews > 1,
            or_(TaskRow.holder.is_(None), TaskRow.lease_expires_at < utc_now()),
        )
        .values(open=False)
    )


def audit_in_dispute(session: Session, item: ItemRow) -> TaskRow | None:
    """The blind audit whose answers contradict each other, as it was asked last.

    What a manager makes of it is still the audit's answer: without the items on which people differ, which are the
    hard ones, the machine would look better than it is.
    """
    if item.state is not ItemState.DISPUTED:
        return None
    newest = session.scalar(
        select(DecisionRow)
        .where(DecisionRow.item_id == item.id, DecisionRow.partial.is_(True))
        .order_by(DecisionRow.id.desc())
        .limit(1)
    )
    if newest is None or newest.reason is not Reason.AUDIT or newest.task_id is None:
        return None
    return session.get(TaskRow, newest.task_id)


def has_answered(session: Session, caller: Caller, item_id: int) -> bool:
    """Whether the caller has answered the item, and not taken it back."""
    return bool(session.scalar(select(_by(caller.key, item_id))))


def askable(caller: str | BindParameter[str]) -> ColumnElement[bool]:
    """Which tasks may be given to the caller of this key: of an item's round one at most, and that once."""
    sibling = aliased(TaskRow)
    has_one = exists().where(
        sibling.item_id == TaskRow.item_id,
        sibling.open.is_(True),
        sibling.holder == caller,
        sibling.id != TaskRow.id,
    )
    waits = exists().where(ItemRow.id == TaskRow.item_id, ItemRow.state == ItemState.UNDECIDED)
    return or_(TaskRow.reviews == 1, ~has_one & ~_by(caller, TaskRow.item_id) & waits)


def _by(caller: str | BindParameter[str], item_id: object) -> ColumnElement[bool]:
    undoing = aliased(DecisionRow)
    return exists().where(
        DecisionRow.item_id == item_id,
        DecisionRow.actor == caller,
        DecisionRow.action != Action.UNDO,
        ~exists().where(undoing.supersedes_id == DecisionRow.id),
    )


def _second_look(session: Session, item: ItemRow, wanted: int, given: list[int] | None) -> Standing:
    """Where several people decide an item, one of them who looks again does not overrule the others."""
    if wanted == 1 or given is None or item.decision_id is None:
        return Standing()
    differs = categories_given(session, [item.decision_id])[item.decision_id] != set(given)
    return Standing(partial=differs, disputed=differs)


def _answers(session: Session, item: ItemRow, *, blind: bool) -> dict[str, set[int]]:
    """Each person's newest answer of the round; in a blind one, only what was answered blindly."""
    undoing = aliased(DecisionRow)
    query = (
        select(DecisionRow.actor, DecisionRow.id)
        .where(
            DecisionRow.item_id == item.id,
            DecisionRow.partial.is_(True),
            DecisionRow.action.in_(LABELLING),
            ~exists().where(undoing.supersedes_id == DecisionRow.id),
        )
        .order_by(DecisionRow.id)
    )
    newest = dict(session.execute(query.where(DecisionRow.blind.is_(True)) if blind else query).tuples().all())
    categories = categories_given(session, list(newest.values()))
    return {actor: categories[decision_id] for actor, decision_id in newest.items()}


def _skipped_by(session: Session, item: ItemRow) -> set[str]:
    undoing = aliased(DecisionRow)
    skipped = select(DecisionRow.actor).where(
        DecisionRow.item_id == item.id,
        DecisionRow.action == Action.SKIP,
        ~exists().where(undoing.supersedes_id == DecisionRow.id),
    )
    return set(session.scalars(skipped))


def _open(session: Session, item: ItemRow) -> tuple[int, int]:
    """How many questions about the item somebody holds, and how many wait."""
    total, held = session.execute(
        select(
            func.count(),
            func.count().filter(TaskRow.holder.is_not(None), TaskRow.lease_expires_at >= utc_now()),
        ).where(TaskRow.item_id == item.id, TaskRow.open.is_(True), TaskRow.reviews > 1)
    ).one()
    return held, total - held
