"""Step 8: answers for programs, and what they found to be right."""

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from models import jobs
from models.at_hand import Ready
from models.errors import BadReference, Conflict, Invalid, Missing, Problem
from models.heads import Served, probabilities, shares_of
from models.learn.explain import nearest
from models.runtime import Runtime
from models.steps import shadow
from models.steps.accounts import Caller
from models.steps.decisions import Said, put, resolve, train_when_enough
from models.steps.items import Asked, NewItem, store
from models.steps.predictions import Prediction, as_prediction, vectors_of
from models.steps.projects import settings_of
from models.steps.queue import settle
from models.steps.ready import ready
from models.steps.reasons import NOTHING, Weights, weights
from models.steps.requested import WHENEVER, Urgency, request
from models.steps.score import pool_of
from models.steps.suspension import trusted
from models.store.queries.decisions import labels_as_of
from models.store.queries.projects import categories_of
from models.store.tables import CategoryRow, DecisionCategoryRow, DecisionRow, ItemRow, PredictionRow, ProjectRow
from models.store.types import utc_now
from models.vocabulary import Action, ItemState, Job, ReviewMode, Source, TaskKind, Verdict

_NEIGHBOURS = 5


@dataclass(frozen=True, slots=True)
class Answer:
    """What a program is told about one text. `item_id` is set where people will look at it too."""

    prediction_id: str
    prediction: Prediction
    verdict: Verdict
    item_id: int | None


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers to one request, all by the same version, in the order of its items."""

    number: int
    task: TaskKind
    answers: list[Answer]


@dataclass(frozen=True, slots=True)
class Thought:
    """What a version thinks of texts before anything is written.

    Attributes:
        asides: what the shadow says of each.
        wanted: the places of those that people are to look at too.
        by_doubt: these are the ones that the machine is not sure enough of; the others are stored nowhere.
    """

    at_hand: Ready
    items: Sequence[Asked]
    predictions: list[Prediction]
    verdicts: list[Verdict]
    asides: Sequence[Prediction | None]
    wanted: list[int]
    by_doubt: bool

    def answers(self, queued: Sequence[int]) -> Answers:
        """What the caller is told: `queued` are the ids of the items that are `wanted`."""
        item_ids = dict(zip(self.wanted, queued, strict=True))
        answers = [
            Answer(_prediction_id(), prediction, verdict, item_ids.get(place))
            for place, (prediction, verdict) in enumerate(zip(self.predictions, self.verdicts, strict=True))
        ]
        return Answers(self.at_hand.served.number, self.at_hand.project.task, answers)


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A decided item that is like another one; `similarity` is the cosine of their vectors."""

    item_id: int
    text: str
    category: str
    similarity: float


