"""A version can be made again from its row, byte for byte; where not, it is said why."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from models.errors import Missing, NoVersion
from models.runtime import Runtime
from models.steps import ingest, reproduce
from models.steps.accounts import Caller
from models.steps.projects import update_category
from models.steps.snapshot import bystanders, lesson
from models.steps.train import learn
from models.store.queries.decisions import labels_as_of
from models.store.tables import CategoryRow, JobRow, ProjectRow
from models.vocabulary import JobStatus, TaskKind
from tests.integration.conftest import Drain
from tests.integration.test_learning import Team
from worker.entry import perform


@pytest.fixture
def team(runtime: Runtime, ann: Caller, filled: ProjectRow) -> Team:
    made = Team(runtime, ann, filled.slug)
    made.set(retrain_every=1_000_000)
    made.answer(40)
    perform(runtime, made.train())
    return made


def again(team: Team, number: int = 1) -> dict[str, Any]:
    with team.runtime.database.transaction() as session:
        job_id = reproduce.request_reproduction(session, team.caller, team.project(session), number).id
    perform(team.runtime, job_id)
    with team.runtime.database.read() as session:
        job = session.get_one(JobRow, job_id)
        assert job.status is JobStatus.SUCCEEDED, job.error
        return dict(job.result or {})


def test_a_version_is_the_same_whatever_came_after_it(team: Team, drain: Drain) -> None:
    drain()
    [version] = team.versions()
    team.answer(20)
    with team.runtime.database.transaction() as session:
        project = team.project(session)
        named = session.scalars(select(CategoryRow).where(CategoryRow.project_id == project.id)).all()
        update_category(session, team.caller, project, named[0].id, {"name": "Money", "description": "all about it"})
        update_category(session, team.caller, project, named[1].id, {"archived": True})
        ingest.add_items(session, team.caller, project, [ingest.NewItem("the parcel came without its lid")])
    drain()
    found = again(team)
    assert found["same"], found
    assert found["rebuilt_sha256"] == version.sha256
    assert "byte for byte" in found["summary"]
    assert list((team.runtime.settings.artifacts / "bundles").glob("*/1-*")) == [
        team.runtime.settings.artifacts / str(version.bundle)
    ]


def test_bystanders_are_items_it_learns_no_category_from(team: Team) -> None:
    with team.runtime.database.read() as session:
        given = lesson(team.runtime, session, team.project(session), team.versions()[0])
    beside = bystanders(given)
    learnt = given.pool.rows(given.pool.places(given.learnt.item))
    assert len(beside) == given.positions - len(np.unique(given.learnt.item))
    assert not any((beside == one).all(axis=1).any() for one in learnt)
    assert (bystanders(given) == beside).all()
    later = replace(given, positions=given.positions - 10)
    assert len(bystanders(later)) < len(beside)
    assert given.asked == len(np.unique(given.learnt.item)) / given.positions < later.asked < 1


def test_the_answers_of_the_hold_out_teach_nothing(team: Team) -> None:
    [version] = team.versions()
    with team.runtime.database.read() as session:
        given = lesson(team.runtime, session, team.project(session), version)
    assert len(given.held_out)
    turned = replace(given.held_out, category=given.held_out.category[::-1].copy())
    first = learn(given, TaskKind.SINGLE)
    other = learn(replace(given, held_out=turned), TaskKind.SINGLE)
    assert first.head.coef_.tobytes() == other.head.coef_.tobytes()
    assert first.calibration == other.calibration
    assert first.gate["neighbours"] is not None


def test_what_was_erased_since_is_why_it_differs(team: Team) -> None:
    with team.runtime.database.transaction() as session:
        project = team.project(session)
        learnt = labels_as_of(session, project.id, team.versions()[0].decision_high_water)
        item_id = int(learnt.item[~learnt.audit][0])
        ingest.erase_item(session, team.caller, project, item_id)
    found = again(team)
    assert not found["same"]
    assert found["rebuilt_sha256"] != found["sha256"]
    assert f"1 of the {found['decisions']} decisions it learnt from are there no more" in found["summary"]
    assert "items erased since: 1" in found["reasons"]
    assert any("coef_ differs" in reason for reason in found["reasons"])


@pytest.mark.parametrize("damage", ["changed", "missing", "unreadable"])
def test_a_bundle_that_was_tampered_with_is_found_out(team: Team, damage: str) -> None:
    [version] = team.versions()
    path = team.runtime.settings.artifacts / str(version.bundle) / "bundle.json"
    if damage == "missing":
        path.unlink()
    else:
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace('"version": 1', '"version": 7') if damage == "changed" else "{", encoding="utf-8")
    found = again(team)
    assert not found["same"]
    expected = {"changed": "manifest.version", "missing": "is missing", "unreadable": "is damaged"}[damage]
    assert any(expected in reason for reason in found["reasons"]), found["reasons"]


def test_another_encoder_is_why_it_cannot_be_made_again(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(team.runtime.encoder, "id", "another/encoder")
    found = again(team)
    assert not found["same"]
    assert found["rebuilt_sha256"] is None
    assert "another/encoder is in use now" in found["summary"]


def test_only_versions_that_are_there_can_be_made_again(team: Team) -> None:
    with team.runtime.database.transaction() as session:
        project = team.project(session)
        with pytest.raises(Missing):
            reproduce.request_reproduction(session, team.caller, project, 9)
        row = team.versions()[0]
        session.get_one(type(row), row.id).sha256 = None
        session.flush()
        with pytest.raises(NoVersion):
            reproduce.request_reproduction(session, team.caller, project, 1)
