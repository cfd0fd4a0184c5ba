"""What comes in is compared with what was there; what fits nothing is grouped and named."""

from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import select, update

from models.errors import BadReference
from models.runtime import Runtime
from models.steps import drift, newcomers, novelty, queue, review, serve, train
from models.steps.accounts import Caller
from models.steps.items import NewItem
from models.steps.projects import NewCategory, create_project, find_project
from models.steps.reserve import is_reserved
from models.store.queries.projects import categories_of
from models.store.tables import ItemRow, ProjectRow
from models.vocabulary import Action, Reason
from tests.integration.conftest import Drain, put, texts

TRUTH = dict(texts(120))
PARROTS = [f"my parrot number {n} will not talk to its cage" for n in range(12)]


@pytest.fixture
def trained(runtime: Runtime, ann: Caller, filled: ProjectRow, drain: Drain) -> ProjectRow:
    """The project with half of its items decided and a version that serves."""
    with runtime.database.transaction() as session:
        row = find_project(session, ann, filled.slug)
        row.settings = {**row.settings, "retrain_every": 10_000}
        for item in session.scalars(select(ItemRow).order_by(ItemRow.id).limit(60)).all():
            new = review.NewDecision(Action.CORRECT, item_id=item.id, categories=[TRUTH[item.text]])
            review.decide(session, ann, row, new, runtime.settings)
        train.request_training(session, ann, row)
    drain()
    return filled


def look(runtime: Runtime, caller: Caller, project: ProjectRow, days: int = 30) -> drift.Drifted:
    with runtime.database.read() as session:
        return drift.drifted(runtime, session, find_project(session, caller, project.slug), days)


def more(runtime: Runtime, caller: Caller, project: ProjectRow, drain: Drain, new: list[str]) -> None:
    put(runtime, caller, project, [NewItem(text) for text in new])
    drain()


def test_another_mix_is_a_shift_and_is_named(runtime: Runtime, ann: Caller, trained: ProjectRow, drain: Drain) -> None:
    more(runtime, ann, trained, drain, [f"parcel {n} has not arrived yet" for n in range(1_000, 1_060)])
    found = look(runtime, ann, trained)
    assert found.number == 1
    assert (found.shift.reference, found.shift.recent) == (120, 60)
    assert found.shifted
    assert found.test.categories < 0.01
    assert found.mix[0].category == "Shipping"
    assert found.mix[0].recent > 0.9
    assert found.mix[0].reference == pytest.approx(1 / 3, abs=0.05)
    assert "Shipping was 3" in found.advice


def test_more_of_the_same_is_no_shift(runtime: Runtime, ann: Caller, trained: ProjectRow, drain: Drain) -> None:
    more(runtime, ann, trained, drain, [text.replace("number", "no.") + " now" for text, _ in texts(60)])
    found = look(runtime, ann, trained)
    assert (found.shift.reference, found.shift.recent) == (120, 60)
    assert found.shift.categories < 0.1
    assert found.test.categories > 0.01


def test_requests_of_programs_are_held_against_the_items(runtime: Runtime, ann: Caller, trained: ProjectRow) -> None:
    assert look(runtime, ann, trained).requests is None

    def ask(wordings: list[str]) -> drift.Requests | None:
        serve.predict(runtime, ann, trained.slug, [NewItem(text) for text in wordings])
        return look(runtime, ann, trained).requests

    assert ask(["parcel 7 has not arrived yet"] * 19) is None
    alike = ask([text.replace("number", "no.") for text, _ in texts(60)][:41])
    assert alike is not None
    assert alike.recent == 60
    other = ask([f"parcel {n} has not arrived yet" for n in range(200)])
    assert other is not None
    assert other.recent == 260
    assert other.shifted
    assert other.p_value < 0.01
    assert other.mix[0].category == "Shipping"
    found = look(runtime, ann, trained)
    assert not found.shifted  # no item came in
    assert found.anything


def test_too_little_is_said_to_be_too_little(runtime: Runtime, ann: Caller, trained: ProjectRow) -> None:
    found = look(runtime, ann, trained)
    assert not found.shifted
    assert found.test.either == 1.0
    assert found.advice.startswith("0 recent items stand against 120")