@dataclass(frozen=True, slots=True)
class Why:
    """Why the machine says what it says: the words and fields that weigh, and the nearest decided items."""

    prediction: Prediction | None
    verdict: Verdict
    weights: Weights
    neighbours: list[Neighbour]


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a program found to be right, about something it names in one of four ways."""

    category: str | None = None
    categories: Sequence[str] | None = None
    prediction_id: str | None = None
    item_id: int | None = None
    external_id: str | None = None
    text: str | None = None
    note: str | None = None


def predict(
    runtime: Runtime,
    caller: Caller,
    slug: str,
    items: Sequence[Asked],
    *,
    top: int = 3,
    review: ReviewMode = ReviewMode.NEVER,
    number: int | None = None,
    urgency: Urgency = WHENEVER,
) -> Answers:
    """Answer for texts. Reads, thinks without holding a transaction, then writes what feedback will need.

    Raises:
        Missing: no such project, or no such version.
        TooFewCategories, NoVersion: nothing can answer yet.
    """
    return tell(runtime, caller, think(ready(runtime, caller, slug, number), items, top=top, review=review), urgency)


def think(at_hand: Ready, items: Sequence[Asked], *, top: int = 3, review: ReviewMode = ReviewMode.NEVER) -> Thought:
    """Think about texts with what is at hand. No transaction is open: it may take long."""
    served = at_hand.served
    vectors = served.encoder.encode([item.text for item in items])
    records = [item.fields for item in items]
    shares = shares_of(served, served.inputs(vectors, records), at_hand.columns)
    predictions = [as_prediction(served, row, at_hand.columns, top) for row in shares]
    verdicts = [verdict_of(served, prediction) for prediction in predictions]
    asides = shadow.overheard(at_hand.shadow, items, {served.encoder.id: vectors})
    wanted = [
        place
        for place, verdict in enumerate(verdicts)
        if review is ReviewMode.ALWAYS or (review is ReviewMode.UNCERTAIN and verdict is Verdict.REVIEW)
    ]
    some_go_alone = served.threshold is not None or bool(served.by_category)
    by_doubt = review is ReviewMode.UNCERTAIN and some_go_alone
    return Thought(at_hand, items, predictions, verdicts, asides, wanted, by_doubt)


def tell(runtime: Runtime, caller: Caller, thought: Thought, urgency: Urgency = WHENEVER) -> Answers:
    """Queue what people are to look at, and write the answers down together with those of other requests."""
    queued: list[int] = []
    if thought.wanted:
        with runtime.database.transaction() as session:
            queued = _queue(session, thought, urgency)
    answers = thought.answers(queued)
    runtime.remembered.write(_as_rows(caller, thought, answers))
    return answers


def tell_in(session: Session, caller: Caller, thought: Thought, urgency: Urgency) -> Answers:
    """As `tell`, all in one transaction: for who must know that it is done wholly or not at all."""
    answers = thought.answers(_queue(session, thought, urgency))
    session.execute(insert(PredictionRow), _as_rows(caller, thought, answers))
    return answers


def _prediction_id() -> str:
    """Nobody guesses it, and later ones are greater: rows that are added at the end of an index touch few pages of it.

    The layout of UUIDv7 (RFC 9562) without its marks: milliseconds since 1970 in 48 bits, then 80 random bits.
    """
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"


def verdict_of(served: Served, prediction: Prediction) -> Verdict:
    """Whether an answer may be used without a person."""
    least = served.by_category.get(prediction.category.id, served.threshold)
    return Verdict.ACCEPT if least is not None and prediction.confidence >= least else Verdict.REVIEW


def feedback(session: Session, caller: Caller, project: ProjectRow, given: Feedback) -> DecisionRow:
    """Make a decision of what a program found to be right.

    Raises:
        Invalid: not exactly one of the four names is given.
        Missing: it names nothing of this project.
    """
    names = (given.prediction_id, given.item_id, given.external_id, given.text)
    if sum(name is not None for name in names) != 1:
        raise Invalid("name one of prediction_id, item_id, external_id or text")
    item, said = _named(session, project, given)
    session.refresh(item, with_for_update={"key_share": True})
    where = "category" if given.category is not None else "categories"
    category_ids = resolve(session, project, _names(given), ("body", where))
    agrees = said.category_id in category_ids
    row = put(
        session,
        caller,
        item,
        action=Action.ACCEPT if agrees else Action.CORRECT,
        category_ids=category_ids,
        source=Source.FEEDBACK,
        said=said,
        note=given.note,
    )
    settle(session, [item.id])
    train_when_enough(session, caller, project, settings_of(project))
    return row


def is_news(session: Session, project: ProjectRow, given: Feedback, said_at: datetime | None) -> bool:
    """Whether feedback on a text names categories that are there, and others than the item was given since.

    Args:
        said_at: when it was said; None where nobody knows.
    """
    try:
        wanted = set(resolve(session, project, _names(given)))
    except (BadReference, Invalid):
        return False
    item = session.scalar(
        select(ItemRow).where(
            ItemRow.project_id == project.id, ItemRow.fingerprint == NewItem(given.text or "").marks.fingerprint
        )
    )
    if item is None or item.state is not ItemState.DECIDED:
        return True
    decided = session.get_one(DecisionRow, item.decision_id)
    if said_at is not None and said_at < decided.created_at:
        return False
    has = select(DecisionCategoryRow.category_id).where(DecisionCategoryRow.decision_id == item.decision_id)
    return set(session.scalars(has)) != wanted


def why(runtime: Runtime, session: Session, project: ProjectRow, item: ItemRow) -> Why:
    """The serving version's answer for a stored item, with its reasons."""
    vector = vectors_of(session, runtime.encoders.of(session, project), [item])
    neighbours = _neighbours(runtime, session, project, item, vector[0])
    try:
        served = trusted(session, project, runtime.heads.get(session, project))
    except Conflict:
        return Why(None, Verdict.REVIEW, NOTHING, neighbours)
    inputs = served.inputs(vector, [item.fields])
    shares, columns = probabilities(served, inputs, categories_of(session, project.id, archived=False))
    prediction = as_prediction(served, shares[0], columns)
    weighed = weights(served, item.text, item.fields, prediction.category.id)
    return Why(prediction, verdict_of(served, prediction), weighed, neighbours)


