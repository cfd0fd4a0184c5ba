"""Step 4: what to ask next, in which order and why; and who holds which question."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Select, and_, bindparam, delete, exists, func, or_, select, union, update
from sqlalchemy.orm import Session, aliased

from models import jobs
from models.errors import NoVersion, TooFewCategories
from models.heads import Served, probabilities
from models.learn.acquisition import Candidates, explain, suited
from models.learn.answers import answer
from models.pool.inputs import Inputs
from models.pool.vectors import Pool
from models.runtime import Runtime
from models.steps import rounds, second_looks
from models.steps.accounts import Caller
from models.steps.asking import FIRST_RANK, asked, replaceable, standing
from models.steps.predictions import Prediction, predict_items
from models.steps.projects import settings_of
from models.steps.requested import close_expired
from models.steps.reserve import audit_order, is_reserved
from models.steps.score import pool_of
from models.store.queries.projects import categories_of
from models.store.tables import ApiKeyRow, DecisionRow, ItemRow, ProjectRow, TaskRow, UserRow
from models.store.types import utc_now
from models.store.upsert import insert_new
from models.vocabulary import SETTLED, Action, ItemState, Job, Reason, TaskKind
from models.work import Work

MOST_CANDIDATES = 20_000
"""The ranking looks at so many items drawn at random: its cost does not grow with the pool."""

_OPEN_TASKS = 100
_REFILL_BELOW = 40
_MOST_SEEN = 2_000
_CALLERS: dict[str, type[UserRow | ApiKeyRow]] = {"user": UserRow, "key": ApiKeyRow}

# Put together once: for so large a condition that costs more than the database takes to look.
_FREE = (
    TaskRow.project_id == bindparam("project_id"),
    TaskRow.open.is_(True),
    or_(
        TaskRow.holder.is_(None),
        jobs.lease_is_over(TaskRow.lease_expires_at, bindparam("now"), bindparam("latest")),
    ),
    or_(TaskRow.deadline.is_(None), TaskRow.deadline > bindparam("now")),
    rounds.askable(bindparam("caller")),
)
_NEXT = (
    select(TaskRow)
    .where(*_FREE)
    .order_by(TaskRow.rank, TaskRow.deadline.nulls_last(), TaskRow.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_LEFT = select(func.count()).select_from(TaskRow).where(*_FREE)


@dataclass(frozen=True, slots=True)
class Leased:
    """A question in somebody's hands until `expires_at`. `prediction` is None where none may be shown."""

    task: TaskRow
    item: ItemRow
    prediction: Prediction | None
    explanation: str
    expires_at: datetime


@dataclass(frozen=True)
class _Picks:
    """Items to ask for one reason, best first."""

    reason: Reason
    item_ids: list[int]
    scores: list[float | None]
    inclusion_probability: float | None


def run_queue(work: Work) -> None:
    """Fill the queue anew: what nobody holds yet is asked in the order that helps most now."""
    runtime = work.runtime
    seed = int(work.claim.id[:15], 16)  # the job's own: another refill strews its audits elsewhere
    with runtime.database.read() as session:
        project = session.get(ProjectRow, work.project_id)
        picks = [] if project is None else _pick(runtime, session, project, seed=seed)
        people = 1 if project is None else settings_of(project).reviews_per_item
    with work.completing({"asked": sum(len(pick.item_ids) for pick in picks)}) as session:
        session.execute(
            delete(TaskRow).where(TaskRow.project_id == work.project_id, TaskRow.open.is_(True), replaceable())
        )
        close_expired(session, work.project_id)
        rows = _rows(work.project_id, picks, people, seed=seed)
        again = [row["item_id"] for row in rows if row["reason"] is Reason.SECOND_LOOK]
        # People went on deciding while the ranking was made: what they settled since then is not asked again.
        there = session.scalars(
            select(ItemRow.id).where(
                ItemRow.id.in_([row["item_id"] for row in rows]),
                ItemRow.id.not_in(asked(work.project_id)),
                or_(_unsettled(), ItemRow.id.in_(again)),
            )
        ).all()
        free = set(there)
        fresh = [row for row in rows if row["item_id"] in free]
        insert_new(session, TaskRow, fresh, TaskRow.id)  # asked for ids, it sends them together: others wait to write


