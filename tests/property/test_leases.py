"""Many hands at one queue: nothing is held by two, nothing is lost, nothing counts twice."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import func, select, update

from models.errors import AlreadyDecided, WinnowError
from models.runtime import Runtime
from models.steps import items, queue, requested, review
from models.steps.accounts import SYSTEM, Caller, create_user, user_caller
from models.steps.projects import NewCategory, create_project, find_project
from models.store.queries.decisions import names_of
from models.store.tables import DecisionRow, ItemRow, ProjectRow, TaskRow
from models.store.types import utc_now
from models.vocabulary import Action, ItemState, Role

PEOPLE = 4
QUESTIONS = 48


@pytest.fixture
def people(runtime: Runtime) -> list[Caller]:
    with runtime.database.transaction() as session:
        return [
            user_caller(
                create_user(
                    session, SYSTEM, username=f"person{number}", password="a long passphrase", role=Role.REVIEWER
                )
            )
            for number in range(PEOPLE)
        ]


@pytest.fixture
def asked(runtime: Runtime) -> ProjectRow:
    """A project whose every item is asked."""
    with runtime.database.transaction() as session:
        project = create_project(
            session,
            SYSTEM,
            name="Queue",
            categories=[NewCategory("Yes"), NewCategory("No")],
            settings={"retrain_every": 1_000_000},
        )
        stored = items.store(session, project.id, [items.NewItem(f"question {number}") for number in range(QUESTIONS)])
        requested.request(session, project.id, [one.item_id for one in stored])
        return project


class Hands:
    """Who holds what, as far as the people know who were given it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holder: dict[int, str] = {}
        self.clashes: list[tuple[int, str, str]] = []
        self.recorded: Counter[int] = Counter()

    def take(self, task_id: int, who: str) -> None:
        with self._lock:
            before = self._holder.get(task_id)
            if before not in {None, who}:
                self.clashes.append((task_id, str(before), who))
            self._holder[task_id] = who

    def give_up(self, task_id: int) -> None:
        with self._lock:
            self._holder.pop(task_id, None)

    def record(self, decision_id: int) -> None:
        with self._lock:
            self.recorded[decision_id] += 1


