"""Several people answer one item: unseen by each other, settled by agreement, else by a manager."""

from collections.abc import Callable

import numpy as np
import pytest
from sqlalchemy import select

from models.errors import AlreadyDecided, Conflict, Forbidden, NotUndoable
from models.runtime import Runtime
from models.steps import disputes, queue, review
from models.steps.accounts import Caller, create_user, user_caller
from models.steps.decisions import since_last_version
from models.steps.items import NewItem
from models.steps.projects import NewCategory, create_project, find_project, update_project
from models.store.queries.decisions import decisions_page, labels_as_of
from models.store.queries.history import history_of
from models.store.tables import DecisionRow, ItemRow, ProjectRow, TaskRow
from models.vocabulary import Action, ItemState, Reason, Role
from tests.integration.conftest import EVEN_RESERVE, Drain, put, texts

BOSS = Caller("system", "system", Role.ADMIN)


class Room:
    """People before one project."""

    def __init__(self, runtime: Runtime, slug: str) -> None:
        self.runtime, self.slug = runtime, slug

    def lease(self, caller: Caller, count: int = 50) -> dict[int, queue.Leased]:
        with self.runtime.database.transaction() as session:
            leased = queue.lease(self.runtime, session, caller, find_project(session, caller, self.slug), count)
        assert len({one.item.id for one in leased}) == len(leased)
        return {one.item.id: one for one in leased}

    def give_back(self, caller: Caller) -> None:
        with self.runtime.database.transaction() as session:
            held = session.scalars(select(TaskRow.id).where(TaskRow.holder == caller.key)).all()
            queue.release(session, caller, find_project(session, caller, self.slug), held)

    def say(self, caller: Caller, name: str | None, *, action: Action = Action.CORRECT, **about: int) -> int:
        with self.runtime.database.transaction() as session:
            new = review.NewDecision(action, categories=[name] if name else [], **about)
            project = find_project(session, caller, self.slug)
            return review.decide(session, caller, project, new, self.runtime.settings).row.id

    def answer(self, caller: Caller, item_id: int, name: str | None, *, action: Action = Action.CORRECT) -> int:
        """By the card of that item; what else was handed out goes back."""
        task_id = self.lease(caller)[item_id].task.id
        made = self.say(caller, name, action=action, task_id=task_id)
        self.give_back(caller)
        return made

    def undo(self, caller: Caller, decision_id: int) -> None:
        """Take it back; the question, which is the caller's again, too."""
        with self.runtime.database.transaction() as session:
            project = find_project(session, caller, self.slug)
            review.undo(session, caller, project, decision_id, self.runtime.settings)
        self.give_back(caller)

    def settle(self, caller: Caller, item_id: int, name: str) -> DecisionRow:
        with self.runtime.database.transaction() as session:
            project = find_project(session, caller, self.slug)
            return disputes.settle(session, caller, project, item_id, [name], self.runtime.settings).row

    def state(self, item_id: int) -> ItemState:
        with self.runtime.database.read() as session:
            return session.get_one(ItemRow, item_id).state

    def labelled(self) -> dict[int, int]:
        with self.runtime.database.read() as session:
            labels = labels_as_of(session, find_project(session, BOSS, self.slug).id)
            return dict(zip(labels.item.tolist(), labels.category.tolist(), strict=True))

    def seen(self, caller: Caller, item_id: int) -> set[str]:
        """Whose answers about an item a caller may see, in its history and in the list of decisions."""
        with self.runtime.database.read() as session:
            project = find_project(session, caller, self.slug)
            history = {row.actor_name for row in history_of(session, item_id, caller.key)}
            page = decisions_page(session, project.id, after=None, limit=100, viewer=caller.key).rows
            assert history == {row.actor_name for row in page if row.item_id == item_id}
            return history

    def listed(self, state: ItemState = ItemState.DISPUTED) -> list[disputes.Dispute]:
        with self.runtime.database.read() as session:
            project = find_project(session, BOSS, self.slug)
            return disputes.waiting(self.runtime, session, project, state)[0]


@pytest.fixture
def person(runtime: Runtime) -> Callable[[str], Caller]:
    def make(name: str) -> Caller:
        with runtime.database.transaction() as session:
            return user_caller(
                create_user(session, BOSS, username=name, password="a long passphrase", role=Role.REVIEWER)
            )

    return make


