"""The way of an item, end to end in one process, on both databases."""

from models.runtime import Runtime
from models.steps import monitor, queue, register, review, serve
from models.steps.accounts import Caller
from models.steps.items import NewItem
from models.steps.projects import find_project
from models.store.tables import ProjectRow
from models.vocabulary import Action, ReviewMode
from tests.integration.conftest import Drain, texts


def decide(runtime: Runtime, caller: Caller, slug: str, count: int) -> int:
    truth = dict(texts(120))
    with runtime.database.transaction() as session:
        project = find_project(session, caller, slug)
        leased = queue.lease(runtime, session, caller, project, count)
    for task in leased:
        with runtime.database.transaction() as session:
            project = find_project(session, caller, slug)
            new = review.NewDecision(Action.CORRECT, task_id=task.task.id, categories=[truth[task.item.text]])
            review.decide(session, caller, project, new, runtime.settings)
    return len(leased)


def test_decisions_become_a_version_that_serves_and_can_be_taken_back(
    runtime: Runtime, ann: Caller, filled: ProjectRow, drain: Drain
) -> None:
    before = serve.predict(runtime, ann, filled.slug, [NewItem("where is my parcel")])
    assert before.number == 0
    assert before.answers[0].prediction.category.name == "Shipping"

    assert decide(runtime, ann, filled.slug, 20) == 20
    drain()

    after = serve.predict(runtime, ann, filled.slug, [NewItem("where is my parcel")], review=ReviewMode.ALWAYS)
    assert after.number == 1
    assert after.answers[0].item_id is not None
    with runtime.database.read() as session:
        project = find_project(session, ann, filled.slug)
        told = monitor.stats(runtime, session, project)
    assert told["serving_model"] == 1
    assert told["decisions"]["total"] == 20
    assert told["latest_model"]["status"] == "serving"
    assert "differently from version 0" in told["latest_model"]["summary"]

    with runtime.database.transaction() as session:
        register.rollback(session, ann, find_project(session, ann, filled.slug))
    assert serve.predict(runtime, ann, filled.slug, [NewItem("where is my parcel")]).number == 0
    assert serve.predict(runtime, ann, filled.slug, [NewItem("where is my parcel")], number=1).number == 1
