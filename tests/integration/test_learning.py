"""From decisions to versions: what is learnt from, what is measured on, who serves."""

import errno
import hashlib
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import delete, func, select, update

from models import jobs
from models.absence import NO_ROOM
from models.errors import Conflict, NoVersion, TooLittleToLearn
from models.prepare import _adopt_encoder
from models.runtime import Runtime
from models.steps import comparison, embed, ingest, monitor, queue, register, review, suspension, train
from models.steps import hold_out as hold_out_step
from models.steps.accounts import Caller
from models.steps.items import NewItem
from models.steps.projects import find_project, update_project
from models.steps.reserve import is_reserved
from models.steps.suspension import Terms
from models.store.queries.decisions import Labels, hold_out, labels_as_of
from models.store.tables import DecisionRow, ItemRow, JobRow, ProjectRow, PromotionRow, TaskRow, VectorRow, VersionRow
from models.store.types import utc_now
from models.vocabulary import Action, AutomationBy, Job, JobStatus, Reason, VersionStatus
from models.work import Work
from tests.integration.conftest import Drain, put, texts
from tests.integration.crashes import Crash
from worker.entry import perform

TRUTH = dict(texts(120))
WRONG = {"Billing": "Login", "Login": "Shipping", "Shipping": "Billing"}


class Team:
    """What people do to one project, each in a transaction of its own."""

    def __init__(self, runtime: Runtime, caller: Caller, slug: str) -> None:
        self.runtime, self.caller, self.slug = runtime, caller, slug

    def lease(self, count: int) -> list[queue.Leased]:
        with self.runtime.database.transaction() as session:
            return queue.lease(self.runtime, session, self.caller, self.project(session), count)

    def decide(self, action: Action = Action.CORRECT, categories: Sequence[str] = (), **about: int) -> DecisionRow:
        with self.runtime.database.transaction() as session:
            new = review.NewDecision(action, categories=categories, **about)
            return review.decide(session, self.caller, self.project(session), new, self.runtime.settings).row

    def undo(self, decision_id: int) -> DecisionRow:
        with self.runtime.database.transaction() as session:
            return review.undo(session, self.caller, self.project(session), decision_id, self.runtime.settings)

    def answer(self, count: int) -> list[queue.Leased]:
        """Lease and answer rightly."""
        leased = self.lease(count)
        for one in leased:
            self.decide(categories=[TRUTH[one.item.text]], task_id=one.task.id)
        return leased

    def set(self, **settings: object) -> None:
        with self.runtime.database.transaction() as session:
            update_project(session, self.caller, self.project(session), settings=settings)

    def train(self) -> str:
        with self.runtime.database.transaction() as session:
            return train.request_training(session, self.caller, self.project(session)).id

    def promote(self, number: int) -> None:
        with self.runtime.database.transaction() as session:
            register.promote(session, self.caller, self.project(session), number)

    def rollback(self) -> int:
        with self.runtime.database.transaction() as session:
            project = self.project(session)
            register.rollback(session, self.caller, project)
            return project.serving_number

    def project(self, session: object) -> ProjectRow:
        return find_project(session, self.caller, self.slug)

    def versions(self) -> list[VersionRow]:
        with self.runtime.database.read() as session:
            return list(session.scalars(select(VersionRow).order_by(VersionRow.number)))

    def serving(self) -> int:
        with self.runtime.database.read() as session:
            return self.project(session).serving_number


@pytest.fixture
def team(runtime: Runtime, ann: Caller, filled: ProjectRow) -> Team:
    made = Team(runtime, ann, filled.slug)
    made.set(retrain_every=1_000_000)
    return made


def folder_hash(folder: Path) -> str:
    found = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        found.update(path.name.encode() + path.read_bytes())
    return found.hexdigest()