@pytest.fixture
def people(person: Callable[[str], Caller]) -> list[Caller]:
    return [person(name) for name in ("bea", "cal", "dan")]


@pytest.fixture
def pair(runtime: Runtime, ann: Caller, drain: Drain) -> Room:
    """A project that asks two people about each of its twelve items, and audits none."""
    return room(runtime, ann, drain, reviews_per_item=2, audit_rate=0.0)


def room(runtime: Runtime, ann: Caller, drain: Drain, **settings: object) -> Room:
    with runtime.database.transaction() as session:
        project = create_project(
            session,
            ann,
            name="Several",
            categories=[NewCategory("Billing"), NewCategory("Login"), NewCategory("Shipping")],
            settings={"retrain_every": 1_000, "second_look_rate": 0.0, **settings},
        )
        project.salt = EVEN_RESERVE
    put(runtime, ann, project, [NewItem(text) for text, _ in texts(12)])
    drain()
    return Room(runtime, project.slug)


def an_item(made: Room, caller: Caller) -> int:
    item_id = next(iter(made.lease(caller)))
    made.give_back(caller)
    return item_id


def test_an_item_is_asked_until_two_people_agree(pair: Room, people: list[Caller]) -> None:
    bea, cal, dan = people
    item = an_item(pair, bea)
    pair.answer(bea, item, "Billing")
    assert pair.state(item) is ItemState.UNDECIDED
    assert item not in pair.labelled()
    assert item not in pair.lease(bea)
    pair.give_back(bea)
    pair.answer(cal, item, "Billing")
    assert pair.state(item) is ItemState.DECIDED
    assert item in pair.labelled()
    assert item not in pair.lease(dan)


def test_both_slots_may_be_in_hand_at_once_and_never_with_one_person(pair: Room, people: list[Caller]) -> None:
    bea, cal, dan = people
    first, second = pair.lease(bea), pair.lease(cal)
    assert len(first) == len(second) == 12
    assert first.keys() == second.keys()
    assert not {one.task.id for one in first.values()} & {one.task.id for one in second.values()}
    assert pair.lease(dan) == {}
    assert pair.lease(bea) == {}


def test_nobody_sees_an_answer_before_all_have_given_theirs(pair: Room, ann: Caller, people: list[Caller]) -> None:
    bea, cal, _ = people
    item = an_item(pair, bea)
    pair.answer(bea, item, "Billing")
    assert pair.seen(bea, item) == {"bea"}
    assert pair.seen(cal, item) == set()
    assert pair.seen(ann, item) == set()
    pair.answer(cal, item, "Login")
    assert pair.seen(bea, item) == pair.seen(ann, item) == {"bea", "cal"}


def test_a_conflict_waits_for_a_manager_and_is_not_learnt_from(pair: Room, ann: Caller, people: list[Caller]) -> None:
    bea, cal, dan = people
    item = an_item(pair, bea)
    pair.answer(bea, item, "Billing")
    pair.answer(cal, item, "Login")
    assert pair.state(item) is ItemState.DISPUTED
    assert item not in pair.labelled()
    assert item not in pair.lease(dan)
    (found,) = pair.listed()
    assert found.item.id == item
    assert [(one.row.actor_name, one.categories) for one in found.answers] == [("bea", ["Billing"]), ("cal", ["Login"])]
    assert found.most is None
    assert found.prediction is not None
    assert not found.blind
    with pytest.raises(Forbidden):
        pair.say(bea, "Billing", item_id=item)
    settled = pair.settle(ann, item, "Login")
    assert pair.state(item) is ItemState.DECIDED
    assert item in pair.labelled()
    assert pair.listed() == []
    with pytest.raises(Conflict):
        pair.settle(ann, item, "Billing")
    pair.undo(ann, settled.id)
    assert pair.state(item) is ItemState.DISPUTED
    assert item not in pair.labelled()


