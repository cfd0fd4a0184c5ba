"""Step 5: people decide. Nothing is lost, nothing counts twice, everything can be taken back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, case, select
from sqlalchemy.orm import Session

from models.errors import (
    AlreadyDecided,
    Forbidden,
    Invalid,
    KeyReused,
    LeaseLost,
    Missing,
    NotUndoable,
    Problem,
    WinnowError,
)
from models.settings import Settings
from models.steps import asking, rounds
from models.steps.accounts import Caller
from models.steps.decisions import LABELLING, Said, put, resolve, train_when_enough
from models.steps.ingest import find_item
from models.steps.projects import settings_of
from models.store.queries.decisions import names_of
from models.store.tables import DecisionRow, ItemRow, ProjectRow, TaskRow
from models.store.types import utc_now
from models.vocabulary import Action, ItemState, Role, Source

_ITEM_LOCK = {"key_share": True}
"""Against other decisions, and not against those who lease: a second change of a task looks at its item's key."""

_ITEM_OF_TASK = select(TaskRow.item_id).where(
    TaskRow.id == bindparam("task_id"), TaskRow.project_id == bindparam("project_id")
)


@dataclass(frozen=True, slots=True)
class Shown:
    """What of the machine was in view when somebody decided outside the queue."""

    number: int
    category: str
    confidence: float


