"""Decisions that are likely wrong are found, asked again blindly, and audits stay out of it."""

from collections.abc import Sequence
from itertools import count
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import select, update

from models.errors import Invalid
from models.learn.encoders import Encoder
from models.pool.inputs import Inputs
from models.runtime import Runtime
from models.steps import queue, review, second_looks
from models.steps.accounts import Caller
from models.steps.items import NewItem
from models.steps.projects import create_project, find_project
from models.steps.reserve import is_reserved
from models.steps.score import pool_of
from models.store.queries.decisions import Labels
from models.store.tables import CategoryRow, DecisionRow, ItemRow, ProjectRow, TaskRow
from models.vocabulary import Action, Reason
from tests import working
from tests.integration.conftest import TOPICS, Drain, put, texts

WRONG = (7, 31)
ITEMS = texts(90)


@pytest.fixture
def decided(runtime: Runtime, ann: Caller, project: ProjectRow, drain: Drain) -> ProjectRow:
    """Ninety items that ann decided without a task, two of them wrongly."""
    put(runtime, ann, project, [NewItem(text) for text, _ in ITEMS])
    with runtime.database.transaction() as session:
        row = find_project(session, ann, project.slug)
        stored = np.asarray(session.scalars(select(ItemRow.id).order_by(ItemRow.id)).all())
        # No blind audit asks for a wrong one, so none of them is in somebody's hands when second looks are drawn.
        salts = (f"{number}" for number in count())
        row.salt = next(one for one in salts if not is_reserved(one, stored[list(WRONG)], 0.5).any())
    drain()
    with runtime.database.transaction() as session:
        row = find_project(session, ann, project.slug)
        ids = pool_of(runtime, session, row).item_ids.tolist()
        for place, item_id in enumerate(ids):
            name = ITEMS[place][1]
            if place in WRONG:
                name = next(other for other in TOPICS if other != name)
            new = review.NewDecision(Action.CORRECT, item_id=item_id, categories=[name])
            review.decide(session, ann, row, new, runtime.settings)
    return project


def listed(runtime: Runtime, caller: Caller, slug: str) -> list[second_looks.Suspect]:
    with runtime.database.read() as session:
        return second_looks.label_errors(runtime, session, find_project(session, caller, slug))[0]


def test_wrong_decisions_are_listed_with_what_speaks_against_them(
    runtime: Runtime, ann: Caller, decided: ProjectRow
) -> None:
    found = listed(runtime, ann, decided.slug)
    assert {one.item.text for one in found[:2]} == {ITEMS[place][0] for place in WRONG}
    truth = dict(ITEMS)
    for one in found[:2]:
        assert one.suggested == truth[one.item.text] != one.category
        assert one.decision.actor == ann.key
        assert 0.5 < one.score <= 1


def test_what_somebody_decides_once_more_is_settled_and_not_listed_again(
    runtime: Runtime, ann: Caller, decided: ProjectRow
) -> None:
    kept = listed(runtime, ann, decided.slug)[0]
    with runtime.database.transaction() as session:
        row = find_project(session, ann, decided.slug)
        again = review.NewDecision(Action.CORRECT, item_id=kept.item.id, categories=[kept.category])
        review.decide(session, ann, row, again, runtime.settings)
    left = [one.item.id for one in listed(runtime, ann, decided.slug)]
    assert left
    assert kept.item.id not in left


def test_pages_are_parts_of_the_whole(runtime: Runtime, ann: Caller, decided: ProjectRow) -> None:
    whole = [one.item.id for one in listed(runtime, ann, decided.slug)]
    pages, after = [], None
    with runtime.database.read() as session:
        row = find_project(session, ann, decided.slug)
        while True:
            page, after = second_looks.label_errors(runtime, session, row, after=after, limit=1)
            pages += [one.item.id for one in page]
            if after is None:
                break
    assert pages == whole


def test_what_is_settled_between_two_pages_leaves_no_other_out(
    runtime: Runtime, ann: Caller, decided: ProjectRow
) -> None:
    whole = [one.decision.id for one in listed(runtime, ann, decided.slug)]
    assert len(whole) > 1
    with runtime.database.transaction() as session:
        row = find_project(session, ann, decided.slug)
        first, after = second_looks.label_errors(runtime, session, row, limit=1)
        # a second look that was skipped takes an item off the list, and changes no other's place
        for one in first:
            decision = session.get_one(DecisionRow, one.decision.id)
            decision.reason = Reason.SECOND_LOOK
        session.flush()
        rest, _ = second_looks.label_errors(runtime, session, row, after=after)
    assert [one.decision.id for one in rest] == whole[1:]


def test_an_audit_is_neither_suspect_nor_witness(runtime: Runtime, ann: Caller, decided: ProjectRow) -> None:
    suspect = listed(runtime, ann, decided.slug)[0]
    with runtime.database.transaction() as session:
        audit = update(DecisionRow).where(DecisionRow.id == suspect.decision.id).values(reason=Reason.AUDIT)
        session.execute(audit)
    assert suspect.item.id not in {one.item.id for one in listed(runtime, ann, decided.slug)}
    with runtime.database.transaction() as session:
        session.execute(update(DecisionRow).values(reason=Reason.AUDIT))
    assert listed(runtime, ann, decided.slug) == []


