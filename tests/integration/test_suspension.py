"""Automation suspends itself when audits contradict its promise, and resumes when they agree again."""

import pytest

from models.runtime import Runtime
from models.steps import monitor, queue, review, serve, suspension, train
from models.steps.accounts import Caller
from models.steps.conditions import everything
from models.steps.items import NewItem
from models.steps.projects import create_project, find_project, update_project
from models.store.tables import ProjectRow
from models.vocabulary import Action, Alert, Reason, Verdict
from tests.integration.conftest import TOPICS, Drain, put, texts

TRUTH = dict(texts(240))
TEXT = "my invoice number 7 shows the wrong amount"


@pytest.fixture
def automated(runtime: Runtime, ann: Caller, project: ProjectRow, drain: Drain) -> ProjectRow:
    """A project whose version 1 promises that seven in ten accepted answers are right; forty audits say so."""
    with runtime.database.transaction() as session:
        wanted = {"target_accuracy": 0.7, "audit_rate": 0.5, "retrain_every": 10_000, "second_look_rate": 0}
        update_project(session, ann, find_project(session, ann, project.slug), settings=wanted)
    put(runtime, ann, project, [NewItem(text) for text in TRUTH])
    drain()
    answer(runtime, ann, project, drain, 80)
    learn(runtime, ann, project, drain)
    return project


def learn(runtime: Runtime, caller: Caller, project: ProjectRow, drain: Drain) -> None:
    with runtime.database.transaction() as session:
        train.request_training(session, caller, find_project(session, caller, project.slug))
    drain()


def answer(
    runtime: Runtime, caller: Caller, project: ProjectRow, drain: Drain, count: int, *, wrong: int | None = None
) -> None:
    """Decide `count` tasks rightly; or decide audits alone, `wrong` of them wrongly and then the rest rightly."""
    audits = 0
    while count:
        with runtime.database.transaction() as session:
            row = find_project(session, caller, project.slug)
            leased = queue.lease(runtime, session, caller, row, 50)
            for one in leased:
                name = TRUTH[one.item.text]
                if not count or (wrong is not None and one.task.reason is not Reason.AUDIT):
                    continue
                if wrong is not None and audits < wrong:
                    name = next(other for other in TOPICS if other != name)
                audits += 1
                new = review.NewDecision(Action.CORRECT, task_id=one.task.id, categories=[name])
                review.decide(session, caller, row, new, runtime.settings)
                count -= 1
            queue.release(session, caller, row, [one.task.id for one in leased])
        drain()


def told(runtime: Runtime, caller: Caller, project: ProjectRow) -> tuple[Verdict, dict, list[str]]:
    """The verdict on an easy text, what the figures say of automation, and the alerts."""
    verdict = serve.predict(runtime, caller, project.slug, [NewItem(TEXT)]).answers[0].verdict
    with runtime.database.read() as session:
        row = find_project(session, caller, project.slug)
        figures = monitor.stats(runtime, session, row)["automation"]
        seen = everything(runtime, session)
        alerts = [one.detail for one in seen if one.name is Alert.AUTOMATION_SUSPENDED]
        assert figures["suspended"] is (suspension.suspended_now(session, row) is not None)
    return verdict, figures, alerts


def test_audits_suspend_it_and_bring_it_back(
    runtime: Runtime, ann: Caller, automated: ProjectRow, drain: Drain
) -> None:
    verdict, figures, alerts = told(runtime, ann, automated)
    assert (verdict, figures["suspended"], figures["reason"], alerts) == (Verdict.ACCEPT, False, None, [])
    assert figures["share"] > 0

    answer(runtime, ann, automated, drain, 4, wrong=4)
    verdict, figures, alerts = told(runtime, ann, automated)
    assert verdict is Verdict.REVIEW
    assert figures["suspended"]
    assert (figures["threshold"], figures["share"]) == (None, None)
    assert "of 4 audited answers that version 1 would have accepted, 0 were right; 0.7" in figures["reason"]
    assert alerts == [figures["reason"]]

    answer(runtime, ann, automated, drain, 12, wrong=0)
    verdict, figures, alerts = told(runtime, ann, automated)
    assert (verdict, figures["suspended"], alerts) == (Verdict.ACCEPT, False, [])


def test_the_next_version_sets_its_own_threshold(
    runtime: Runtime, ann: Caller, automated: ProjectRow, drain: Drain
) -> None:
    answer(runtime, ann, automated, drain, 4, wrong=4)
    assert told(runtime, ann, automated)[0] is Verdict.REVIEW
    learn(runtime, ann, automated, drain)
    verdict, figures, alerts = told(runtime, ann, automated)
    assert (verdict, figures["suspended"], alerts) == (Verdict.ACCEPT, False, [])


def test_a_threshold_does_not_promise_more_than_it_was_set_for(
    runtime: Runtime, ann: Caller, automated: ProjectRow
) -> None:
    with runtime.database.transaction() as session:
        update_project(session, ann, find_project(session, ann, automated.slug), settings={"target_accuracy": 0.99})
    verdict, figures, _ = told(runtime, ann, automated)
    assert verdict is Verdict.REVIEW
    assert "raised to 0.99" in figures["reason"]


def test_a_project_without_a_version_or_threshold_has_nothing_to_suspend(
    runtime: Runtime, ann: Caller, filled: ProjectRow
) -> None:
    assert told(runtime, ann, filled)[1]["suspended"] is False
    with runtime.database.transaction() as session:
        other = create_project(session, ann, name="Empty")
        assert suspension.suspended_now(session, other) is None