def lease(runtime: Runtime, session: Session, caller: Caller, project: ProjectRow, count: int) -> list[Leased]:
    """Hand out up to `count` questions; each is nobody else's until its lease ends."""
    now, lasts = utc_now(), timedelta(seconds=runtime.settings.lease_seconds)
    expires_at = now + lasts
    asked_for = {
        "project_id": project.id,
        "now": now,
        "latest": jobs.latest_end(now, lasts),
        "caller": caller.key,
    }
    people = settings_of(project).reviews_per_item
    if people > 1:
        _wait_for_own(session, caller)
    found = session.scalars(_NEXT, {**asked_for, "most": count * people}).all()
    first = {task.item_id: task for task in reversed(found)}  # of each item the first
    tasks = [task for task in found if first[task.item_id] is task][:count]
    items = {
        item.id: item
        for item in session.scalars(select(ItemRow).where(ItemRow.id.in_([task.item_id for task in tasks])))
    }
    said = predict_items(runtime, session, project, list(items.values()))
    for task in tasks:
        task.holder, task.lease_expires_at = caller.key, expires_at
    leased = [_leased(task, items[task.item_id], said.get(task.item_id), expires_at) for task in tasks]
    session.flush()  # once for all that a task says, and before what is left is counted
    key = f"queue:{project.id}"
    # While the queue is being filled, everybody who leases finds it low: once more after that would be for nothing.
    if (session.scalar(_LEFT, asked_for) or 0) < _REFILL_BELOW and not jobs.is_running(session, key):
        jobs.enqueue(session, Job.QUEUE, key=key, project_id=project.id)
    return leased


def release(session: Session, caller: Caller, project: ProjectRow, task_ids: Sequence[int]) -> int:
    """Give questions back before their lease ends. Returns how many were the caller's to give."""
    given = session.execute(
        update(TaskRow)
        .where(
            TaskRow.project_id == project.id,
            TaskRow.id.in_(task_ids),
            TaskRow.holder == caller.key,
            TaskRow.open.is_(True),
        )
        .values(holder=None, lease_expires_at=None)
        .returning(TaskRow.id)
    )
    return len(given.all())


def settle(session: Session, item_ids: Sequence[int]) -> None:
    """Ask nobody any more about items that were decided elsewhere, unless somebody has them or is to answer blindly."""
    session.execute(
        update(TaskRow)
        .where(
            TaskRow.item_id.in_(item_ids),
            TaskRow.open.is_(True),
            TaskRow.reason.not_in([reason for reason in Reason if reason.blind]),
            or_(TaskRow.holder.is_(None), TaskRow.lease_expires_at < utc_now()),
        )
        .values(open=False)
    )


def _wait_for_own(session: Session, caller: Caller) -> None:
    """Let a caller who asks twice at once get the second answer after the first: no item twice for one person."""
    kind, _, number = caller.key.partition(":")
    if kind in _CALLERS:
        row = _CALLERS[kind]
        session.execute(select(row.id).where(row.id == int(number)).with_for_update(key_share=True))


def _leased(task: TaskRow, item: ItemRow, prediction: Prediction | None, expires_at: datetime) -> Leased:
    if prediction is not None:
        task.predicted_number = prediction.number
        task.predicted_category_id = prediction.category.id
        task.predicted_category_ids = [category.id for category in prediction.categories]
        task.predicted_confidence = prediction.confidence
    blind = task.reason.blind
    if task.reason is not Reason.REQUESTED or not task.explanation:  # who asked may have said why
        task.explanation = explain(task.reason, [] if prediction is None or blind else list(prediction.top))
    return Leased(task, item, None if blind else prediction, task.explanation, expires_at)


def _pick(runtime: Runtime, session: Session, project: ProjectRow, *, seed: int) -> list[_Picks]:
    pool = pool_of(runtime, session, project)
    if pool is None or not len(pool):
        return []
    settings = settings_of(project)
    free = askable(session, project, pool)
    reserved = is_reserved(project.salt, pool.item_ids, settings.audit_rate)
    count = _OPEN_TASKS
    audits = audit_order(project.salt, pool.item_ids[free & reserved])
    audits = audits[: max(1, round(count * settings.audit_rate))] if settings.audit_rate else audits[:0]
    rest = np.flatnonzero(free & ~reserved)
    chosen = _informative(runtime, session, project, pool, rest, count - len(audits), seed)
    blind = _Picks(Reason.AUDIT, audits.tolist(), [None] * len(audits), settings.audit_rate or None)
    rng = np.random.default_rng([project.id, seed, 2])
    looks = second_looks.choose(runtime, session, project, pool, round(count * settings.second_look_rate), rng)
    again = [_Picks(Reason.SECOND_LOOK, one.item_ids, one.scores, one.inclusion_probability) for one in looks]
    return [chosen, blind, *again]


def askable(session: Session, project: ProjectRow, pool: Pool) -> NDArray[np.bool_]:
    """Which items of the pool may be asked: not erased, not decided, not flagged or skipped, not asked now."""
    out = np.fromiter(session.scalars(union(_settled(project.id), standing(project.id))), np.int64)
    return (pool.item_ids > 0) & ~np.isin(pool.item_ids, out)


def _settled(project_id: int) -> Select[int]:
    """The items that are not to be asked any more: decided or flagged, or skipped and that not taken back."""
    decided = select(ItemRow.id).where(ItemRow.project_id == project_id, ItemRow.state.in_(SETTLED))
    undone = select(DecisionRow.supersedes_id).where(
        DecisionRow.project_id == project_id, DecisionRow.action == Action.UNDO
    )
    skipped = select(DecisionRow.item_id).where(
        DecisionRow.project_id == project_id, DecisionRow.action == Action.SKIP, DecisionRow.id.not_in(undone)
    )
    return select(union(decided, skipped).subquery().c.id)