@pytest.mark.usefixtures("decided")
def test_items_of_another_project_are_not_listed(runtime: Runtime, ann: Caller) -> None:
    with runtime.database.transaction() as session:
        other = create_project(session, ann, name="Another").slug
    assert listed(runtime, ann, other) == []


def test_the_queue_does_not_look_for_suspects_after_every_decision(
    runtime: Runtime, ann: Caller, decided: ProjectRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []
    find = second_looks._find

    def finding(encoder: Encoder, inputs: Inputs, labels: Labels, categories: Sequence[CategoryRow]) -> NDArray[Any]:
        looked.append(len(labels))
        return find(encoder, inputs, labels, categories)

    monkeypatch.setattr(second_looks, "_find", finding)
    for place, name in enumerate(["Login", "Billing", "Shipping", "Login"]):
        put(runtime, ann, decided, [NewItem(f"one more, {place}", category=name)])
        working.drain(runtime)
        with runtime.database.read() as session:
            row = find_project(session, ann, decided.slug)
            pool = pool_of(runtime, session, row)
            asked = [*second_looks.choose(runtime, session, row, pool, 2, np.random.default_rng(0))]
        assert asked
    assert looked == [88, 92]  # of 91 and 92, 93 and 94 decisions
    assert listed(runtime, ann, decided.slug)
    assert looked[2:] == [94]


def second_look_tasks(runtime: Runtime) -> list[TaskRow]:
    with runtime.database.read() as session:
        query = select(TaskRow).where(TaskRow.reason == Reason.SECOND_LOOK, TaskRow.open.is_(True))
        return list(session.scalars(query))


def test_the_queue_asks_again_without_a_hint_and_within_its_share(
    runtime: Runtime, ann: Caller, decided: ProjectRow, drain: Drain
) -> None:
    suspected = {one.item.id for one in listed(runtime, ann, decided.slug)}
    with runtime.database.transaction() as session:
        in_hand = queue.lease(runtime, session, ann, find_project(session, ann, decided.slug), 1)
    drain()
    held = {one.item.id for one in in_hand}
    tasks = second_look_tasks(runtime)
    assert len(held) == 1
    assert len(tasks) == 4  # five in a hundred of ninety decisions
    assert {task.item_id for task in tasks}.isdisjoint(held)
    by_chance = [task for task in tasks if task.inclusion_probability is not None]
    assert len(by_chance) == 2
    assert all(task.inclusion_probability == pytest.approx(2 / 87, abs=1e-6) for task in by_chance)
    assert {task.item_id for task in tasks if task.inclusion_probability is None} <= suspected

    with runtime.database.transaction() as session:
        leased = queue.lease(runtime, session, ann, find_project(session, ann, decided.slug), 50)
    again = [one for one in leased if one.task.reason is Reason.SECOND_LOOK]
    assert len(again) == 4
    for one in again:
        assert one.prediction is None
        assert one.explanation == "Asked a second time and without a hint, to see whether the answer holds."


def test_a_second_look_is_blind_settles_the_item_and_is_not_asked_a_third_time(
    runtime: Runtime, ann: Caller, decided: ProjectRow, drain: Drain
) -> None:
    truth = dict(ITEMS)
    with runtime.database.transaction() as session:
        queue.lease(runtime, session, ann, find_project(session, ann, decided.slug), 1)
    drain()
    with runtime.database.transaction() as session:
        row = find_project(session, ann, decided.slug)
        leased = queue.lease(runtime, session, ann, row, 50)
        with pytest.raises(Invalid, match="no prediction to accept"):
            review.decide(
                session, ann, row, review.NewDecision(Action.ACCEPT, task_id=leased[0].task.id), runtime.settings
            )
        for one in leased:
            new = review.NewDecision(Action.CORRECT, task_id=one.task.id, categories=[truth[one.item.text]])
            decision = review.decide(session, ann, row, new, runtime.settings).row
            assert decision.blind
            assert decision.reason is Reason.SECOND_LOOK
            assert decision.previous_id is not None
    looked = {one.item.id for one in leased}
    assert looked & {one.item.id for one in listed(runtime, ann, decided.slug)} == set()
    drain()
    with runtime.database.transaction() as session:
        more = queue.lease(runtime, session, ann, find_project(session, ann, decided.slug), 50)
    assert more == []


def test_a_rate_of_nothing_asks_nothing_again(runtime: Runtime, ann: Caller, decided: ProjectRow, drain: Drain) -> None:
    with runtime.database.transaction() as session:
        row = find_project(session, ann, decided.slug)
        row.settings = {**row.settings, "second_look_rate": 0.0}
        pool = pool_of(runtime, session, row)
        assert list(second_looks.choose(runtime, session, row, pool, 5, np.random.default_rng(0))) == []
        queue.lease(runtime, session, ann, row, 1)
    drain()
    assert second_look_tasks(runtime) == []