def test_an_answer_may_be_taken_back_while_others_are_waited_for(pair: Room, people: list[Caller]) -> None:
    bea, cal, _ = people
    item = an_item(pair, bea)
    first = pair.answer(bea, item, "Billing")
    pair.undo(bea, first)
    again = pair.answer(bea, item, "Login")
    last = pair.answer(cal, item, "Login")
    assert pair.state(item) is ItemState.DECIDED
    with pytest.raises(NotUndoable):
        pair.undo(bea, again)
    pair.undo(cal, last)
    assert pair.state(item) is ItemState.UNDECIDED
    assert item not in pair.labelled()
    pair.answer(cal, item, "Billing")
    assert pair.state(item) is ItemState.DISPUTED


def test_nobody_answers_twice(pair: Room, people: list[Caller]) -> None:
    bea, cal, _ = people
    item = an_item(pair, bea)
    pair.answer(bea, item, "Billing")
    other = pair.lease(cal)[item].task.id
    pair.give_back(cal)
    with pytest.raises(AlreadyDecided):
        pair.say(bea, "Billing", task_id=other)
    pair.say(bea, "Login", item_id=item)  # bea thinks better of it: still one answer
    assert pair.state(item) is ItemState.UNDECIDED
    pair.answer(cal, item, "Login")
    assert pair.state(item) is ItemState.DECIDED


def test_an_answer_by_looking_the_item_up_is_one_of_them(pair: Room, people: list[Caller], drain: Drain) -> None:
    bea, cal, _ = people
    item = an_item(pair, bea)
    pair.say(bea, "Billing", item_id=item)
    assert pair.state(item) is ItemState.UNDECIDED
    drain()
    assert item not in pair.lease(bea)
    pair.answer(cal, item, "Billing")
    assert pair.state(item) is ItemState.DECIDED
    with pair.runtime.database.transaction() as session:  # nobody has been asked about these yet
        for task in session.scalars(select(TaskRow)):
            task.open = False
        unasked = session.scalars(select(ItemRow.id).where(ItemRow.state == ItemState.UNDECIDED)).first()
    assert unasked is not None
    pair.say(bea, "Login", item_id=unasked)
    assert pair.lease(bea) == {}
    leased = pair.lease(cal)
    assert "another answer is wanted" in leased[unasked].explanation


def test_who_skips_leaves_it_to_others_until_as_many_have(pair: Room, people: list[Caller], drain: Drain) -> None:
    bea, cal, dan = people
    item = an_item(pair, bea)
    pair.answer(bea, item, None, action=Action.SKIP)
    assert item not in pair.lease(bea)
    pair.give_back(bea)
    drain()
    pair.answer(cal, item, "Billing")
    assert pair.state(item) is ItemState.UNDECIDED
    pair.answer(dan, item, None, action=Action.SKIP)
    assert pair.state(item) is ItemState.DISPUTED  # one answer, and nobody else who would give one


def test_a_flag_stops_the_asking(pair: Room, ann: Caller, people: list[Caller]) -> None:
    bea, cal, dan = people
    item = an_item(pair, bea)
    pair.answer(bea, item, "Billing")
    flag = pair.answer(cal, item, None, action=Action.FLAG)
    assert pair.state(item) is ItemState.FLAGGED
    (found,) = pair.listed(ItemState.FLAGGED)
    assert [one.row.action for one in found.answers] == [Action.FLAG]
    with pytest.raises(Forbidden):
        pair.say(bea, "Billing", item_id=item)
    pair.undo(cal, flag)
    assert pair.state(item) is ItemState.UNDECIDED
    pair.answer(cal, item, None, action=Action.FLAG)
    pair.settle(ann, item, "Shipping")
    assert pair.state(item) is ItemState.DECIDED
    other = an_item(pair, dan)
    pair.answer(dan, other, None, action=Action.FLAG)
    with pytest.raises(Forbidden):
        pair.say(bea, "Billing", item_id=other)
    pair.settle(ann, other, "Shipping")  # the other question about it is open still, and is withdrawn
    assert pair.state(other) is ItemState.DECIDED
    assert other not in pair.lease(bea)