def _queue(session: Session, thought: Thought, urgency: Urgency) -> list[int]:
    """Store items and ask people about those that nobody has decided. Their ids, in order."""
    if not thought.wanted:
        return []
    project_id = thought.at_hand.project.id
    settled = (ItemState.DECIDED, ItemState.DISPUTED)  # in a dispute it is a manager's answer that is wanted
    wanted = [thought.items[place] for place in thought.wanted]
    stored = store(session, project_id, [NewItem(one.text, one.fields, one.external_id) for one in wanted])
    ids = [one.item_id for one in stored]
    undecided = select(ItemRow.id).where(ItemRow.id.in_(ids), ItemRow.state.not_in(settled))
    doubted = [one.item_id for one in stored if one.added and thought.by_doubt]
    request(session, project_id, session.scalars(undecided).all(), urgency, doubted=doubted)
    jobs.enqueue(session, Job.EMBED, key=f"embed:{project_id}", project_id=project_id)
    return ids


def _as_rows(caller: Caller, thought: Thought, answers: Answers) -> list[dict[str, Any]]:
    now = utc_now()
    return [
        {
            "id": answer.prediction_id,
            "created_at": now,
            "project_id": thought.at_hand.project.id,
            "number": answer.prediction.number,
            "category_id": answer.prediction.category.id,
            "confidence": answer.prediction.confidence,
            "verdict": answer.verdict,
            "text": item.text,
            "fields": item.fields,
            "external_id": item.external_id,
            "item_id": answer.item_id,
            "actor": caller.key,
            **shadow.kept(answer.prediction, aside),
        }
        for item, answer, aside in zip(thought.items, answers.answers, thought.asides, strict=True)
    ]


def _names(given: Feedback) -> Sequence[str]:
    if (given.category is None) == (given.categories is None):
        rule = "say what is right: a category, or where an item has several, categories"
        raise Invalid(rule, problems=[Problem(("body", "category"), rule)])
    return [given.category] if given.category is not None else given.categories or []


def _named(session: Session, project: ProjectRow, given: Feedback) -> tuple[ItemRow, Said]:
    if given.prediction_id is not None:
        told = session.get(PredictionRow, given.prediction_id)
        if told is None or told.project_id != project.id:
            raise Missing(f"there is no prediction {given.prediction_id!r}; they are kept for a while only")
        item = _stored(session, project, NewItem(told.text, told.fields, told.external_id))
        told.item_id = item.id
        return item, Said(told.number, told.category_id, told.confidence, (told.category_id,))
    if given.text is not None:
        return _stored(session, project, NewItem(given.text)), Said()
    query = select(ItemRow).where(ItemRow.project_id == project.id)
    if given.item_id is not None:
        found = session.scalar(query.where(ItemRow.id == given.item_id))
    else:
        found = session.scalar(query.where(ItemRow.external_id == given.external_id))
    if found is None:
        raise Missing("the project has no such item")
    return found, Said()


def _stored(session: Session, project: ProjectRow, new: NewItem) -> ItemRow:
    one = store(session, project.id, [new])[0]
    if one.added:
        jobs.enqueue(session, Job.EMBED, key=f"embed:{project.id}", project_id=project.id)
    row = session.get(ItemRow, one.item_id)
    if row is None:
        raise BadReference("the item was erased meanwhile")
    return row


def _neighbours(
    runtime: Runtime, session: Session, project: ProjectRow, item: ItemRow, vector: np.ndarray
) -> list[Neighbour]:
    pool = pool_of(runtime, session, project)
    if pool is None:
        return []
    labels = labels_as_of(session, project.id)
    known = np.isin(labels.item, pool.item_ids) & (labels.item != item.id)
    labels = labels.where(known)
    if not len(labels):
        return []
    indices, likeness = nearest(vector, pool.rows(pool.places(labels.item)), _NEIGHBOURS)
    ids = [int(labels.item[index]) for index in indices]
    texts = dict(session.execute(select(ItemRow.id, ItemRow.text).where(ItemRow.id.in_(ids))).tuples().all())
    names: dict[int, CategoryRow] = {row.id: row for row in categories_of(session, project.id)}
    return [
        Neighbour(item_id, texts[item_id], names[int(labels.category[index])].name, float(one))
        for item_id, index, one in zip(ids, indices, likeness, strict=True)
        if item_id in texts
    ]