def test_training_killed_again_and_again_gives_one_version_and_the_same_bytes(team: Team, crash: Crash) -> None:
    team.answer(30)
    job_id = team.train()
    artifacts = team.runtime.settings.artifacts

    def attempt(doomed: Runtime) -> bool:
        team.decide(categories=["Login"], task_id=team.lease(1)[0].task.id)  # people go on meanwhile
        perform(doomed, job_id)
        return team.versions()[0].status is not VersionStatus.TRAINING

    assert crash(attempt) >= 3
    [version] = team.versions()
    assert version.status is VersionStatus.CANDIDATE
    made = sorted((artifacts / "bundles").glob("*/1-*"))
    assert len(made) > 1  # attempts that came as far as saving
    assert len({folder_hash(folder) for folder in made}) == 1
    assert hashlib.sha256((artifacts / str(version.bundle) / "bundle.json").read_bytes()).hexdigest() == version.sha256


def test_blind_audits_come_at_their_rate_and_are_not_learnt_from(team: Team) -> None:
    team.set(audit_rate=0.25)
    with team.runtime.database.transaction() as session:
        jobs.enqueue(session, Job.QUEUE, key="again", project_id=team.project(session).id)
    perform_kind(team.runtime, Job.QUEUE)
    leased = team.answer(40)
    audits = [one for one in leased if one.task.reason is Reason.AUDIT]
    assert 6 <= len(audits) <= 14
    assert all(one.prediction is None for one in audits)
    assert all(one.task.inclusion_probability == 0.25 for one in audits)
    assert all(one.prediction is not None for one in leased if one.task.reason is not Reason.AUDIT)
    perform(team.runtime, team.train())
    [version] = team.versions()
    assert version.trained_decisions == 40 - len(audits)
    assert version.metrics is not None
    assert version.metrics["measured_on"]["items"] == len(audits)


def perform_kind(runtime: Runtime, kind: Job) -> None:
    with runtime.database.read() as session:
        ids = session.scalars(select(JobRow.id).where(JobRow.kind == kind, JobRow.status == JobStatus.QUEUED)).all()
    for job_id in ids:
        perform(runtime, job_id)


def test_a_hold_out_that_fills_up_lets_the_oldest_audits_graduate(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "HOLD_OUT", 5)
    team.answer(100)
    with team.runtime.database.read() as session:
        audits = session.scalars(
            select(DecisionRow.id).where(DecisionRow.reason == Reason.AUDIT).order_by(DecisionRow.id)
        ).all()
    assert len(audits) > 5
    perform(team.runtime, team.train())
    [version] = team.versions()
    assert version.audit_high_water == audits[-6]
    assert version.trained_decisions == 95
    with team.runtime.database.read() as session:
        assert hold_out(session, version.project_id, [version]).decision.tolist() == list(audits[-5:])


def test_the_hold_out_counts_audits_and_not_the_categories_that_they_give(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "HOLD_OUT", 5)
    twice = np.repeat(np.arange(1, 11), 2)  # ten audits of items that have two categories each
    labels = Labels(decision=twice, item=twice, category=np.tile([1, 2], 10), blind=twice)
    assert np.unique(labels.item[train._held_out(labels)]).tolist() == [6, 7, 8, 9, 10]


def test_an_item_that_was_learnt_from_before_its_audit_is_no_hold_out(team: Team) -> None:
    """Decided by looking it up, learnt from, and audited afterwards: the version knows the answer."""
    leased = team.lease(60)
    audits = [one for one in leased if one.task.reason is Reason.AUDIT]
    known, unknown = audits[0], audits[1]
    for one in leased:
        if one.task.reason is not Reason.AUDIT:
            team.decide(categories=[TRUTH[one.item.text]], task_id=one.task.id)
    team.decide(categories=["Login"], item_id=known.item.id)
    perform(team.runtime, team.train())
    team.promote(1)
    with team.runtime.database.transaction() as session:  # both cards come back, and are asked of the new version
        queue.release(session, team.caller, team.project(session), [known.task.id, unknown.task.id])
    again = {one.task.id for one in team.lease(60)}
    assert {known.task.id, unknown.task.id} <= again
    for one in (known, unknown):
        team.decide(categories=[TRUTH[one.item.text]], task_id=one.task.id)
    with team.runtime.database.read() as session:
        project = team.project(session)
        told = hold_out_step.accuracy_now(team.runtime, session, project)
        compared = comparison.compare(team.runtime, session, project, 0, 1)
        trend = monitor.accuracy_trend(session, project)
        version = team.versions()[0]
        promised = Terms(AutomationBy.PROJECT, 0.0, {}, 1.0, 0.95)
        tested = suspension._standing(session, project, version, promised)
    assert told is not None
    assert told["audited"] == 1
    assert compared.audits == 1
    assert [point.audited for point in trend] == [1]
    assert tested.accepted == 1