def _unsettled() -> ColumnElement[bool]:
    """The opposite for an item, looked up for it alone: quick where there are few, however many are settled."""
    undoing = aliased(DecisionRow)
    skipped = exists().where(
        DecisionRow.item_id == ItemRow.id,
        DecisionRow.action == Action.SKIP,
        ~exists().where(undoing.supersedes_id == DecisionRow.id),
    )
    return and_(ItemRow.state == ItemState.UNDECIDED, ~skipped)


def _informative(
    runtime: Runtime,
    session: Session,
    project: ProjectRow,
    pool: Pool,
    places: NDArray[np.intp],
    count: int,
    seed: int,
) -> _Picks:
    rng = np.random.default_rng([project.id, seed])
    if len(places) > MOST_CANDIDATES:
        places = np.sort(rng.choice(places, MOST_CANDIDATES, replace=False))
    vectors = pool.vectors[places].astype(np.float32)
    try:
        served = runtime.heads.get(session, project)
        inputs = vectors if served.features is None else Inputs(pool, session, served.features).rows(places)
        shares, columns = probabilities(served, inputs, categories_of(session, project.id, archived=False))
        start = served.number == 0
        if project.task is TaskKind.MULTI and not start:
            shares = _as_rivals(served, shares, columns.ids)
    except (TooFewCategories, NoVersion):  # nothing can answer yet: what is typical is still worth asking
        start, shares = True, np.ones((len(places), 1), np.float32)
    seen = _decided_vectors(session, project, pool)
    known = np.full((len(seen), shares.shape[1]), 1 / shares.shape[1], np.float32)
    candidates = Candidates(
        np.concatenate([vectors, seen]),
        np.concatenate([shares, known]),
        np.arange(len(vectors) + len(seen)) >= len(vectors),
    )
    several = project.task is TaskKind.MULTI
    strategy = suited(len(seen), shares.shape[1], trained=not start, several=several)
    picks = strategy(candidates, min(count, len(places)), rng)
    return _Picks(
        Reason.DIVERSE if start else Reason.UNCERTAIN,
        pool.item_ids[places[picks.indices]].tolist(),
        [float(score) for score in picks.scores],
        None,
    )


def _as_rivals(served: Served, shares: NDArray[np.float32], ids: NDArray[np.int64]) -> NDArray[np.float32]:
    """Sets as strategies want to see them, shape (n, k): a row's margin is the confidence in its whole set."""
    sure = answer(served.head, shares, ids).confidence
    order = np.argsort(-shares, axis=1, kind="stable")
    rows = np.arange(len(shares))
    rivals = np.zeros_like(shares)
    rivals[rows, order[:, 0]] = 0.5 + sure / 2
    rivals[rows, order[:, 1]] = 0.5 - sure / 2
    return rivals


def _decided_vectors(session: Session, project: ProjectRow, pool: Pool) -> NDArray[np.float32]:
    decided = session.scalars(
        select(ItemRow.id)
        .where(ItemRow.project_id == project.id, ItemRow.state == ItemState.DECIDED)
        .order_by(ItemRow.decision_id.desc())
        .limit(_MOST_SEEN)
    ).all()
    return pool.rows(pool.places(np.asarray(decided, np.int64)))


def _rows(project_id: int, picks: Sequence[_Picks], people: int, *, seed: int) -> list[dict[str, object]]:
    """Task rows with the blind ones strewn among the rest by chance, so that nobody can tell where one comes.

    Args:
        people: how many are asked about each item; a second look is one person's.
    """
    rng = np.random.default_rng([project_id, seed, 1])
    queue: list[tuple[float, _Picks, int]] = []
    for pick in picks:
        gaps = 1.0 / max(len(pick.item_ids), 1)
        jitter = rng.random(len(pick.item_ids)) if pick.reason.blind else np.zeros(len(pick.item_ids))
        queue += [((place + float(jitter[place])) * gaps, pick, place) for place in range(len(pick.item_ids))]
    queue.sort(key=lambda entry: entry[0])
    now = utc_now()
    return [
        {
            "created_at": now,
            "project_id": project_id,
            "item_id": pick.item_ids[place],
            "reason": pick.reason,
            "slot": slot,
            "reviews": 1 if pick.reason is Reason.SECOND_LOOK else people,
            "open": True,
            "rank": FIRST_RANK + rank,
            "score": pick.scores[place],
            "inclusion_probability": pick.inclusion_probability,
            "explanation": "",
        }
        for rank, (_, pick, place) in enumerate(queue)
        for slot in range(1 if pick.reason is Reason.SECOND_LOOK else people)
    ]
