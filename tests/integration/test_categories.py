"""Categories are renamed, merged and split: what it means is said first, nothing is lost, and it can be taken back."""

from typing import Any

import numpy as np
import pytest
from sqlalchemy import func, select

from models.errors import AlreadyThere, BadReference, Conflict
from models.runtime import Runtime
from models.steps import categories, guidelines, monitor, queue, review, suspension
from models.steps.accounts import Caller
from models.steps.categories import Wanted
from models.steps.decisions import resolve
from models.steps.effects import Effect
from models.steps.predictions import predict_items
from models.steps.projects import delete_category, find_project, update_category
from models.store.queries.decisions import decisions_page, labels_as_of, names_of
from models.store.queries.projects import categories_of
from models.store.tables import CategoryChangeRow, CategoryRow, DecisionRow, ItemRow, ProjectRow, TaskRow, VersionRow
from models.vocabulary import Action, ItemState, Reason, Surgery
from tests.integration.conftest import Drain, texts

TRUTH = dict(texts(120))


class Desk:
    """A manager before the project of the tests."""

    def __init__(self, runtime: Runtime, caller: Caller, slug: str) -> None:
        self.runtime, self.caller, self.slug = runtime, caller, slug

    def category(self, name: str) -> CategoryRow:
        with self.runtime.database.read() as session:
            project = find_project(session, self.caller, self.slug)
            return next(one for one in categories_of(session, project.id) if one.name == name)

    def decide(self, count: int) -> None:
        """The first items, rightly."""
        with self.runtime.database.transaction() as session:
            project = find_project(session, self.caller, self.slug)
            for item in session.scalars(select(ItemRow).order_by(ItemRow.id).limit(count)):
                new = review.NewDecision(Action.CORRECT, item_id=item.id, categories=[TRUTH[item.text]])
                review.decide(session, self.caller, project, new, self.runtime.settings)

    def look(self, name: str, kind: Surgery, /, **given: Any) -> Effect:
        with self.runtime.database.read() as session:
            project = find_project(session, self.caller, self.slug)
            return categories.preview(session, project, self.category(name).id, wanted(kind, **given))

    def change(self, name: str, kind: Surgery, /, **given: Any) -> tuple[CategoryChangeRow, Effect]:
        with self.runtime.database.transaction() as session:
            project = find_project(session, self.caller, self.slug)
            made, effect = categories.change(
                self.runtime, session, self.caller, project, self.category(name).id, wanted(kind, **given)
            )
        assert made is not None
        return made, effect

    def take_back(self, change_id: int) -> None:
        with self.runtime.database.transaction() as session:
            project = find_project(session, self.caller, self.slug)
            categories.take_back(session, self.caller, project, change_id)

    def counts(self) -> dict[str, int]:
        """Items by category, as labels, as statistics and as the list of decisions have them."""
        with self.runtime.database.read() as session:
            project = find_project(session, self.caller, self.slug)
            labels = labels_as_of(session, project.id)
            names = {row.id: row.name for row in categories_of(session, project.id)}
            by_label = {names[one]: int((labels.category == one).sum()) for one in np.unique(labels.category).tolist()}
            decided = session.scalars(select(ItemRow.decision_id).where(ItemRow.state == ItemState.DECIDED)).all()
            said = names_of(session, [one for one in decided if one is not None])
            assert by_label == monitor.stats(self.runtime, session, project)["decisions"]["by_category"]
            for name, count in by_label.items():
                assert sum(given == [name] for given in said.values()) == count
            return by_label


def wanted(kind: Surgery, /, **given: Any) -> Wanted:
    return Wanted(kind, given) if kind is Surgery.EDIT else Wanted(kind, {}, **given)


@pytest.fixture
def desk(runtime: Runtime, ann: Caller, filled: ProjectRow, drain: Drain) -> Desk:
    made = Desk(runtime, ann, filled.slug)
    made.decide(60)
    drain()
    return made