def test_what_is_begun_stays_when_the_queue_is_filled_anew(pair: Room, people: list[Caller], drain: Drain) -> None:
    bea, cal, _ = people
    item = an_item(pair, bea)
    pair.answer(bea, item, "Billing")
    drain()
    with pair.runtime.database.read() as session:
        left = session.scalars(select(TaskRow).where(TaskRow.item_id == item, TaskRow.open.is_(True))).all()
    assert len(left) == 1
    pair.answer(cal, item, "Billing")
    assert pair.state(item) is ItemState.DECIDED


def test_audits_are_answered_by_several_and_a_dispute_stays_an_audit(
    runtime: Runtime, ann: Caller, people: list[Caller], drain: Drain
) -> None:
    bea, cal, dan = people
    made = room(runtime, ann, drain, reviews_per_item=3, audit_rate=0.5)
    audits = [item for item, one in made.lease(bea).items() if one.task.reason is Reason.AUDIT]
    made.give_back(bea)
    agreed, disputed = audits[:2]
    for caller, name in ((bea, "Billing"), (cal, "Billing"), (dan, "Login")):
        made.answer(caller, agreed, "Billing")
        made.answer(caller, disputed, name)
    with runtime.database.read() as session:
        labels = labels_as_of(session, find_project(session, ann, made.slug).id)
        assert labels.item[labels.audit].tolist() == [agreed]
    (found,) = made.listed()
    assert found.blind
    assert found.prediction is None  # the machine's view must not sway what it is measured on
    assert found.most == ["Billing"]
    row = made.settle(ann, disputed, "Billing")
    assert (row.reason, row.blind, row.task_id) == (Reason.AUDIT, True, None)
    assert row.inclusion_probability == pytest.approx(0.5)
    assert row.predicted_number is not None
    with runtime.database.read() as session:
        labels = labels_as_of(session, find_project(session, ann, made.slug).id)
        assert np.sort(labels.item[labels.audit]).tolist() == sorted([agreed, disputed])


def test_one_second_look_does_not_overrule_two_people(
    runtime: Runtime, pair: Room, ann: Caller, people: list[Caller]
) -> None:
    bea, cal, dan = people
    item = an_item(pair, bea)
    for caller in (bea, cal):
        pair.answer(caller, item, "Billing")
    with runtime.database.transaction() as session:
        project = find_project(session, ann, pair.slug)
        task = TaskRow(project_id=project.id, item_id=item, reason=Reason.SECOND_LOOK, rank=1)
        session.add(task)
        session.flush()
    look = pair.say(dan, "Login", task_id=task.id)
    assert pair.state(item) is ItemState.DISPUTED
    assert item not in pair.labelled()
    pair.undo(dan, look)
    assert pair.state(item) is ItemState.DECIDED
    assert item in pair.labelled()
    pair.say(dan, "Billing", task_id=task.id)
    assert pair.state(item) is ItemState.DECIDED


def test_only_settled_items_count_towards_the_next_version(
    runtime: Runtime, ann: Caller, people: list[Caller], drain: Drain
) -> None:
    made = room(runtime, ann, drain, reviews_per_item=2, audit_rate=0.0, retrain_every=4)
    bea, cal, _ = people

    def counted() -> int:
        with runtime.database.read() as session:
            return since_last_version(session, find_project(session, ann, made.slug).id)

    items = list(made.lease(bea))[:2]
    made.give_back(bea)
    for item in items:
        made.answer(bea, item, "Billing")
    assert counted() == 0
    made.answer(cal, items[0], "Billing")
    made.answer(cal, items[1], "Login")
    assert counted() == 1


def test_another_number_of_people_holds_for_what_is_asked_next(
    runtime: Runtime, pair: Room, ann: Caller, people: list[Caller], drain: Drain
) -> None:
    bea, cal, _ = people
    begun = an_item(pair, bea)
    pair.answer(bea, begun, "Billing")
    with runtime.database.transaction() as session:
        project: ProjectRow = find_project(session, ann, pair.slug)
        update_project(session, ann, project, settings={"reviews_per_item": 1})
    drain()
    other = next(item for item in pair.lease(cal) if item != begun)
    pair.give_back(cal)
    pair.answer(cal, other, "Login")
    assert pair.state(other) is ItemState.DECIDED
    assert pair.state(begun) is ItemState.UNDECIDED
    pair.answer(cal, begun, "Billing")
    assert pair.state(begun) is ItemState.DECIDED