def test_a_worse_version_is_not_promoted_and_a_manual_project_promotes_nothing(team: Team, drain: Drain) -> None:
    team.set(audit_rate=0.5)
    drain()
    for _ in range(3):
        for one in team.lease(50):
            name = TRUTH[one.item.text]
            wrong = one.task.reason is not Reason.AUDIT  # somebody mixed the categories up
            team.decide(categories=[WRONG[name] if wrong else name], task_id=one.task.id)
        drain()
    team.train()
    drain()
    [version] = team.versions()
    assert version.status is VersionStatus.CANDIDATE
    assert team.serving() == 0
    assert "It gets 0 of" in (version.summary or "")
    team.set(promotion="manual")
    team.train()
    drain()
    assert [one.status for one in team.versions()] == [VersionStatus.CANDIDATE] * 2
    assert team.serving() == 0
    team.promote(2)
    assert team.serving() == 2
    assert team.versions()[1].status is VersionStatus.SERVING


def test_rollbacks_go_back_step_by_step(team: Team) -> None:
    team.answer(30)
    team.set(promotion="manual")
    for _ in range(3):
        perform(team.runtime, team.train())
    for number in (1, 2, 3, 1):
        team.promote(number)
    assert [team.rollback() for _ in range(4)] == [3, 2, 1, 0]
    with pytest.raises(Conflict, match="no version served before"):
        team.rollback()
    with team.runtime.database.read() as session:
        moves = session.scalars(select(PromotionRow).order_by(PromotionRow.id)).all()
    assert [(move.from_number, move.to_number) for move in moves] == [
        (0, 1), (1, 2), (2, 3), (3, 1), (1, 3), (3, 2), (2, 1), (1, 0),
    ]  # fmt: skip


def test_two_candidates_at_once_are_both_registered(team: Team, drain: Drain) -> None:
    team.answer(30)
    team.set(audit_rate=0.0)
    for _ in range(2):
        perform(team.runtime, team.train())
    with team.runtime.database.transaction() as session:
        second = session.scalars(select(JobRow).where(JobRow.kind == Job.REGISTER).order_by(JobRow.created_at)).all()[1]
        claim = jobs.claim(session, second.id, lease=timedelta(minutes=1), attempts=5)
    assert claim is not None

    # Version 2 is compared with version 0 while version 1 comes to serve.
    class Late(Work):
        def completing(self, result: dict[str, object] | None = None):
            team.promote(1)
            return super().completing(result)

    register.run_register(Late(team.runtime, claim))
    assert team.serving() == 1
    drain()
    assert team.serving() == 2


def test_a_training_job_that_is_given_up_leaves_no_version_in_training(team: Team, drain: Drain) -> None:
    team.answer(30)
    job_id = team.train()
    with team.runtime.database.transaction() as session:
        claim = jobs.claim(session, job_id, lease=timedelta(minutes=1), attempts=5)
    assert claim is not None
    train._begin(Work(team.runtime, claim))
    assert team.versions()[0].status is VersionStatus.TRAINING
    with team.runtime.database.transaction() as session:
        past = utc_now() - timedelta(seconds=1)
        session.execute(update(JobRow).where(JobRow.id == job_id).values(lease_expires_at=past, attempts=5))
    perform(team.runtime, job_id)
    assert team.versions()[0].status is VersionStatus.FAILED
    drain()


