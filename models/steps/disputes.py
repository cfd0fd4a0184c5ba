"""What people answered differently or flagged, for a manager to settle."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, aliased

from models.errors import Conflict
from models.runtime import Runtime
from models.settings import Settings
from models.steps.accounts import Caller
from models.steps.decisions import LABELLING
from models.steps.ingest import find_item
from models.steps.predictions import Prediction, predict_items
from models.steps.review import Decided, NewDecision, decide
from models.store.queries.decisions import names_of
from models.store.queries.items import ItemFilter, items_page
from models.store.tables import DecisionRow, ItemRow, ProjectRow, TaskRow
from models.vocabulary import Action, ItemState, Reason


@dataclass(frozen=True, slots=True)
class Answer:
    """What one person said about an item, with the names of the categories."""

    row: DecisionRow
    categories: list[str]


@dataclass(frozen=True, slots=True)
class Dispute:
    """An item that waits for a manager.

    Attributes:
        answers: all that stand, oldest first.
        most: the categories that more people named than any others; None where there are no such.
        prediction: what the machine says; None where the item is a blind audit, whose truth it must not sway.
        blind: whether the item is a blind audit.
    """

    item: ItemRow
    answers: list[Answer]
    most: list[str] | None
    prediction: Prediction | None
    blind: bool


def waiting(
    runtime: Runtime,
    session: Session,
    project: ProjectRow,
    state: ItemState,
    *,
    after: int | None = None,
    limit: int = 50,
) -> tuple[list[Dispute], int | None]:
    """A page of the disputed or the flagged items, newest first.

    Args:
        after: what the page before gave to go on with.

    Returns:
        The page, and what to go on with; None at the end.
    """
    found = items_page(session, project.id, ItemFilter(state=state), after=after, limit=limit + 1)
    items = list(found[:limit])
    answers = _answers(session, items, whole=state is ItemState.DISPUTED)
    audits = _audited(session, items)
    said = predict_items(runtime, session, project, [item for item in items if item.id not in audits])
    page = [
        Dispute(item, answers[item.id], _most(answers[item.id]), said.get(item.id), item.id in audits) for item in items
    ]
    return page, items[-1].id if len(found) > limit else None


def settle(
    session: Session,
    caller: Caller,
    project: ProjectRow,
    item_id: int,
    categories: Sequence[str],
    settings: Settings,
    *,
    note: str | None = None,
) -> Decided:
    """Give a disputed or flagged item its categories: a decision that stands above the answers before it.

    Raises:
        Conflict: there is nothing to settle (any more).
        BadReference: a category is unknown.
        Missing: there is no such item.
    """
    item = find_item(session, project, item_id)
    session.refresh(item, with_for_update={"key_share": True})
    if item.state not in {ItemState.DISPUTED, ItemState.FLAGGED}:
        raise Conflict(f"item {item.id} is {item.state.value}: there is nothing to settle")
    new = NewDecision(Action.CORRECT, item_id=item.id, categories=categories, note=note)
    return decide(session, caller, project, new, settings)


def _answers(session: Session, items: Sequence[ItemRow], *, whole: bool) -> dict[int, list[Answer]]:
    """What stands of each item's history; not `whole`: without answers that are still waiting for others."""
    undoing = aliased(DecisionRow)
    query = (
        select(DecisionRow)
        .where(
            DecisionRow.item_id.in_([item.id for item in items]),
            DecisionRow.action != Action.UNDO,
            ~exists().where(undoing.supersedes_id == DecisionRow.id),
        )
        .order_by(DecisionRow.id)
    )
    rows = session.scalars(query if whole else query.where(DecisionRow.partial.is_(False))).all()
    names = names_of(session, [row.id for row in rows])
    found: dict[int, list[Answer]] = defaultdict(list)
    for row in rows:
        found[row.item_id].append(Answer(row, names[row.id]))
    return found


def _most(answers: Sequence[Answer]) -> list[str] | None:
    newest = {one.row.actor: tuple(one.categories) for one in answers if one.row.action in LABELLING}
    ranked = Counter(newest.values()).most_common(2)
    if not ranked or (len(ranked) > 1 and ranked[0][1] == ranked[1][1]):
        return None
    return list(ranked[0][0])


def _audited(session: Session, items: Sequence[ItemRow]) -> set[int]:
    asked = select(TaskRow.item_id).where(
        TaskRow.item_id.in_([item.id for item in items]), TaskRow.reason == Reason.AUDIT
    )
    return set(session.scalars(asked))
