"""The serving version on its hold-out: accuracy helped by the rest of the reserve, and promises by category."""

from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import delete, select

from models import jobs
from models.learn.audit import exact_interval
from models.runtime import Runtime
from models.steps import comparison, hold_out, lineage, monitor, outcomes, serve
from models.steps.accounts import Caller
from models.steps.items import NewItem
from models.steps.projects import settings_of
from models.steps.ready import ready
from models.steps.requested import MOST, WHENEVER, Urgency
from models.steps.reserve import is_reserved
from models.steps.suspension import suspended_now
from models.store.queries.decisions import AUDITS_STAY, Labels, labels_as_of
from models.store.queries.decisions import hold_out as held_out
from models.store.queries.versions import find_version
from models.store.tables import CategoryRow, DecisionRow, ItemRow, ProjectRow, TaskRow
from models.vocabulary import AutomationBy, ItemState, Job, Promotion, Reason, ReviewMode, Verdict
from tests.integration.conftest import Drain, put
from tests.integration.test_learning import TRUTH, WRONG, Team


@pytest.fixture
def team(runtime: Runtime, ann: Caller, filled: ProjectRow, drain: Drain) -> Team:
    """Half of the items are kept for audits; a version serves that learnt from the others."""
    made = Team(runtime, ann, filled.slug)
    made.set(retrain_every=1_000_000, target_accuracy=0.5)
    keep_for_audits(made, drain, 0.5)
    return made


def keep_for_audits(team: Team, drain: Drain, rate: float) -> None:
    team.set(audit_rate=rate)
    with team.runtime.database.transaction() as session:
        jobs.enqueue(session, Job.QUEUE, key="again", project_id=team.project(session).id)
    drain()


def answer(team: Team, drain: Drain, audits: int, *, wrong: int = 0) -> None:
    """Answer so many audits, the first few wrongly, and everything else that comes up rightly."""
    done = 0
    while done < audits:
        leased = team.lease(20)
        assert leased, f"{done} audits came up, {audits} are wanted"
        for one in leased:
            name = TRUTH[one.item.text]
            if one.task.reason is Reason.AUDIT:
                done += 1
                name = WRONG[name] if done <= wrong else name
            team.decide(categories=[name], task_id=one.task.id)
            if done == audits:
                break
        drain()


def serve_a_version(team: Team, drain: Drain) -> None:
    team.set(promotion=Promotion.MANUAL)
    team.train()
    drain()
    team.promote(1)
    drain()


def test_the_rest_of_the_reserve_makes_the_accuracy_more_precise(team: Team, drain: Drain) -> None:
    answer(team, drain, 36, wrong=12)
    serve_a_version(team, drain)
    with team.runtime.database.read() as session:
        project = team.project(session)
        found = hold_out.look(team.runtime, session, project)
        told = hold_out.accuracy_now(team.runtime, session, project)
    assert found.sampled is not None
    assert 40 <= found.sampled.sum() <= 80
    assert told is not None
    assert told["audited"] == len(found.correct) == 36
    low, high = exact_interval(int(found.correct.sum()), 36)
    assert told["high"] - told["low"] <= high - low
    assert told["low"] < told["accuracy"] < told["high"]


def test_a_reserve_that_was_learnt_from_helps_nothing(team: Team, drain: Drain) -> None:
    keep_for_audits(team, drain, 0.1)
    answer(team, drain, 5)
    serve_a_version(team, drain)
    with team.runtime.database.read() as session:
        found = hold_out.look(team.runtime, session, team.project(session))
    assert found.sampled is not None
    team.set(audit_rate=0.5)  # the reserve grows by items that were asked because they are hard
    with team.runtime.database.read() as session:
        found = hold_out.look(team.runtime, session, team.project(session))
        told = hold_out.accuracy_now(team.runtime, session, team.project(session))
    assert found.sampled is None
    assert told is not None
    assert not told["assisted"]


def test_each_category_may_go_alone_by_a_promise_of_its_own(team: Team, drain: Drain) -> None:
    answer(team, drain, 40)
    serve_a_version(team, drain)
    ask = [NewItem("I was charged twice for order 77"), NewItem("parcel 12 has not arrived yet")]
    with team.runtime.database.read() as session:
        project = team.project(session)
        names = dict(session.execute(select(CategoryRow.name, CategoryRow.id)).tuples().all())
        allowed = hold_out.automation(team.runtime, session, project)
        assert monitor.stats(team.runtime, session, project)["automation"]["by"] is AutomationBy.PROJECT
    assert [name for name, _ in allowed.by_category] == list(names)
    assert all(one.threshold is not None for _, one in allowed.by_category)
    assert sum(one.audits for _, one in allowed.by_category) == allowed.whole.audits == 40
    team.set(automation_by="category")
    with team.runtime.database.read() as session:
        told = monitor.stats(team.runtime, session, team.project(session))["automation"]
    assert (told["by"], told["threshold"], told["categories"]) == (AutomationBy.CATEGORY, None, 3)
    assert told["share"] is not None
    assert told["share"] > 0.5
    answers = serve.predict(team.runtime, team.caller, team.slug, ask).answers
    assert [one.verdict for one in answers] == [Verdict.ACCEPT, Verdict.ACCEPT]