def test_a_training_that_meets_a_full_disk_keeps_its_place_before_the_one_asked_for_meanwhile(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    team.answer(30)
    first, asked = team.train(), []

    def full(*_: object) -> str:
        team.answer(3)
        asked.append(team.train())
        raise OSError(errno.ENOSPC, "no room")

    with monkeypatch.context() as disk:
        disk.setattr(train, "save", full)
        perform(team.runtime, first)
    [second] = asked
    assert second != first
    with team.runtime.database.read() as session:
        said = {
            row.id: (row.status, row.error) for row in session.scalars(select(JobRow).where(JobRow.kind == Job.TRAIN))
        }
    assert said == {first: (JobStatus.RUNNING, NO_ROOM), second: (JobStatus.QUEUED, None)}
    assert [one.status for one in team.versions()] == [VersionStatus.TRAINING]
    perform(team.runtime, second)  # not before the first
    perform(team.runtime, first)
    perform(team.runtime, second)
    assert [one.status for one in team.versions()] == [VersionStatus.CANDIDATE] * 2
    marks = [one.decision_high_water for one in team.versions()]
    assert marks[1] == marks[0] + 3


def test_too_little_to_learn_is_said(team: Team) -> None:
    with pytest.raises(TooLittleToLearn):
        team.train()


def test_a_version_of_another_encoder_neither_answers_nor_serves(team: Team, drain: Drain) -> None:
    team.answer(30)
    perform(team.runtime, team.train())

    class Other:
        """The same vectors turned round, under another name."""

        def __init__(self, runtime: Runtime) -> None:
            self._own = runtime.encoder
            self.id, self.dimensions = "other@1/fp32", runtime.encoder.dimensions

        def encode(self, wanted: Sequence[str]) -> np.ndarray:
            return self._own.encode(wanted)[:, ::-1]

    changed = Team(Runtime(team.runtime.settings, team.runtime.database, Other(team.runtime)), team.caller, team.slug)
    for runtime in (changed.runtime, team.runtime):  # there, and back again
        with runtime.database.transaction() as session:
            _adopt_encoder(session, runtime)
        with runtime.database.read() as session:
            waiting = session.scalar(select(func.count()).where(ItemRow.encoder_id.is_(None)))
        assert waiting == 120
        with pytest.raises(NoVersion, match="another encoder"):
            team.promote(1)
        perform_kind(runtime, Job.EMBED)
        perform_kind(runtime, Job.EMBED)
        with runtime.database.read() as session:
            assert session.scalar(select(func.count()).where(ItemRow.encoder_id.is_(None))) == 0
            if runtime is changed.runtime:
                with pytest.raises(NoVersion, match="another encoder"):
                    runtime.heads.get(session, team.project(session), 1)
            else:
                assert runtime.heads.get(session, team.project(session), 1).number == 1
    drain()
    team.promote(1)
    assert team.serving() == 1


def test_what_is_erased_is_in_no_later_version(team: Team) -> None:
    leased = team.answer(30)
    victim = next(one.item for one in leased if one.task.reason is not Reason.AUDIT)
    job_id = team.train()
    original = train.learn

    def fit(*given: object) -> object:
        """While the version is trained, somebody asks for an item to be erased."""
        with team.runtime.database.transaction() as session:
            if session.get(ItemRow, victim.id) is not None:
                ingest.erase_item(session, team.caller, team.project(session), victim.id)
        return original(*given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "learn", fit)
        perform(team.runtime, job_id)
        assert team.versions()[0].status is VersionStatus.TRAINING
        with team.runtime.database.transaction() as session:
            session.execute(update(JobRow).values(due_at=utc_now()))
        perform(team.runtime, job_id)
    [version] = team.versions()
    assert version.status is VersionStatus.CANDIDATE
    with team.runtime.database.read() as session:
        left = labels_as_of(session, version.project_id)
    assert victim.id not in left.item.tolist()
    assert version.trained_decisions == int((~left.audit).sum())


class TestReview:
    def test_chains_of_decisions_and_undos(self, team: Team) -> None:
        one = next(one for one in team.lease(20) if one.task.reason is not Reason.AUDIT)
        accepted = team.decide(Action.ACCEPT, task_id=one.task.id)
        corrected = team.decide(categories=["Login"], item_id=one.item.id)
        flagged = team.decide(Action.FLAG, item_id=one.item.id)
        with pytest.raises(Conflict, match="later decision"):
            team.undo(corrected.id)
        for decision, state, current in (
            (flagged, "decided", corrected.id),
            (corrected, "decided", accepted.id),
            (accepted, "undecided", None),
        ):
            team.undo(decision.id)
            with team.runtime.database.read() as session:
                item = session.get_one(ItemRow, one.item.id)
                assert (item.state.value, item.decision_id) == (state, current)
        with pytest.raises(Conflict, match="taken back before"):
            team.undo(accepted.id)
        with team.runtime.database.read() as session:
            task = session.get_one(TaskRow, one.task.id)
            assert (task.open, task.holder) == (True, team.caller.key)
            assert len(labels_as_of(session, task.project_id)) == 0
            assert session.scalar(select(func.count()).select_from(DecisionRow)) == 6
        assert team.decide(Action.ACCEPT, task_id=one.task.id).id > accepted.id

    def test_a_skip_is_not_asked_again_until_it_is_taken_back(self, team: Team) -> None:
        skipped = [(one, team.decide(Action.SKIP, task_id=one.task.id)) for one in team.lease(3)]
        back = skipped[0][0].item.id
        team.undo(skipped[0][1].id)
        with team.runtime.database.transaction() as session:
            queue.release(session, team.caller, team.project(session), [skipped[0][0].task.id])
            jobs.enqueue(session, Job.QUEUE, key="again", project_id=team.project(session).id)
        perform_kind(team.runtime, Job.QUEUE)
        with team.runtime.database.read() as session:
            asked = set(session.scalars(select(TaskRow.item_id).where(TaskRow.open.is_(True))))
        gone = {one.item.id for one, _ in skipped} - {back}
        assert not asked & gone
        with team.runtime.database.read() as session:
            project = team.project(session)
            settled = set(session.scalars(queue._settled(project.id)))
        assert back not in settled

    def test_what_is_decided_while_the_ranking_is_made_is_not_asked_again(self, team: Team) -> None:
        with team.runtime.database.transaction() as session:
            job = jobs.enqueue(session, Job.QUEUE, key="again", project_id=team.project(session).id)
            claim = jobs.claim(session, job.id, lease=timedelta(minutes=1), attempts=5)
        assert claim is not None
        done: list[int] = []

        class Slow(Work):
            def completing(self, result: dict[str, object] | None = None):
                done.extend(one.item.id for one in team.answer(25))
                return super().completing(result)

        queue.run_queue(Slow(team.runtime, claim))
        with team.runtime.database.read() as session:
            asked = set(session.scalars(select(TaskRow.item_id).where(TaskRow.open.is_(True))))
        assert len(done) == 25
        assert not asked & set(done)

    def test_reserved_items_are_asked_as_audits_alone(self, team: Team) -> None:
        with team.runtime.database.read() as session:
            project = team.project(session)
            rows = session.execute(select(TaskRow.item_id, TaskRow.reason).where(TaskRow.open.is_(True))).all()
        ids = np.asarray([row[0] for row in rows], np.int64)
        audits = np.asarray([row[1] is Reason.AUDIT for row in rows])
        assert audits.any()
        assert np.array_equal(is_reserved(project.salt, ids, 0.1), audits)

    def test_a_project_without_anything_to_ask_gives_nothing(self, team: Team, drain: Drain) -> None:
        while team.answer(60):
            drain()
        assert team.lease(5) == []
        with team.runtime.database.transaction() as session:
            session.execute(delete(TaskRow))
        drain()
        assert team.lease(5) == []


def test_embedding_killed_again_and_again_gives_each_item_one_vector(
    runtime: Runtime, ann: Caller, project: ProjectRow, crash: Crash, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embed, "BLOCK_TEXTS", 10)
    put(runtime, ann, project, [NewItem(text) for text, _ in texts(45)])
    with runtime.database.read() as session:
        job_id = session.scalars(select(JobRow.id).where(JobRow.kind == Job.EMBED)).one()

    def attempt(doomed: Runtime) -> bool:
        perform(doomed, job_id)
        with runtime.database.read() as session:
            return session.get_one(JobRow, job_id).status is JobStatus.SUCCEEDED

    assert crash(attempt) >= 4
    with runtime.database.read() as session:
        vectors = session.scalars(select(VectorRow).order_by(VectorRow.position)).all()
        ids = set(session.scalars(select(ItemRow.id)))
    assert [vector.position for vector in vectors] == list(range(45))
    assert {vector.item_id for vector in vectors} == ids
    assert len(vectors) == len(ids)