def items_of(runtime: Runtime, name: str, count: int = 120) -> list[int]:
    with runtime.database.read() as session:
        rows = session.scalars(select(ItemRow).order_by(ItemRow.id).limit(count)).all()
    return [row.id for row in rows if TRUTH[row.text] == name]


def test_to_look_changes_nothing(runtime: Runtime, desk: Desk) -> None:
    before = desk.counts()
    effect = desk.look("Login", Surgery.MERGE, into_id=desk.category("Billing").id)
    assert (effect.decisions, effect.moved, effect.trains) == (20, 20, True)
    assert effect.versions
    assert any("20 decisions for Login count for Billing, which has 20" in one for one in effect.says)
    effect = desk.look("Login", Surgery.SPLIT, name="Passwords", item_ids=items_of(runtime, "Login")[:4], ask=10)
    assert (effect.decisions, effect.moved, effect.asked) == (20, 4, 10)
    effect = desk.look("Login", Surgery.EDIT, name="Access", archived=True)
    assert any("is called Access" in one for one in effect.says)
    assert any("20 decisions stay as they are and are not learnt from" in one for one in effect.says)
    assert desk.counts() == before
    with runtime.database.read() as session:
        assert session.scalar(select(func.count()).select_from(CategoryChangeRow)) == 0


def test_a_merger_counts_everywhere_and_is_taken_back(runtime: Runtime, desk: Desk, drain: Drain) -> None:
    assert desk.counts() == {"Billing": 20, "Login": 20, "Shipping": 20}
    into = desk.category("Billing").id
    made, _ = desk.change("Login", Surgery.MERGE, into_id=into)
    assert desk.counts() == {"Billing": 40, "Shipping": 20}
    login = items_of(runtime, "Login")[20:]
    with runtime.database.read() as session:
        project = find_project(session, desk.caller, desk.slug)
        # The version was trained on three categories; from now on its Login is Billing, in every answer.
        undecided = session.scalars(select(ItemRow).where(ItemRow.id.in_(login))).all()
        said = predict_items(runtime, session, project, undecided)
        assert said
        assert all(one.number > 0 for one in said.values())
        assert {one.category.name for one in said.values()} == {"Billing"}
        assert all(sum(share for _, share in one.top) == pytest.approx(1, abs=1e-4) for one in said.values())
        assert resolve(session, project, ["login"]) == [into]  # programs go on with the old name
        page = decisions_page(session, project.id, after=None, limit=500, viewer="nobody", category_id=into)
        assert len(page.rows) == 40
    drain()
    with runtime.database.read() as session:
        newest = session.scalar(select(VersionRow).order_by(VersionRow.number.desc()).limit(1))
        assert newest is not None
        assert newest.trained_categories == 2
    with pytest.raises(Conflict, match="merged"):
        desk.change("Login", Surgery.EDIT, name="Access")
    desk.take_back(made.id)
    assert desk.counts() == {"Billing": 20, "Login": 20, "Shipping": 20}
    assert not desk.category("Login").archived
    with pytest.raises(Conflict, match="taken back before"):
        desk.take_back(made.id)


def test_mergers_follow_one_another_and_children_move(desk: Desk, runtime: Runtime) -> None:
    with runtime.database.transaction() as session:
        project = find_project(session, desk.caller, desk.slug)
        below = {"parent_id": desk.category("Login").id}
        update_category(session, desk.caller, project, desk.category("Shipping").id, below)
    first, _ = desk.change("Login", Surgery.MERGE, into_id=desk.category("Billing").id)
    assert desk.category("Shipping").parent_id == desk.category("Billing").id
    with pytest.raises(Conflict, match="two categories"):
        desk.change("Billing", Surgery.MERGE, into_id=desk.category("Shipping").id)
    desk.take_back(first.id)
    assert desk.category("Shipping").parent_id == desk.category("Login").id
    second, _ = desk.change("Login", Surgery.MERGE, into_id=desk.category("Shipping").id)  # its own child
    assert desk.category("Shipping").parent_id is None
    desk.take_back(second.id)
    assert desk.category("Shipping").parent_id == desk.category("Login").id