def test_what_is_promised_by_category_is_suspended_too(team: Team, drain: Drain) -> None:
    answer(team, drain, 30)
    serve_a_version(team, drain)
    team.set(automation_by="category")
    with team.runtime.database.read() as session:
        assert suspended_now(session, team.project(session)) is None
    answer(team, drain, 12, wrong=12)
    with team.runtime.database.read() as session:
        assert "audited answers" in (suspended_now(session, team.project(session)) or "")
    answers = serve.predict(team.runtime, team.caller, team.slug, [NewItem("I was charged twice for order 77")])
    assert answers.answers[0].verdict is Verdict.REVIEW


@pytest.mark.parametrize("by", ["looking it up", "feedback"])
def test_what_is_decided_after_an_audit_does_not_take_it_away(team: Team, drain: Drain, by: str) -> None:
    """Who sees where the machine and an audit differ, and decides once more, must not make the machine look better."""
    answer(team, drain, 30, wrong=10)
    serve_a_version(team, drain)
    with team.runtime.database.read() as session:
        project = team.project(session)
        before = hold_out.accuracy_now(team.runtime, session, project)
        audits = labels_as_of(session, project.id, audited=True)
        contradicted = [one for one in lineage.checked(team.runtime, session, project, 1) if one.truth != one.answered]
    assert before is not None
    assert len(contradicted) >= 5
    for one in contradicted:
        if by == "feedback":
            with team.runtime.database.transaction() as session:
                right = serve.Feedback(category=one.answered[0], item_id=one.item.id)
                serve.feedback(session, team.caller, team.project(session), right)
        else:
            team.decide(categories=one.answered, item_id=one.item.id)
    team.train()
    drain()
    [old, new] = team.versions()
    assert new.trained_decisions == old.trained_decisions  # the items stay what accuracy is measured on
    with team.runtime.database.read() as session:
        project = team.project(session)
        assert hold_out.accuracy_now(team.runtime, session, project) == before
        labels = labels_as_of(session, project.id)
        corrected = {one.item.id for one in contradicted}
        assert [
            outcomes.learnt_by(session, session.get_one(DecisionRow, one)) for one in newest(labels, corrected)
        ] == [None] * len(corrected)
        compared = comparison.compare(team.runtime, session, project, 1, 2)
        assert compared.audits == 30
        assert np.sort(audits.item).tolist() == np.sort(labels.item[labels.audit]).tolist()
    assert new.metrics is not None
    assert new.metrics["measured_on"]["items"] == 30


def newest(labels: Labels, items: set[int]) -> list[int]:
    return labels.decision[np.isin(labels.item, list(items))].tolist()


def test_a_version_that_learnt_from_what_was_decided_after_an_audit_is_not_measured_on_it(
    team: Team, drain: Drain
) -> None:
    """As versions did before audits stayed what they are."""
    answer(team, drain, 30, wrong=10)
    serve_a_version(team, drain)
    with team.runtime.database.read() as session:
        one = lineage.checked(team.runtime, session, team.project(session), 1)[0]
    team.decide(categories=one.truth, item_id=one.item.id)
    team.train()
    drain()
    with team.runtime.database.transaction() as session:
        project = team.project(session)
        version = find_version(session, project, 2)
        assert one.item.id in held_out(session, project.id, [version]).item
        version.snapshot = {name: kept for name, kept in (version.snapshot or {}).items() if name != AUDITS_STAY}
        assert one.item.id not in held_out(session, project.id, [version]).item


def asked_by_a_program(team: Team, about: list[str], urgency: Urgency = WHENEVER) -> dict[int, TaskRow]:
    """The questions that come of it, by item."""
    items = [NewItem(text) for text in about]
    sent = serve.predict(team.runtime, team.caller, team.slug, items, review=ReviewMode.ALWAYS, urgency=urgency)
    ids = [one.item_id for one in sent.answers]
    with team.runtime.database.read() as session:
        tasks = session.scalars(select(TaskRow).where(TaskRow.item_id.in_(ids), TaskRow.open.is_(True))).all()
    return {task.item_id: task for task in tasks}


