"""The way of an item, end to end in one process, on both databases."""

from datetime import timedelta

from sqlalchemy import select, update

from models import jobs
from models.runtime import Runtime
from models.steps import monitor, queue, register, review, serve
from models.steps.accounts import Caller
from models.steps.items import NewItem
from models.steps.projects import find_project
from models.store.tables import JobRow, ProjectRow
from models.vocabulary import Action, Job, JobStatus, ReviewMode
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


def test_while_the_queue_is_filled_nobody_asks_for_that_again(
    runtime: Runtime, ann: Caller, filled: ProjectRow
) -> None:
    def lease_most() -> list[JobStatus]:
        with runtime.database.transaction() as session:
            project = find_project(session, ann, filled.slug)
            leased = queue.lease(runtime, session, ann, project, 80)
            assert leased
            queue.release(session, ann, project, [one.task.id for one in leased])
            made = select(JobRow.status).where(JobRow.kind == Job.QUEUE, JobRow.status != JobStatus.SUCCEEDED)
            return list(session.scalars(made))

    assert lease_most() == lease_most() == [JobStatus.QUEUED]
    with runtime.database.transaction() as session:
        session.execute(update(JobRow).where(JobRow.kind == Job.QUEUE).values(status=JobStatus.SUCCEEDED))
        begun = jobs.enqueue(session, Job.QUEUE, key=f"queue:{filled.id}", project_id=filled.id)
        assert jobs.claim(session, begun.id, lease=timedelta(minutes=1), attempts=1) is not None
    assert lease_most() == [JobStatus.RUNNING]
