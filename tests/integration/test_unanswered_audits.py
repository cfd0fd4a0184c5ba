"""Audits that nobody answers are told of beside the accuracy, with what they could make of it."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from models.learn.audit import exact_interval
from models.runtime import Runtime
from models.steps import hold_out, monitor, queue, train
from models.steps.accounts import Caller, create_user, user_caller
from models.steps.unanswered import Unanswered
from models.store.tables import ProjectRow, TaskRow
from models.store.types import utc_now
from models.vocabulary import Action, Reason, Role
from tests.integration.conftest import Drain
from tests.integration.test_hold_out import answer, keep_for_audits, serve_a_version
from tests.integration.test_learning import TRUTH, Team


@pytest.fixture
def team(runtime: Runtime, ann: Caller, filled: ProjectRow, drain: Drain) -> Team:
    made = Team(runtime, ann, filled.slug)
    made.set(retrain_every=1_000_000)
    keep_for_audits(made, drain, 0.5)
    return made


def counted(team: Team, mark: int = 0) -> Unanswered:
    with team.runtime.database.read() as session:
        return Unanswered.since(session, team.project(session).id, mark)


def audits(team: Team, count: int) -> list[queue.Leased]:
    found: list[queue.Leased] = []
    while len(found) < count:
        leased = team.lease(20)
        assert leased
        found += [one for one in leased if one.task.reason is Reason.AUDIT]
    return found


def test_what_is_skipped_flagged_or_left_is_counted_beside_the_accuracy(team: Team, drain: Drain) -> None:
    answer(team, drain, 20, wrong=2)
    serve_a_version(team, drain)
    with team.runtime.database.read() as session:
        before = hold_out.accuracy_now(team.runtime, session, team.project(session))
    assert before is not None
    assert before["unanswered"] | {"waiting": 0} == dict.fromkeys(before["unanswered"], 0)
    assert before["at_worst"] == {"accuracy": before["accuracy"], "low": before["low"]}
    skipped, again, flagged, left, *_ = audits(team, 5)
    team.decide(Action.SKIP, task_id=skipped.task.id)
    team.undo(team.decide(Action.SKIP, task_id=again.task.id).id)
    team.decide(Action.FLAG, task_id=flagged.task.id)
    with team.runtime.database.transaction() as session:
        gone = utc_now() - timedelta(seconds=1)
        session.execute(update(TaskRow).where(TaskRow.id == left.task.id).values(lease_expires_at=gone))
    with team.runtime.database.read() as session:
        after = hold_out.accuracy_now(team.runtime, session, team.project(session))
        told = monitor.stats(team.runtime, session, team.project(session))["accuracy"]
        [point] = monitor.accuracy_trend(session, team.project(session))
        audit = TaskRow.open.is_(True), TaskRow.reason == Reason.AUDIT
        asked = session.scalars(select(TaskRow.item_id).where(*audit)).all()
    assert after is not None
    assert told == after
    assert after["audited"] == before["audited"], "what is not answered changes no figure"
    assert after["accuracy"] == before["accuracy"]
    assert after["unanswered"] == {"waiting": len(asked), "left": 1, "skipped": 1, "flagged": 1, "disputed": 0}
    right = round(before["accuracy"] * 20)
    assert after["at_worst"] == {"accuracy": right / 23, "low": exact_interval(right, 23)[0]}
    assert point.passed_over == 2


def test_an_audit_that_is_looked_up_after_it_was_skipped_stays_unanswered(team: Team) -> None:
    one, other = audits(team, 2)[:2]
    team.decide(Action.SKIP, task_id=one.task.id)
    team.decide(Action.FLAG, task_id=other.task.id)
    for asked in (one, other):
        team.decide(categories=[TRUTH[asked.item.text]], item_id=asked.item.id)
    found = counted(team)
    assert (found.skipped, found.flagged, found.passed_over) == (1, 1, 2)


def test_what_was_passed_over_before_the_audits_that_count_is_forgotten_with_them(
    team: Team, drain: Drain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "HOLD_OUT", 15)
    skipped = audits(team, 1)[0]
    team.decide(Action.SKIP, task_id=skipped.task.id)
    answer(team, drain, 10)
    serve_a_version(team, drain)
    [first] = team.versions()
    assert first.metrics is not None
    assert first.metrics["measured_on"] == {"kind": "blind audits", "items": 10, "passed_over": 1}
    answer(team, drain, 10)
    team.train()
    drain()
    second = team.versions()[-1]
    assert second.audit_high_water > 0
    assert second.metrics is not None
    assert second.metrics["measured_on"] == {"kind": "blind audits", "items": 15, "passed_over": 0}
    assert counted(team).skipped == 1
    assert counted(team, second.audit_high_water).skipped == 0


def test_of_several_people_it_counts_once_and_not_while_others_are_asked(
    runtime: Runtime, team: Team, drain: Drain
) -> None:
    team.set(reviews_per_item=2)
    keep_for_audits(team, drain, 0.5)
    with runtime.database.transaction() as session:
        boss = Caller("system", "system", Role.ADMIN)
        row = create_user(session, boss, username="bob", password="a long passphrase", role=Role.REVIEWER)
        other = Team(runtime, user_caller(row), team.slug)
    theirs = {one.item.id: one.task.id for one in audits(other, 30)}
    ours = [one for one in audits(team, 30) if one.item.id in theirs]
    skipped, differs = ours[:2]
    team.decide(Action.SKIP, task_id=skipped.task.id)
    assert counted(team).skipped == 0, "somebody else is asked"
    other.decide(Action.SKIP, task_id=theirs[skipped.item.id])
    assert counted(team).skipped == 1
    team.decide(categories=["Billing"], task_id=differs.task.id)
    assert counted(team).disputed == 0
    other.decide(categories=["Login"], task_id=theirs[differs.item.id])
    assert counted(team).disputed == 1