def reserved(team: Team, item_ids: list[int]) -> set[int]:
    with team.runtime.database.read() as session:
        project = team.project(session)
        ids = np.asarray(item_ids, np.int64)
        return set(ids[is_reserved(project.salt, ids, settings_of(project).audit_rate)].tolist())


def test_an_item_of_the_reserve_that_a_program_asks_about_is_asked_blindly(team: Team, drain: Drain) -> None:
    """Else whatever programs want to know first leaves the reserve, and what is left is easier than what comes."""
    with team.runtime.database.transaction() as session:
        session.execute(delete(TaskRow))
    asked = asked_by_a_program(team, list(TRUTH)[:40])
    blind = {item_id for item_id, task in asked.items() if task.reason is Reason.AUDIT}
    assert blind == reserved(team, list(asked)) != set()
    assert {task.rank for task in asked.values()} == {WHENEVER.rank}
    assert {task.inclusion_probability for item, task in asked.items() if item in blind} == {0.5}
    assert {task.reason for item, task in asked.items() if item not in blind} == {Reason.REQUESTED}
    leased = team.lease(40)
    assert {one.item.id for one in leased} == set(asked), "before all others, as any question of a program"
    assert all((one.prediction is None) == (one.item.id in blind) for one in leased)
    for one in leased:
        team.decide(categories=[TRUTH[one.item.text]], task_id=one.task.id)
    serve_a_version(team, drain)
    with team.runtime.database.read() as session:
        found = hold_out.look(team.runtime, session, team.project(session))
    assert len(found.correct) == len(blind)
    assert found.sampled is not None, "the reserve is still a sample of all"


def test_what_programs_send_for_the_first_time_is_audited_too(team: Team) -> None:
    new = [f"a parcel of the kind {number} is not here" for number in range(40)]
    asked = asked_by_a_program(team, new)
    blind = {item_id for item_id, task in asked.items() if task.reason is Reason.AUDIT}
    assert blind == reserved(team, list(asked)) != set()
    again = asked_by_a_program(team, new, Urgency(MOST))
    assert {item_id for item_id, task in again.items() if task.reason is Reason.AUDIT} == blind
    assert {task.rank for task in again.values()} == {Urgency(MOST).rank}


def test_what_is_there_only_because_the_machine_was_in_doubt_is_no_audit(team: Team, drain: Drain) -> None:
    answer(team, drain, 40)
    serve_a_version(team, drain)
    with team.runtime.database.transaction() as session:
        session.execute(delete(TaskRow))
        there = session.scalars(select(ItemRow).where(ItemRow.state == ItemState.UNDECIDED)).all()
    new = [f"a parcel of the kind {number} is not here" for number in range(40)]
    asked = [NewItem(text) for text in (*new, *(item.text for item in there))]
    at_hand = ready(team.runtime, team.caller, team.slug, None)
    picky = replace(
        at_hand, served=replace(at_hand.served, threshold=1.1)
    )  # some could go alone, and none of these does
    serve.tell(team.runtime, team.caller, serve.think(picky, asked, review=ReviewMode.UNCERTAIN))
    with team.runtime.database.read() as session:
        reasons = dict(session.execute(select(TaskRow.item_id, TaskRow.reason)).tuples().all())
    known = {item.id for item in there}
    blind = {item_id for item_id, reason in reasons.items() if reason is Reason.AUDIT}
    assert len(reasons) == len(asked)
    assert blind == reserved(team, list(known)) != set()
    assert reserved(team, list(set(reasons) - known)) != set()


def test_after_a_large_import_the_accuracy_says_how_much_it_knows_nothing_of(team: Team, drain: Drain) -> None:
    answer(team, drain, 20)
    serve_a_version(team, drain)

    def newer() -> float:
        with team.runtime.database.read() as session:
            told = hold_out.accuracy_now(team.runtime, session, team.project(session))
        assert told is not None
        return float(told["newer_items"])

    assert newer() < 0.2
    with team.runtime.database.read() as session:
        project = team.project(session)
    put(team.runtime, team.caller, project, [NewItem(f"parcel {number} is broken") for number in range(240)])
    drain()
    assert newer() >= 240 / 360
    with team.runtime.database.read() as session:
        ids = np.asarray(session.scalars(select(ItemRow.id)).all(), np.int64)
        kept = is_reserved(project.salt, ids, 0.5)
    assert kept.mean() == pytest.approx(0.5, abs=0.1), "what came late is kept for audits as what came early"
    for one in team.lease(50):
        if one.task.reason is Reason.AUDIT:
            team.decide(categories=["Shipping"], task_id=one.task.id)
    assert newer() < 0.3
