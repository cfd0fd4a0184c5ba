"""The one place where decisions are written, and where it is noticed that enough have come to learn from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.orm import Session

from models import jobs
from models.errors import BadReference, Invalid, Place, Problem
from models.project_settings import ProjectSettings
from models.steps.accounts import Caller
from models.steps.projects import name_key
from models.steps.webhooks import publish
from models.store.queries.categories import categories_by_name
from models.store.queries.decisions import names_of
from models.store.tables import (
    CategoryRow,
    DecisionCategoryRow,
    DecisionRow,
    ItemRow,
    ProjectRow,
    TaskRow,
    VersionRow,
)
from models.vocabulary import Action, Event, ItemState, Job, Source, TaskKind

_LISTED = 20

LABELLING = (Action.ACCEPT, Action.CORRECT)
"""The actions that give an item its categories."""

_LEARNT = select(func.coalesce(func.max(VersionRow.decision_high_water), 0)).where(
    VersionRow.project_id == bindparam("project_id")
)
_SINCE = select(func.count()).where(
    DecisionRow.project_id == bindparam("project_id"),
    DecisionRow.id > _LEARNT.scalar_subquery(),
    DecisionRow.action.in_(LABELLING),
    DecisionRow.partial.is_(False),
)
_PROJECT_LOCK = (
    select(ProjectRow.id).where(ProjectRow.id == bindparam("project_id")).with_for_update(read=True, key_share=True)
)


@dataclass(frozen=True, slots=True)
class Said:
    """What the machine had said before the decision; `category_id` is the likeliest of `category_ids`."""

    number: int | None = None
    category_id: int | None = None
    confidence: float | None = None
    category_ids: tuple[int, ...] = ()


def put(
    session: Session,
    caller: Caller,
    item: ItemRow,
    *,
    action: Action,
    category_ids: Sequence[int] = (),
    source: Source,
    said: Said | None = None,
    task: TaskRow | None = None,
    note: str | None = None,
    seconds: float | None = None,
    idempotency_key: str | None = None,
    partial: bool = False,
) -> DecisionRow:
    """Write a decision and bring the item up to date with it. `skip` leaves the item as it was.

    Args:
        partial: it is one answer of several, which leaves the item as it was too; see `models.steps.rounds`.
    """
    said = said or Said()
    _before_snapshots(session, item.project_id)
    row = DecisionRow(
        project_id=item.project_id,
        item_id=item.id,
        task_id=task.id if task else None,
        action=action,
        source=source,
        actor=caller.key,
        actor_name=caller.name,
        reason=task.reason if task else None,
        inclusion_probability=task.inclusion_probability if task else None,
        blind=task is not None and task.reason.blind,
        partial=partial,
        predicted_number=said.number,
        predicted_category_id=said.category_id,
        predicted_category_ids=list(said.category_ids) or None,
        predicted_confidence=said.confidence,
        seconds=seconds,
        note=note,
        idempotency_key=idempotency_key,
        previous_id=item.decision_id,
        previous_state=item.state,
    )
    session.add(row)
    session.flush()
    session.add_all(DecisionCategoryRow(decision_id=row.id, category_id=category_id) for category_id in category_ids)
    if action in LABELLING and not partial:
        item.state, item.decision_id = ItemState.DECIDED, row.id
    elif action is Action.FLAG:
        item.state = ItemState.FLAGGED
    session.flush()
    if item.decision_id == row.id:
        announce(session, item, row)
    return row


def announce(session: Session, item: ItemRow, row: DecisionRow) -> int:
    """Tell webhooks of the decision that an item has now. How many."""
    return publish(session, item.project_id, Event.ITEM_DECIDED, lambda: _told(session, item, row))


def _told(session: Session, item: ItemRow, row: DecisionRow) -> dict[str, Any]:
    """What webhooks are told of a decision: never the item's text, which belongs to who may read the project."""
    categories = names_of(session, [row.id])[row.id]
    return {
        "item_id": str(item.id),
        "external_id": item.external_id,
        "category": categories[0] if categories else None,
        "categories": categories,
        "decision_id": str(row.id),
        "action": row.action.value,
        "source": row.source.value,
        "decided_by": row.actor_name,
        "decided_at": row.created_at.isoformat().replace("+00:00", "Z"),
    }


