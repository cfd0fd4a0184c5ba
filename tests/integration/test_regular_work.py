"""Work that comes by itself: housekeeping, and filling the queue anew."""

import os
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from models import jobs
from models.runtime import Runtime
from models.steps import browse, queue, review, serve
from models.steps.accounts import Caller
from models.steps.browse import Wanted
from models.steps.erasure import erasures
from models.steps.items import NewItem
from models.steps.projects import find_project, update_project
from models.steps.train import run_train
from models.store.tables import ItemRow, JobRow, PredictionRow, ProjectRow, TaskRow, VersionRow
from models.store.types import utc_now
from models.vocabulary import Action, Job, JobStatus, Reason
from models.work import Work
from tests.integration.conftest import Drain, texts


def test_old_files_go_and_young_ones_stay(runtime: Runtime, project: ProjectRow, drain: Drain) -> None:
    old = (utc_now() - timedelta(days=8)).timestamp()
    kept, gone = [], []
    for place in ("results", "uploads"):
        folder = runtime.settings.artifacts / place
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "young").write_text("x")
        (folder / "old").write_text("x")
        os.utime(folder / "old", (old, old))
        kept.append(folder / "young")
        gone.append(folder / "old")
    for number, where in ((project.id, kept), (987_654, gone)):
        bundle = runtime.settings.artifacts / "bundles" / str(number)
        bundle.mkdir(parents=True)
        os.utime(bundle, (old, old))
        where.append(bundle)
    with runtime.database.transaction() as session:
        jobs.enqueue(session, Job.MAINTAIN, key="maintain")
    drain()
    assert all(path.exists() for path in kept)
    assert not any(path.exists() for path in gone)


def test_a_project_keeps_items_and_answers_no_longer_than_it_says(
    runtime: Runtime, ann: Caller, filled: ProjectRow, drain: Drain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.steps.retention._AT_ONCE", 4)
    serve.predict(runtime, ann, filled.slug, [NewItem("asked long ago"), NewItem("asked just now")])
    with runtime.database.transaction() as session:
        old = session.scalars(select(ItemRow.id).order_by(ItemRow.id).limit(9)).all()
        past = utc_now() - timedelta(days=40)
        session.execute(update(ItemRow).where(ItemRow.id.in_(old)).values(created_at=past))
        session.execute(update(PredictionRow).where(PredictionRow.text == "asked long ago").values(created_at=past))
        project = find_project(session, ann, filled.slug)
        jobs.enqueue(session, Job.MAINTAIN, key="before it says so")
    drain()
    with runtime.database.transaction() as session:
        assert len(session.scalars(select(ItemRow.id)).all()) == 120
        project = find_project(session, ann, filled.slug)
        update_project(session, ann, project, settings={"item_days": 41, "prediction_days": 30})
        jobs.enqueue(session, Job.MAINTAIN, key="nothing is so old")
    drain()
    with runtime.database.transaction() as session:
        assert len(session.scalars(select(ItemRow.id)).all()) == 120
        assert session.scalars(select(PredictionRow.text)).all() == ["asked just now"]
        project = find_project(session, ann, filled.slug)
        update_project(session, ann, project, settings={"item_days": 30})
        jobs.enqueue(session, Job.MAINTAIN, key="nine are")
    drain()
    with runtime.database.read() as session:
        project = find_project(session, ann, filled.slug)
        assert len(session.scalars(select(ItemRow.id)).all()) == 111
        proofs, _ = erasures(session, project, after=None, limit=50)
        assert sorted(one.item_id for one in proofs) == sorted(old)
        assert {(one.actor, sum(one.left.values())) for one in proofs} == {("system", 0)}
        rows, _ = browse.browse(runtime, session, project, Wanted(sort="confidence"), limit=200)
        assert len(rows) == 111


def test_nobody_can_tell_from_its_place_which_question_is_an_audit(
    runtime: Runtime, filled: ProjectRow, drain: Drain
) -> None:
    seen = set()
    for _ in range(6):
        with runtime.database.transaction() as session:
            jobs.enqueue(session, Job.QUEUE, key=f"queue:{filled.id}", project_id=filled.id)
        drain()
        with runtime.database.read() as session:
            asked = select(TaskRow.rank).where(TaskRow.project_id == filled.id, TaskRow.reason == Reason.AUDIT)
            seen.add(tuple(sorted(session.scalars(asked))))
    assert len(seen) > 1


def test_a_training_asked_for_while_another_began_learns_nothing_twice(
    runtime: Runtime, ann: Caller, filled: ProjectRow, drain: Drain
) -> None:
    """Decisions that come between a training's claim and its snapshot are learnt by it, not by a second one."""
    truth = dict(texts(120))
    with runtime.database.transaction() as session:
        project = find_project(session, ann, filled.slug)
        leased = queue.lease(runtime, session, ann, project, 12)
    for number, one in enumerate(leased):
        with runtime.database.transaction() as session:
            project = find_project(session, ann, filled.slug)
            new = review.NewDecision(Action.CORRECT, task_id=one.task.id, categories=[truth[one.item.text]])
            review.decide(session, ann, project, new, runtime.settings)
        if number == 9:
            with runtime.database.transaction() as session:
                first = session.scalars(select(JobRow).where(JobRow.kind == Job.TRAIN)).one().id
                held = jobs.claim(session, first, lease=timedelta(seconds=30), attempts=5)
    assert held is not None
    run_train(Work(runtime, held))
    drain()
    with runtime.database.read() as session:
        versions = session.scalars(select(VersionRow).where(VersionRow.project_id == filled.id)).all()
        trainings = session.scalars(select(JobRow).where(JobRow.kind == Job.TRAIN)).all()
    assert [row.number for row in versions] == [1]
    assert len(trainings) == 2
    assert all(row.status is JobStatus.SUCCEEDED for row in trainings)