def reviewer(runtime: Runtime, slug: str, caller: Caller, hands: Hands, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(200):
        with runtime.database.transaction() as session:
            project = find_project(session, caller, slug)
            leased = queue.lease(runtime, session, caller, project, int(rng.integers(1, 6)))
        if not leased:
            return
        for one in leased:
            hands.take(one.task.id, caller.key)
        back = [one.task.id for one in leased if rng.random() < 0.25]
        for task_id in back:
            hands.give_up(task_id)  # before it is said to the database: from then on it may be another's
        with runtime.database.transaction() as session:
            queue.release(session, caller, find_project(session, caller, slug), back)
        for one in leased:
            if one.task.id in back:
                continue
            new = review.NewDecision(
                Action.CORRECT, task_id=one.task.id, categories=["Yes"], idempotency_key=f"nonce {one.task.id}"
            )
            for _ in range(int(rng.integers(1, 3))):  # the browser sends it again when it hears nothing
                with runtime.database.transaction() as session:
                    project = find_project(session, caller, slug)
                    decided = review.decide(session, caller, project, new, runtime.settings)
                hands.record(decided.row.id)


@pytest.mark.parametrize("seed", [1, 2])
def test_several_people_share_a_queue(runtime: Runtime, asked: ProjectRow, people: list[Caller], seed: int) -> None:
    hands = Hands()
    with ThreadPoolExecutor(PEOPLE) as pool:
        work = [
            pool.submit(reviewer, runtime, asked.slug, caller, hands, seed * 100 + place)
            for place, caller in enumerate(people)
        ]
    for one in work:
        one.result()
    assert hands.clashes == []
    with runtime.database.read() as session:
        per_item = session.execute(select(DecisionRow.item_id, func.count()).group_by(DecisionRow.item_id)).all()
        open_tasks = session.scalar(select(func.count()).where(TaskRow.open.is_(True)))
        undecided = session.scalar(select(func.count()).where(ItemRow.state != ItemState.DECIDED))
        decisions = set(session.scalars(select(DecisionRow.id)))
    assert len(per_item) == QUESTIONS
    assert all(count == 1 for _, count in per_item)
    assert (open_tasks, undecided) == (0, 0)
    assert set(hands.recorded) == decisions


def test_the_same_decision_sent_twice_at_once_counts_once(
    runtime: Runtime, asked: ProjectRow, people: list[Caller]
) -> None:
    caller = people[0]
    with runtime.database.transaction() as session:
        leased = queue.lease(runtime, session, caller, find_project(session, caller, asked.slug), 12)
    at_once = threading.Barrier(PEOPLE)

    def send(one: queue.Leased, place: int, *, by_item: bool) -> review.Decided:
        name = {"item_id": one.item.id} if by_item else {"task_id": one.task.id}
        new = review.NewDecision(Action.CORRECT, categories=["No"], idempotency_key=f"nonce {place}", **name)
        at_once.wait()
        with runtime.database.transaction() as session:
            return review.decide(session, caller, find_project(session, caller, asked.slug), new, runtime.settings)

    for place, one in enumerate(leased):
        with ThreadPoolExecutor(PEOPLE) as pool:
            sent = [pool.submit(send, one, place, by_item=place % 2 == 0) for _ in range(PEOPLE)]
        outcomes = [future.result() for future in sent]
        assert len({outcome.row.id for outcome in outcomes}) == 1
        assert sorted(outcome.repeated for outcome in outcomes) == [False, True, True, True]


def test_two_people_answer_one_question_at_once_and_one_of_them_is_told(
    runtime: Runtime, asked: ProjectRow, people: list[Caller]
) -> None:
    with runtime.database.transaction() as session:
        tasks = session.scalars(select(TaskRow.id).order_by(TaskRow.id).limit(8)).all()
    at_once = threading.Barrier(2)

    def send(task_id: int, caller: Caller) -> bool:
        at_once.wait()
        try:
            with runtime.database.transaction() as session:
                project = find_project(session, caller, asked.slug)
                new = review.NewDecision(Action.CORRECT, task_id=task_id, categories=["No"])
                review.decide(session, caller, project, new, runtime.settings)
        except AlreadyDecided:
            return False
        return True

    for task_id in tasks:
        with ThreadPoolExecutor(2) as pool:
            sent = [pool.submit(send, task_id, caller) for caller in people[:2]]
        assert sorted(future.result() for future in sent) == [False, True]


def test_an_expired_lease_is_handed_on_and_who_comes_late_is_told(
    runtime: Runtime, asked: ProjectRow, people: list[Caller]
) -> None:
    slow, quick = people[:2]
    with runtime.database.transaction() as session:
        held = queue.lease(runtime, session, slow, find_project(session, slow, asked.slug), QUESTIONS)
        assert len(held) == QUESTIONS
        assert queue.lease(runtime, session, quick, find_project(session, quick, asked.slug), 1) == []
        session.execute(update(TaskRow).values(lease_expires_at=utc_now() - timedelta(seconds=1)))
    with runtime.database.transaction() as session:
        again = queue.lease(runtime, session, quick, find_project(session, quick, asked.slug), 1)
    taken = again[0].task.id
    free = next(one.task.id for one in held if one.task.id != taken)

    def decide(caller: Caller, task_id: int) -> None:
        with runtime.database.transaction() as session:
            project = find_project(session, caller, asked.slug)
            new = review.NewDecision(Action.CORRECT, task_id=task_id, categories=["Yes"])
            review.decide(session, caller, project, new, runtime.settings)

    with pytest.raises(WinnowError) as told:
        decide(slow, taken)
    assert told.value.code == "lease-lost"
    decide(slow, free)  # late, but nobody else has it: the answer counts
    decide(quick, taken)


def test_one_key_for_two_decisions_is_refused(runtime: Runtime, asked: ProjectRow, people: list[Caller]) -> None:
    with runtime.database.transaction() as session:
        project = find_project(session, people[0], asked.slug)
        tasks = session.scalars(select(TaskRow.id).order_by(TaskRow.id).limit(2)).all()
        news = [
            review.NewDecision(Action.CORRECT, task_id=task_id, categories=["Yes"], idempotency_key="same")
            for task_id in tasks
        ]
        outcomes = review.decide_many(session, people[0], project, news, runtime.settings)
    assert isinstance(outcomes[0], review.Decided)
    assert isinstance(outcomes[1], WinnowError)
    assert outcomes[1].code == "idempotency-key-reused"


def several(runtime: Runtime, slug: str, caller: Caller, hands: Hands, seed: int) -> int:
    """One of several who answer each item, now Yes and now No. How many answers were given."""
    rng = np.random.default_rng(seed)
    given = 0
    while True:
        with runtime.database.transaction() as session:
            leased = queue.lease(runtime, session, caller, find_project(session, caller, slug), int(rng.integers(1, 6)))
        if not leased:
            return given
        assert len({one.item.id for one in leased}) == len(leased)
        for one in leased:
            hands.take(one.task.id, caller.key)
        for one in leased:
            if rng.random() < 0.2:
                hands.give_up(one.task.id)
                with runtime.database.transaction() as session:
                    queue.release(session, caller, find_project(session, caller, slug), [one.task.id])
                continue
            new = review.NewDecision(
                Action.CORRECT,
                task_id=one.task.id,
                categories=["Yes" if rng.random() < 0.8 else "No"],
                idempotency_key=f"nonce {one.task.id}",
            )
            for _ in range(int(rng.integers(1, 3))):
                with runtime.database.transaction() as session:
                    project = find_project(session, caller, slug)
                    decided = review.decide(session, caller, project, new, runtime.settings)
                hands.record(decided.row.id)
            given += 1


@pytest.mark.parametrize("wanted", [2, 3])
def test_each_item_is_answered_by_as_many_people_as_are_wanted(
    runtime: Runtime, people: list[Caller], wanted: int
) -> None:
    with runtime.database.transaction() as session:
        asked = create_project(
            session,
            SYSTEM,
            name="Several",
            categories=[NewCategory("Yes"), NewCategory("No")],
            settings={"retrain_every": 1_000_000, "reviews_per_item": wanted},
        )
        stored = items.store(session, asked.id, [items.NewItem(f"question {number}") for number in range(QUESTIONS)])
        requested.request(session, asked.id, [one.item_id for one in stored])
    hands = Hands()
    with ThreadPoolExecutor(PEOPLE) as pool:
        work = [
            pool.submit(several, runtime, asked.slug, caller, hands, wanted * 100 + place)
            for place, caller in enumerate(people)
        ]
    for one in work:
        one.result()
    # Who found the rest in other hands had stopped: somebody is always left who may answer it.
    while sum(several(runtime, asked.slug, caller, hands, 7) for caller in people):
        pass
    assert hands.clashes == []
    with runtime.database.read() as session:
        rows = session.scalars(select(DecisionRow)).all()
        said = names_of(session, [row.id for row in rows])
        open_tasks = session.scalar(select(func.count()).where(TaskRow.open.is_(True)))
        states = dict(session.execute(select(ItemRow.id, ItemRow.state)).tuples().all())
    assert open_tasks == 0
    assert set(hands.recorded) == {row.id for row in rows}
    for item_id, state in states.items():
        answers = [row for row in rows if row.item_id == item_id]
        assert len({row.actor for row in answers}) == len(answers) == wanted
        agreed = len({tuple(said[row.id]) for row in answers}) == 1
        assert state is (ItemState.DECIDED if agreed else ItemState.DISPUTED)
        assert sum(not row.partial for row in answers) == agreed


def test_who_asks_twice_at_once_gets_no_item_twice(runtime: Runtime, people: list[Caller]) -> None:
    caller = people[0]
    with runtime.database.transaction() as session:
        asked = create_project(session, SYSTEM, name="Twice", settings={"reviews_per_item": 2})
        stored = items.store(session, asked.id, [items.NewItem(f"question {number}") for number in range(20)])
        requested.request(session, asked.id, [one.item_id for one in stored])
    at_once = threading.Barrier(PEOPLE)

    def take() -> list[int]:
        at_once.wait()
        with runtime.database.transaction() as session:
            leased = queue.lease(runtime, session, caller, find_project(session, caller, asked.slug), 8)
            return [one.item.id for one in leased]

    with ThreadPoolExecutor(PEOPLE) as pool:
        held = [item_id for taken in [pool.submit(take) for _ in range(PEOPLE)] for item_id in taken.result()]
    assert len(held) == len(set(held)) == 20