def test_recent_ends_where_the_days_do(runtime: Runtime, ann: Caller, trained: ProjectRow, drain: Drain) -> None:
    more(runtime, ann, trained, drain, [f"parcel {n} has not arrived yet" for n in range(1_000, 1_060)])
    with runtime.database.transaction() as session:
        project = find_project(session, ann, trained.slug)
        newest = session.scalars(select(ItemRow).where(ItemRow.project_id == project.id).order_by(ItemRow.id)).all()
        long_ago = newest[0].created_at - timedelta(days=400)
        session.execute(update(ItemRow).where(ItemRow.id <= newest[-31].id).values(created_at=long_ago))
    assert look(runtime, ann, trained).shift.recent == 30


def test_a_project_that_nothing_came_into_has_no_drift(runtime: Runtime, ann: Caller) -> None:
    with runtime.database.transaction() as session:
        empty = create_project(session, ann, name="Empty")
        assert drift.drifted(runtime, session, empty, 7).advice.startswith("0 recent items")
        assert novelty.novelty(runtime, session, empty).groups == []


def test_what_fits_nothing_is_grouped_and_named(
    runtime: Runtime, ann: Caller, trained: ProjectRow, drain: Drain
) -> None:
    more(runtime, ann, trained, drain, PARROTS)
    with runtime.database.read() as session:
        found = novelty.novelty(runtime, session, find_project(session, ann, trained.slug))
    assert found.looked_at == 72
    assert found.unfamiliar >= len(PARROTS)
    first = found.groups[0]
    assert first.size == len(PARROTS)
    assert "parrot" in first.words
    assert first.name == ", ".join(first.words)
    assert len(first.examples) == 5
    assert {one.text for one in first.examples} <= set(PARROTS)
    assert "add it" in found.advice


def test_what_fits_nothing_is_made_a_category_and_asked_about(
    runtime: Runtime, ann: Caller, trained: ProjectRow, drain: Drain
) -> None:
    more(runtime, ann, trained, drain, PARROTS)
    with runtime.database.transaction() as session:
        row = find_project(session, ann, trained.slug)
        group = novelty.novelty(runtime, session, row).groups[0]
        like = [one.item_id for one in group.examples]
        parrots = set(session.scalars(select(ItemRow.id).where(ItemRow.text.in_(PARROTS))))
        kept_for_audits = {one for one in parrots if is_reserved(row.salt, np.array([one]), 0.1).all()}
        made = newcomers.make_category(runtime, session, ann, row, NewCategory("Pets"), like, 50)
        assert set(made.asked) == parrots - kept_for_audits
    drain()
    with runtime.database.transaction() as session:
        row = find_project(session, ann, trained.slug)
        leased = queue.lease(runtime, session, ann, row, len(made.asked))
        assert {one.item.id for one in leased} == set(made.asked)
        assert {one.explanation for one in leased} == {"Asked because Pets is a new category."}
        assert {one.task.reason for one in leased} == {Reason.REQUESTED}


def test_at_most_so_many_are_asked_and_what_is_not_there_is_refused(
    runtime: Runtime, ann: Caller, trained: ProjectRow, drain: Drain
) -> None:
    more(runtime, ann, trained, drain, PARROTS)
    with runtime.database.transaction() as session:
        row = find_project(session, ann, trained.slug)
        like = [one.item_id for one in novelty.novelty(runtime, session, row).groups[0].examples]
        first = newcomers.make_category(runtime, session, ann, row, NewCategory("Pets"), like, 3)
        assert len(first.asked) == 3
        again = newcomers.make_category(runtime, session, ann, row, NewCategory("Birds"), like, 50)
        assert not set(again.asked) & set(first.asked)  # they are asked about already
        assert newcomers.make_category(runtime, session, ann, row, NewCategory("Cages"), like, 0).asked == []

    def made_like(ids: list[int]) -> None:
        with runtime.database.transaction() as session:
            row = find_project(session, ann, trained.slug)
            newcomers.make_category(runtime, session, ann, row, NewCategory("Ghosts"), ids, 5)

    for ids in ([10**9], [*like, 10**9]):
        with pytest.raises(BadReference):
            made_like(ids)
    with runtime.database.read() as session:
        row = find_project(session, ann, trained.slug)
        assert "Ghosts" not in {one.name for one in categories_of(session, row.id)}


def test_nothing_is_new_before_enough_is_decided(runtime: Runtime, ann: Caller, filled: ProjectRow) -> None:
    with runtime.database.read() as session:
        found = novelty.novelty(runtime, session, find_project(session, ann, filled.slug))
    assert (found.looked_at, found.groups) == (0, [])
    assert found.advice == "There are 0 decided items; 20 are needed before something can be called new."