def test_a_split_moves_what_was_picked_and_asks_about_the_rest(runtime: Runtime, desk: Desk, drain: Drain) -> None:
    resets = [one for one in items_of(runtime, "Login", 60) if "password" in text_of(runtime, one)]
    made, effect = desk.change(
        "Login", Surgery.SPLIT, name="Passwords", description="lost and reset passwords", item_ids=resets[:4], ask=6
    )
    assert effect.asked == 6
    assert desk.counts() == {"Billing": 20, "Login": 16, "Passwords": 4, "Shipping": 20}
    drain()
    with runtime.database.transaction() as session:
        project = find_project(session, desk.caller, desk.slug)
        leased = queue.lease(runtime, session, desk.caller, project, 6)
    asked = [one.item.id for one in leased]
    assert set(asked) == set(resets[4:10]) if len(resets) >= 10 else set(resets[4:]) <= set(asked)
    assert {one.explanation for one in leased} == {"Asked because Login was split: it is Login or Passwords."}
    with runtime.database.transaction() as session:
        project = find_project(session, desk.caller, desk.slug)
        new = review.NewDecision(Action.CORRECT, task_id=leased[0].task.id, categories=["Passwords"])
        review.decide(session, desk.caller, project, new, runtime.settings)
        queue.release(session, desk.caller, project, [one.task.id for one in leased])
    assert desk.counts()["Passwords"] == 5
    desk.take_back(made.id)
    assert desk.counts() == {"Billing": 20, "Login": 20, "Shipping": 20}
    with runtime.database.read() as session:
        left = session.scalars(select(TaskRow).where(TaskRow.item_id.in_(asked), TaskRow.open.is_(True))).all()
    assert left == []


def test_a_split_keeps_audits_and_suspends_automation(runtime: Runtime, desk: Desk) -> None:
    login = items_of(runtime, "Login", 60)
    with runtime.database.transaction() as session:
        audited = session.get_one(DecisionRow, session.get_one(ItemRow, login[0]).decision_id)
        audited.reason, audited.blind, audited.inclusion_probability = Reason.AUDIT, True, 0.1
        project = find_project(session, desk.caller, desk.slug)
        version = session.scalar(select(VersionRow).where(VersionRow.number == project.serving_number))
        assert version is not None
        version.automation = {"threshold": 0.5, "target": 0.95, "share": 0.5}
        assert suspension.suspended_now(session, project) is None
        confirmed = session.get_one(DecisionRow, session.get_one(ItemRow, login[2]).decision_id)
        confirmed.reason, confirmed.blind, confirmed.inclusion_probability = Reason.AUDIT, True, 0.2
        again = review.NewDecision(Action.CORRECT, item_id=login[2], categories=["Login"])  # an audit all the same
        review.decide(session, desk.caller, project, again, runtime.settings)
    made, effect = desk.change("Login", Surgery.SPLIT, name="Passwords", item_ids=login[:3])
    assert effect.threshold == 0.5
    assert any("automation is suspended" in one for one in effect.says)
    with runtime.database.read() as session:
        project = find_project(session, desk.caller, desk.slug)
        labels = labels_as_of(session, project.id)
        assert labels.audit[labels.item == login[0]].all()
        assert not labels.audit[labels.item == login[1]].any()
        blindly = labels_as_of(session, project.id, audited=True, blindly=True)
        assert blindly.category[np.isin(blindly.item, login[:3])].tolist() == [desk.category("Passwords").id] * 2
        assert (
            session.get_one(DecisionRow, int(blindly.blind[blindly.item == login[2]][0])).inclusion_probability == 0.2
        )
        newest = session.get_one(DecisionRow, session.get_one(ItemRow, login[0]).decision_id)
        assert newest.predicted_number is None  # what was said of the old categories is not held against anybody
        assert "Login was split" in (suspension.suspended_now(session, project) or "")
    desk.take_back(made.id)
    merger, effect = desk.change("Login", Surgery.MERGE, into_id=desk.category("Billing").id)
    assert any("automation is suspended" in one for one in effect.says)
    with runtime.database.read() as session:
        assert "merged" in (suspension.suspended_now(session, find_project(session, desk.caller, desk.slug)) or "")
    desk.take_back(merger.id)
    with runtime.database.read() as session:  # all is as it was when the version was trained
        assert suspension.suspended_now(session, find_project(session, desk.caller, desk.slug)) is None