def put_arrivals(
    session: Session, caller: Caller, project_id: int, labelled: Sequence[tuple[int, Sequence[int]]]
) -> None:
    """Write the decisions of items that arrived with their categories.

    Args:
        labelled: ids of items that are new in this transaction, or locked in it and undecided, each once and with its
            category ids.
    """
    if not labelled:
        return
    _before_snapshots(session, project_id)
    made = session.execute(
        insert(DecisionRow).returning(DecisionRow.id, DecisionRow.item_id),
        [
            {
                "project_id": project_id,
                "item_id": item_id,
                "action": Action.CORRECT,
                "source": Source.IMPORT,
                "actor": caller.key,
                "actor_name": caller.name,
                "previous_state": ItemState.UNDECIDED,
            }
            for item_id, _ in labelled
        ],
    )
    decision_of = {item_id: decision_id for decision_id, item_id in made}
    session.execute(
        insert(DecisionCategoryRow),
        [
            {"decision_id": decision_of[item_id], "category_id": category_id}
            for item_id, category_ids in labelled
            for category_id in category_ids
        ],
    )
    session.execute(
        update(ItemRow),
        [{"id": item_id, "state": ItemState.DECIDED, "decision_id": decision_of[item_id]} for item_id, _ in labelled],
    )


def _before_snapshots(session: Session, project_id: int) -> None:
    """Let no training begin between the numbering of a decision and its commit: a snapshot up to a number is whole."""
    session.execute(_PROJECT_LOCK, {"project_id": project_id})


def resolve(
    session: Session, project: ProjectRow, names: Sequence[str], where: Place = ("body", "categories")
) -> list[int]:
    """The ids of categories given by name (or id), each once.

    Args:
        where: their place in the request.

    Raises:
        BadReference: a name is unknown or archived; it says which ones there are.
        Invalid: none is given, or several where the project takes one.
    """
    if not names:
        raise Invalid("a decision needs a category", problems=[Problem(where, "must not be empty")])
    if project.task is TaskKind.SINGLE and len(set(names)) > 1:
        raise Invalid(
            "an item of this project has one category",
            problems=[Problem(where, "give one category")],
        )
    there = categories_by_name(session, project.id)
    return list(dict.fromkeys(_one(there, name, where) for name in names))


def _one(there: Mapping[str, CategoryRow], name: str, where: Place) -> int:
    found = there.get(name_key(name))
    if found is not None:
        return found.id
    in_use = [row.name for row in sorted({row.id: row for row in there.values()}.values(), key=lambda row: row.id)]
    listed = ", ".join(in_use[:_LISTED]) + (" …" if len(in_use) > _LISTED else "")
    raise BadReference(
        f"the project has no category {name!r}; there are: {listed or 'none'}",
        problems=[Problem(where, f"unknown category {name!r}")],
    )


def since_last_version(session: Session, project_id: int) -> int:
    """How many decisions came after those that the newest version (also one in training) learnt from."""
    return session.scalar(_SINCE, {"project_id": project_id}) or 0


def train_when_enough(session: Session, caller: Caller, project: ProjectRow, settings: ProjectSettings) -> None:
    """Leave a training job once `retrain_every` decisions have come since the last one."""
    if since_last_version(session, project.id) >= settings.retrain_every:
        jobs.enqueue(
            session,
            Job.TRAIN,
            key=f"train:{project.id}",
            project_id=project.id,
            payload={"when_enough": settings.retrain_every},
            actor=caller.key,
        )