@dataclass(frozen=True, slots=True)
class NewDecision:
    """What somebody decides, about a task or directly about an item.

    Attributes:
        shown: for an item outside the queue, the suggestion that was in view. It is kept with the decision.
        if_undecided: refuse it where somebody else decided the item meanwhile, or has its card.
        although_leased: for an item, also where somebody else has its card; their answer may come on top of this one.
    """

    action: Action
    task_id: int | None = None
    item_id: int | None = None
    categories: Sequence[str] = ()
    note: str | None = None
    seconds: float | None = None
    idempotency_key: str | None = None
    shown: Shown | None = None
    if_undecided: bool = False
    although_leased: bool = False


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of it.

    Attributes:
        categories: names of the categories it gives.
        repeated: the same decision had come before; nothing was written now.
    """

    row: DecisionRow
    categories: list[str]
    undoable_until: datetime
    repeated: bool = False


def decide(session: Session, caller: Caller, project: ProjectRow, new: NewDecision, settings: Settings) -> Decided:
    """Write a decision.

    Raises:
        AlreadyDecided: somebody decided the task before.
        KeyReused: the caller used the idempotency key for another decision.
        LeaseLost: the task is somebody else's now.
        BadReference: a category is unknown.
        Missing: there is no such task or item in this project.
    """
    before = _repeated(session, caller, project, new)
    if before is not None:
        return _decided(session, before, settings, repeated=True)
    task, item = _locked(session, caller, project, new)
    # The same request may have come twice at once: the second one waited for the lock and finds the first one's row.
    before = _repeated(session, caller, project, new)
    if before is not None:
        return _decided(session, before, settings, repeated=True)
    if new.if_undecided:
        _check_undecided(item, task)
    task = _answerable(session, task, item, caller, new)
    wanted = settings_of(project).reviews_per_item
    audit = None
    if task is None:
        rounds.check_direct(caller, item, wanted)
        audit = rounds.audit_in_dispute(session, item)
    said = _said(task or audit) if new.shown is None else _shown(session, project, new.shown)
    category_ids = _categories(session, project, new, said, task)
    if task is not None:
        # Where several are asked, who skips leaves the question to somebody else.
        task.open = new.action is Action.SKIP and task.reviews > 1
        task.holder, task.lease_expires_at = None, None
        session.flush()
    standing = rounds.Standing()
    if new.action is not Action.FLAG:
        given = None if new.action is Action.SKIP else category_ids
        standing = rounds.standing_of(session, caller, item, task, wanted, given)
    row = put(
        session,
        caller,
        item,
        action=new.action,
        category_ids=category_ids,
        source=Source.REVIEW,
        said=said,
        task=task or audit,
        note=new.note,
        seconds=new.seconds,
        idempotency_key=new.idempotency_key,
        partial=standing.partial,
    )
    if audit is not None:
        row.task_id = None  # the question itself is nobody's to have back
    if standing.disputed:
        item.state, item.decision_id = ItemState.DISPUTED, None
    if standing.closes or (wanted > 1 and not standing.partial and new.action in LABELLING):
        rounds.close(session, item)
    if standing.missing:
        asking.ask_others(session, project, item, standing.missing)
    session.flush()
    train_when_enough(session, caller, project, settings_of(project))
    return _decided(session, row, settings)


def decide_many(
    session: Session, caller: Caller, project: ProjectRow, news: Sequence[NewDecision], settings: Settings
) -> list[Decided | WinnowError]:
    """Write several decisions; one that cannot be written does not take the others with it."""
    outcomes: list[Decided | WinnowError] = []
    for new in news:
        try:
            with session.begin_nested():
                outcomes.append(decide(session, caller, project, new, settings))
        except WinnowError as error:
            outcomes.append(error)
    return outcomes


def undo(session: Session, caller: Caller, project: ProjectRow, decision_id: int, settings: Settings) -> DecisionRow:
    """Take a decision back: the item goes where it was, its task is the caller's again; both rows stay.

    Raises:
        NotUndoable: too late, undone before, or a later decision stands on it.
        Forbidden: it is somebody else's and the caller is no manager.
    """
    row = session.get(DecisionRow, decision_id)
    if row is None or row.project_id != project.id or row.action is Action.UNDO:
        raise Missing(f"the project has no decision {decision_id}")
    if row.actor != caller.key and not caller.has(Role.MANAGER):
        raise Forbidden("only a manager takes back what somebody else decided")
    item = session.get_one(ItemRow, row.item_id, with_for_update=_ITEM_LOCK, populate_existing=True)
    waits = row.partial and item.state in {ItemState.UNDECIDED, ItemState.FLAGGED}
    _check_undoable(session, row, settings, alone=waits)
    undoing = DecisionRow(
        project_id=project.id,
        item_id=item.id,
        task_id=row.task_id,
        action=Action.UNDO,
        source=Source.REVIEW,
        actor=caller.key,
        actor_name=caller.name,
        supersedes_id=row.id,
        previous_id=item.decision_id,
        previous_state=item.state,
    )
    session.add(undoing)
    if not waits:  # an answer that waited for others had changed nothing
        item.state, item.decision_id = row.previous_state, row.previous_id
    session.flush()
    _reopen(session, caller, row, settings)
    return undoing


def undo_many(
    session: Session, caller: Caller, project: ProjectRow, decision_ids: Sequence[int], settings: Settings
) -> list[DecisionRow | WinnowError]:
    """Take several decisions back; one that cannot be taken back does not keep the others."""
    outcomes: list[DecisionRow | WinnowError] = []
    for decision_id in decision_ids:
        try:
            with session.begin_nested():
                outcomes.append(undo(session, caller, project, decision_id, settings))
        except WinnowError as error:
            outcomes.append(error)
    return outcomes


def _repeated(session: Session, caller: Caller, project: ProjectRow, new: NewDecision) -> DecisionRow | None:
    if new.idempotency_key is None:
        return None
    row = session.scalar(
        select(DecisionRow).where(
            DecisionRow.project_id == project.id,
            DecisionRow.actor == caller.key,
            DecisionRow.idempotency_key == new.idempotency_key,
        )
    )
    if row is not None and (
        new.task_id not in {None, row.task_id} or new.item_id not in {None, row.item_id} or new.action is not row.action
    ):
        raise KeyReused(f"the idempotency key belongs to another decision, {row.id}: nothing was written")
    return row


def _locked(session: Session, caller: Caller, project: ProjectRow, new: NewDecision) -> tuple[TaskRow | None, ItemRow]:
    """What a decision is about, kept from everybody else until it is written: the item first, then its task."""
    if (new.task_id is None) == (new.item_id is None):
        raise Invalid("name a task or an item, one of the two")
    item_id = new.item_id
    if new.task_id is not None:
        item_id = session.scalar(_ITEM_OF_TASK, {"task_id": new.task_id, "project_id": project.id})
        if item_id is None:
            raise Missing(f"the project has no task {new.task_id}")
    item = find_item(session, project, item_id or 0, lock=_ITEM_LOCK)
    if new.task_id is not None:
        task = session.get(TaskRow, new.task_id, with_for_update=True, populate_existing=True)
        if task is None:
            raise Missing(f"the project has no task {new.task_id}")
        return task, item
    nearest = case((TaskRow.holder == caller.key, 0), (TaskRow.holder.is_(None), 1), else_=2)
    query = (
        select(TaskRow)
        .where(TaskRow.item_id == item.id, TaskRow.open.is_(True))
        .order_by(nearest, TaskRow.lease_expires_at, TaskRow.id)
        .limit(1)
    )
    return session.scalar(query.with_for_update().execution_options(populate_existing=True)), item


def _answerable(
    session: Session, task: TaskRow | None, item: ItemRow, caller: Caller, new: NewDecision
) -> TaskRow | None:
    """The task that a decision answers, if it answers one."""
    again = task is not None and task.reviews > 1 and rounds.has_answered(session, caller, item.id)
    if task is not None and new.task_id is not None:
        if not task.open:
            raise AlreadyDecided(f"task {task.id} was decided before")
        if _held_by_another(task, caller):
            raise LeaseLost(f"the lease on task {task.id} ended and somebody else has it now")
        if again:
            raise AlreadyDecided("you answered this item before: somebody else's answer is wanted now")
        return task
    settling = item.state is not ItemState.UNDECIDED and task is not None and task.reviews > 1
    if again or settling:  # who thinks better of an answer, or settles the item, does not take another one's place
        return None
    held = task is not None and _held_by_another(task, caller)
    if held and (new.if_undecided or not new.although_leased):
        raise LeaseLost(f"somebody else has the card of item {item.id}")
    # A decision made by looking the item up is no blind answer: a blind task stays in the queue for one.
    return None if task is not None and (held or task.reason.blind) else task


def _check_undecided(item: ItemRow, task: TaskRow | None) -> None:
    if item.state is not ItemState.UNDECIDED:
        raise AlreadyDecided(f"item {item.id} was settled meanwhile")
    if task is not None and task.reason.blind:
        raise AlreadyDecided(f"item {item.id} is kept for a question of its own")


def _held_by_another(task: TaskRow, caller: Caller) -> bool:
    if task.holder in {None, caller.key} or task.lease_expires_at is None:
        return False
    return task.lease_expires_at > utc_now()


def _said(task: TaskRow | None) -> Said:
    if task is None:
        return Said()
    return Said(
        task.predicted_number,
        task.predicted_category_id,
        task.predicted_confidence,
        tuple(task.predicted_category_ids or ()),
    )


def _shown(session: Session, project: ProjectRow, shown: Shown) -> Said:
    """What was in view, as it is kept with the decision."""
    ids = tuple(resolve(session, project, [shown.category], ("body", "shown", "category")))
    return Said(shown.number, ids[0], shown.confidence, ids)


def _categories(session: Session, project: ProjectRow, new: NewDecision, said: Said, task: TaskRow | None) -> list[int]:
    if new.action not in LABELLING:
        return []
    shown = new.shown is not None or (task is not None and not task.reason.blind)
    if new.action is Action.ACCEPT and not new.categories and shown and said.category_id is not None:
        return list(said.category_ids)
    if not new.categories and new.action is Action.ACCEPT:
        raise Invalid(
            "there was no prediction to accept: say which category",
            problems=[Problem(("body", "categories"), "must not be empty here")],
        )
    return resolve(session, project, new.categories)


def _decided(session: Session, row: DecisionRow, settings: Settings, *, repeated: bool = False) -> Decided:
    return Decided(
        row,
        names_of(session, [row.id])[row.id],
        row.created_at + timedelta(hours=settings.undo_hours),
        repeated,
    )


def _check_undoable(session: Session, row: DecisionRow, settings: Settings, *, alone: bool) -> None:
    """Raise NotUndoable where a decision stands. `alone`: nothing that came later can stand on it."""
    later = session.scalars(
        select(DecisionRow).where(DecisionRow.item_id == row.item_id, DecisionRow.id > row.id)
    ).all()
    undone = {other.supersedes_id for other in later}
    if row.id in undone:
        raise NotUndoable(f"decision {row.id} was taken back before")
    if not alone and any(other.action is not Action.UNDO and other.id not in undone for other in later):
        raise NotUndoable(f"a later decision stands on decision {row.id}: take that one back first")
    if row.created_at + timedelta(hours=settings.undo_hours) < utc_now():
        raise NotUndoable(f"decision {row.id} is older than {settings.undo_hours} hours: correct the item instead")


def _reopen(session: Session, caller: Caller, row: DecisionRow, settings: Settings) -> None:
    if row.task_id is None:
        return
    task = session.get(TaskRow, row.task_id, with_for_update=True, populate_existing=True)
    if task is None or (task.open and task.holder is not None):
        return
    others = (TaskRow.item_id == row.item_id, TaskRow.open.is_(True), TaskRow.id != task.id)
    in_the_way = others if task.reviews == 1 else (*others, TaskRow.slot == task.slot)
    if session.scalar(select(TaskRow.id).where(*in_the_way)) is not None:
        return
    task.open = True
    has_one = session.scalar(select(TaskRow.id).where(*others, TaskRow.holder == caller.key))
    # Of several who are asked, the manager who takes an answer back is not the one who gave it.
    if has_one is None and (task.reviews == 1 or caller.key == row.actor):
        task.holder = caller.key
        task.lease_expires_at = utc_now() + timedelta(seconds=settings.lease_seconds)
    session.flush()