def test_an_edit_is_remembered_and_taken_back_unless_another_stands_on_it(desk: Desk) -> None:
    first, _ = desk.change("Login", Surgery.EDIT, name="Access", description="who may enter")
    assert (first.before["name"], first.after["name"]) == ("Login", "Access")
    assert desk.counts() == {"Billing": 20, "Access": 20, "Shipping": 20}
    second, _ = desk.change("Access", Surgery.EDIT, name="Entry")
    with pytest.raises(Conflict, match="changed again"):
        desk.take_back(first.id)
    desk.take_back(second.id)
    desk.take_back(first.id)
    assert desk.category("Login").description == "passwords and signing in"


def test_what_cannot_be(runtime: Runtime, desk: Desk) -> None:
    billing = items_of(runtime, "Billing", 60)
    with pytest.raises(BadReference, match="not decided as Login"):
        desk.look("Login", Surgery.SPLIT, name="Passwords", item_ids=billing[:1])
    with pytest.raises(AlreadyThere):
        desk.change("Login", Surgery.SPLIT, name="shipping", item_ids=items_of(runtime, "Login", 60)[:1])
    with pytest.raises(BadReference):
        desk.look("Login", Surgery.MERGE, into_id=999)
    with pytest.raises(AlreadyThere):
        desk.change("Login", Surgery.EDIT, name="Billing")
    assert desk.counts() == {"Billing": 20, "Login": 20, "Shipping": 20}
    desk.change("Login", Surgery.MERGE, into_id=desk.category("Billing").id)
    with runtime.database.transaction() as session:  # what others were merged into is not erased
        project = find_project(session, desk.caller, desk.slug)
        delete_category(session, desk.caller, project, desk.category("Billing").id)
    assert desk.category("Billing").archived


def test_the_guideline_shows_what_people_decided(runtime: Runtime, desk: Desk) -> None:
    login = items_of(runtime, "Login", 60)
    with runtime.database.transaction() as session:
        project = find_project(session, desk.caller, desk.slug)
        for action, item_id, names, note in (
            (Action.CORRECT, login[0], ["Shipping"], "the courier's own portal"),
            (Action.CORRECT, login[1], ["Login"], "also when only the reset fails"),
        ):
            new = review.NewDecision(action, item_id=item_id, categories=names, note=note)
            review.decide(session, desk.caller, project, new, runtime.settings)
    with runtime.database.read() as session:
        project = find_project(session, desk.caller, desk.slug)
        found = guidelines.guideline(runtime, session, project, desk.category("Login").id)
    assert found.decided == 19
    assert 1 <= len(found.typical) <= 5
    assert all(one.categories == ["Login"] for one in found.typical)
    assert found.near_misses[0].item_id == login[0]
    assert (found.near_misses[0].categories, found.near_misses[0].note) == (["Shipping"], "the courier's own portal")
    assert [(one.kind, one.item_id, one.note) for one in found.questions] == [
        ("note", login[1], "also when only the reset fails")
    ]


def text_of(runtime: Runtime, item_id: int) -> str:
    with runtime.database.read() as session:
        return session.get_one(ItemRow, item_id).text
