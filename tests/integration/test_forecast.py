"""The forecast is drawn from this project's versions on the same audits, or says what is missing."""

import pytest

from models.runtime import Runtime
from models.steps import forecast, queue, review, train
from models.steps.accounts import Caller
from models.steps.items import NewItem
from models.steps.projects import create_project, find_project, update_project
from models.store.tables import ProjectRow
from models.vocabulary import Action
from tests.integration.conftest import Drain, put, texts

TRUTH = dict(texts(240))


@pytest.fixture
def grown(runtime: Runtime, ann: Caller, project: ProjectRow, drain: Drain) -> ProjectRow:
    """Five versions, each with more decisions, half of which are audits that none learnt from."""
    with runtime.database.transaction() as session:
        wanted = {"audit_rate": 0.5, "retrain_every": 10_000, "second_look_rate": 0}
        update_project(session, ann, find_project(session, ann, project.slug), settings=wanted)
    put(runtime, ann, project, [NewItem(text) for text in TRUTH])
    drain()
    for _ in range(5):
        with runtime.database.transaction() as session:
            row = find_project(session, ann, project.slug)
            for one in queue.lease(runtime, session, ann, row, 16):
                new = review.NewDecision(Action.CORRECT, task_id=one.task.id, categories=[TRUTH[one.item.text]])
                review.decide(session, ann, row, new, runtime.settings)
            train.request_training(session, ann, row)
        drain()
    return project


def look(runtime: Runtime, caller: Caller, project: ProjectRow) -> forecast.Outlook:
    with runtime.database.read() as session:
        return forecast.outlook(runtime, session, find_project(session, caller, project.slug))


def test_it_starts_at_the_newest_version_and_goes_on(runtime: Runtime, ann: Caller, grown: ProjectRow) -> None:
    found = look(runtime, ann, grown)
    decisions = [point.decisions for point in found.points]
    assert len(decisions) == 5
    assert decisions == sorted(set(decisions))
    assert 30 <= decisions[0] <= 50
    for point in found.points:
        assert 0 <= point.low <= point.accuracy <= point.high <= 1
        assert 0 <= point.automation_share <= 1
    assert found.points[0].high - found.points[0].low > 0.02
    assert found.advice.startswith("Accuracy is ")


def test_too_few_versions_or_audits_are_said_to_be_too_few(runtime: Runtime, ann: Caller, filled: ProjectRow) -> None:
    found = look(runtime, ann, filled)
    assert found.points == []
    assert found.advice.startswith("It is too early for a forecast. There are 0 blind audits")
    with runtime.database.transaction() as session:
        empty = create_project(session, ann, name="Empty")
        assert forecast.outlook(runtime, session, empty).points == []


@pytest.mark.parametrize(
    ("later", "words"),
    [(0.905, "hardly worth it"), (0.95, "the target of 94% is near 200 decisions"), (0.93, "should bring it to about")],
)
def test_the_advice_says_whether_to_go_on(later: float, words: str) -> None:
    points = [forecast.Point(100, 0.9, 0.85, 0.94, 0.1), forecast.Point(200, later, later - 0.03, later + 0.03, 0.3)]
    assert words in forecast._advice(points, 0.94, 120)
