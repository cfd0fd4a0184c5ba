"""Agreement counts only answers that nobody's earlier answer could lean on."""

import pytest
from sqlalchemy import select

from models.runtime import Runtime
from models.steps import agreement, review
from models.steps.accounts import Caller, create_user, user_caller
from models.steps.projects import create_project, find_project
from models.store.tables import ItemRow, ProjectRow, TaskRow
from models.vocabulary import Action, Reason, Role

NAMES = ("Billing", "Login", "Shipping")


@pytest.fixture
def bob(runtime: Runtime) -> Caller:
    with runtime.database.transaction() as session:
        boss = Caller("system", "system", Role.ADMIN)
        return user_caller(create_user(session, boss, username="bob", password="a long passphrase", role=Role.REVIEWER))


class Desk:
    """People deciding items by their number."""

    def __init__(self, runtime: Runtime, project: ProjectRow) -> None:
        self.runtime, self.slug = runtime, project.slug

    def decide(self, caller: Caller, place: int, name: str, *, again: bool = False, chance: float | None = None) -> int:
        """Directly, or (`again`) as a second look that was drawn with that chance."""
        with self.runtime.database.transaction() as session:
            project = find_project(session, caller, self.slug)
            items = session.scalars(select(ItemRow).where(ItemRow.project_id == project.id).order_by(ItemRow.id)).all()
            new = review.NewDecision(Action.CORRECT, item_id=items[place].id, categories=[name])
            if again:
                task = TaskRow(
                    project_id=project.id,
                    item_id=items[place].id,
                    reason=Reason.SECOND_LOOK,
                    rank=1,
                    inclusion_probability=chance,
                )
                session.add(task)
                session.flush()
                new = review.NewDecision(Action.CORRECT, task_id=task.id, categories=[name])
            return review.decide(session, caller, project, new, self.runtime.settings).row.id

    def undo(self, caller: Caller, decision_id: int) -> None:
        with self.runtime.database.transaction() as session:
            project = find_project(session, caller, self.slug)
            review.undo(session, caller, project, decision_id, self.runtime.settings)

    def agreed(self, caller: Caller) -> agreement.Agreed:
        with self.runtime.database.read() as session:
            return agreement.agreed(session, find_project(session, caller, self.slug))


@pytest.fixture
def desk(runtime: Runtime, filled: ProjectRow) -> Desk:
    with runtime.database.transaction() as session:  # open tasks would stand in the way of second looks made here
        for task in session.scalars(select(TaskRow)):
            task.open = False
    return Desk(runtime, filled)


def test_between_two_reviewers(desk: Desk, ann: Caller, bob: Caller) -> None:
    for place in range(12):
        desk.decide(ann, place, NAMES[place % 3])
        desk.decide(bob, place, NAMES[place % 3 if place < 10 else (place + 1) % 3], again=True, chance=0.1)
    between = desk.agreed(ann).between
    assert (between.items, between.answers, between.same) == (12, 24, 10)
    assert between.alpha == pytest.approx(
        1 - (4 / 24) / ((24**2 - sum(n * n for n in (9, 7, 8))) / (24 * 23)), abs=0.02
    )
    assert between.low < between.alpha < between.high


def test_an_answer_given_in_sight_of_another_does_not_count(desk: Desk, ann: Caller, bob: Caller) -> None:
    desk.decide(ann, 0, "Billing")
    desk.decide(bob, 0, "Billing")
    assert desk.agreed(ann).between.items == 0


def test_a_second_look_at_what_is_likely_wrong_does_not_count_between_reviewers(
    desk: Desk, ann: Caller, bob: Caller
) -> None:
    for place in range(4):
        desk.decide(ann, place, "Billing")
        desk.decide(bob, place, "Billing" if place else "Login", again=True, chance=0.1 if place else None)
    found = desk.agreed(ann)
    assert (found.between.items, found.between.same) == (3, 3)
    [of_bob] = found.reviewers
    assert (of_bob.suspected.repeats, of_bob.with_others.repeats) == (1, 3)


def test_what_was_taken_back_does_not_count(desk: Desk, ann: Caller, bob: Caller) -> None:
    desk.decide(ann, 0, "Billing")
    second = desk.decide(bob, 0, "Login", again=True, chance=0.1)
    assert desk.agreed(ann).between.items == 1
    desk.undo(bob, second)
    found = desk.agreed(ann)
    assert found.between.items == 0
    assert found.reviewers == []


def test_each_reviewer_with_blind_repeats(desk: Desk, ann: Caller, bob: Caller) -> None:
    for place in range(6):
        desk.decide(ann, place, "Billing")
    desk.decide(ann, 0, "Billing", again=True, chance=0.1)
    desk.decide(ann, 1, "Login", again=True, chance=0.1)
    desk.decide(ann, 2, "Login", again=True)
    desk.decide(bob, 3, "Billing", again=True, chance=0.1)
    of_ann, of_bob = desk.agreed(ann).reviewers
    assert (of_ann.name, of_bob.name) == ("ann", "bob")
    assert (of_ann.with_self.repeats, of_ann.with_self.same, of_ann.with_self.share) == (2, 1, 0.5)
    assert 0 < of_ann.with_self.low < 0.5 < of_ann.with_self.high < 1
    assert (of_ann.with_others.repeats, of_ann.with_others.share) == (0, None)
    assert (of_ann.suspected.repeats, of_ann.suspected.same) == (1, 0)
    assert (of_bob.with_others.repeats, of_bob.with_others.same, of_bob.with_self.repeats) == (1, 1, 0)
    assert of_bob.with_others.low == pytest.approx(0.025)


def test_another_projects_answers_are_not_mixed_in(desk: Desk, ann: Caller, bob: Caller, runtime: Runtime) -> None:
    desk.decide(ann, 0, "Billing")
    desk.decide(bob, 0, "Billing", again=True, chance=0.5)
    with runtime.database.transaction() as session:
        other = create_project(session, ann, name="Another")
        found = agreement.agreed(session, other)
    assert (found.between.items, found.reviewers) == (0, [])
