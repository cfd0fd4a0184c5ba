"""Many at once over HTTP: groups, the decisions made from them, taking them back, and the map."""

from typing import Any

import numpy as np
import pytest

from models.steps.projects import settings_of
from models.steps.reserve import is_reserved
from models.store.tables import DecisionRow, ProjectRow
from tests.api.conftest import Winnow, make_project

TEXTS = ("I was charged twice for order {}", "error {} appears when I sign in")


def filled(winnow: Winnow, count: int = 80, **settings: Any) -> str:
    slug = make_project(winnow, settings={"retrain_every": 10_000, "audit_rate": 0.2, **settings})
    items = [{"id": f"t{n}", "text": TEXTS[n % 2].format(n)} for n in range(count)]
    assert winnow.post(f"/v1/projects/{slug}/items", json={"items": items}).status_code == 201
    winnow.work()
    return slug


def groups(winnow: Winnow, slug: str, **params: Any) -> list[dict[str, Any]]:
    answer = winnow.get(f"/v1/projects/{slug}/groups", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def members(found: list[dict[str, Any]]) -> list[str]:
    return [item["item_id"] for group in found for item in group["items"]]


def accepted(group: dict[str, Any], key: str = "g") -> dict[str, Any]:
    """The list a reviewer's page sends for a group."""
    return {
        "decisions": [
            {
                "item_id": item["item_id"],
                "action": "accept",
                "categories": group["categories"],
                "shown": {
                    "category": group["category"],
                    "confidence": item["confidence"],
                    "model_version": group["model_version"],
                },
                "if_undecided": True,
                "idempotency_key": f"{key}-{item['item_id']}",
            }
            for item in group["items"]
        ]
    }


def reserved(winnow: Winnow, item_ids: list[str]) -> int:
    with winnow.database.read() as session:
        project = session.query(ProjectRow).one()
        ids = np.asarray([int(one) for one in item_ids], np.int64)
        return int(is_reserved(project.salt, ids, settings_of(project).audit_rate).sum())


def test_groups_are_alike_and_never_hold_what_is_audited_or_held(winnow_on_each: Winnow) -> None:
    slug = filled(winnow_on_each)
    leased = winnow_on_each.post(f"/v1/projects/{slug}/queue/lease", json={"count": 15}, role="reviewer").json()
    held = {task["item"]["id"] for task in leased["tasks"]}
    found = groups(winnow_on_each, slug, limit=50)
    assert found
    ids = members(found)
    assert len(ids) == len(set(ids))
    assert not held & set(ids)
    everything = [item["id"] for item in winnow_on_each.get(f"/v1/projects/{slug}/items?limit=1000").json()["items"]]
    assert reserved(winnow_on_each, everything) > 0
    assert reserved(winnow_on_each, ids) == 0
    for group in found:
        assert len({item["external_id"][1:] for item in group["items"]}) >= 3
        assert 0 < group["likeness"] <= 1
        assert group["category"] in {"Billing", "Login"}
    assert {one["category"] for one in groups(winnow_on_each, slug, category="Login")} <= {"Login"}
    assert all(len(one["items"]) <= 4 for one in groups(winnow_on_each, slug, size=4))


def test_a_group_becomes_decisions_of_its_items_and_is_taken_back_whole(winnow_on_each: Winnow) -> None:
    slug = filled(winnow_on_each)
    group = groups(winnow_on_each, slug)[0]
    path = f"/v1/projects/{slug}/decisions"
    first = winnow_on_each.post(path, json=accepted(group), role="reviewer").json()["decisions"]
    assert {one["status"] for one in first} == {"created"}
    again = winnow_on_each.post(path, json=accepted(group), role="reviewer").json()["decisions"]
    assert [one["status"] for one in again] == ["repeated"] * len(first)
    assert [one["id"] for one in again] == [one["id"] for one in first]
    stats = winnow_on_each.get(f"/v1/projects/{slug}/stats").json()
    assert stats["items"]["decided"] == len(group["items"])
    with winnow_on_each.database.read() as session:
        rows = session.query(DecisionRow).all()
    assert all(row.predicted_category_id is not None and row.predicted_number == 0 and not row.blind for row in rows)
    assert not set(members(groups(winnow_on_each, slug, limit=50))) & {one["item_id"] for one in first}

    body = {"decision_ids": [one["id"] for one in first]}
    undone = winnow_on_each.post(f"{path}/undo", json=body, role="reviewer").json()["decisions"]
    assert {one["status"] for one in undone} == {"undone"}
    assert winnow_on_each.get(f"/v1/projects/{slug}/stats").json()["items"]["decided"] == 0
    twice = winnow_on_each.post(f"{path}/undo", json=body, role="reviewer").json()["decisions"]
    assert {one["error"]["code"] for one in twice} == {"not-undoable"}


def test_what_was_settled_or_taken_meanwhile_is_refused_alone(winnow: Winnow) -> None:
    slug = filled(winnow)
    group = groups(winnow, slug)[0]
    path = f"/v1/projects/{slug}/decisions"
    taken = group["items"][0]["item_id"]
    body = {"item_id": taken, "action": "correct", "categories": ["Login"]}
    assert winnow.post(path, json=body).status_code == 201
    leased = winnow.post(f"/v1/projects/{slug}/queue/lease", json={"count": 50}, role="manager").json()["tasks"]
    held = {task["item"]["id"] for task in leased} & {item["item_id"] for item in group["items"]}
    outcomes = winnow.post(path, json=accepted(group), role="reviewer").json()["decisions"]
    by_item = dict(zip([item["item_id"] for item in group["items"]], outcomes, strict=True))
    assert by_item.pop(taken)["error"]["code"] == "already-decided"
    assert held
    assert {by_item.pop(one)["error"]["code"] for one in held} == {"lease-lost"}
    assert {one["status"] for one in by_item.values()} <= {"created"}
    assert winnow.get(f"/v1/projects/{slug}/items/{taken}").json()["category"] == "Login"


def test_a_blind_question_is_not_answered_from_a_group(winnow: Winnow) -> None:
    slug = filled(winnow)
    tasks = winnow.post(f"/v1/projects/{slug}/queue/lease", json={"count": 50}).json()["tasks"]
    audit = next(task for task in tasks if task["reason"] == "audit")
    winnow.post(f"/v1/projects/{slug}/queue/release", json={"task_ids": [task["task_id"] for task in tasks]})
    assert members(groups(winnow, slug, item_id=[audit["item"]["id"]])) == []
    body = {"item_id": audit["item"]["id"], "action": "correct", "categories": ["Login"], "if_undecided": True}
    assert winnow.post(f"/v1/projects/{slug}/decisions", json=body).json()["type"].endswith("already-decided")


def test_where_several_people_are_asked_there_are_no_groups(winnow: Winnow) -> None:
    slug = filled(winnow, reviews_per_item=2)
    assert groups(winnow, slug) == []
    item = winnow.get(f"/v1/projects/{slug}/items").json()["items"][0]["id"]
    assert groups(winnow, slug, item_id=[item]) == []


def test_chosen_items_are_grouped_by_their_answer(winnow: Winnow) -> None:
    slug = filled(winnow)
    ids = members(groups(winnow, slug, limit=50))
    chosen = groups(winnow, slug, item_id=ids)
    assert sorted(members(chosen)) == sorted(ids)
    assert [one["likeness"] for one in chosen] == [None] * len({one["category"] for one in chosen})
    assert groups(winnow, slug, item_id=["999999"]) == []


def test_the_map_has_every_item_of_a_small_project_and_a_sample_of_a_large_one(winnow_on_each: Winnow) -> None:
    slug = filled(winnow_on_each)
    whole = winnow_on_each.get(f"/v1/projects/{slug}/map").json()
    assert whole["total"] == len(whole["items"]) == 80
    assert all(-1 <= one["x"] <= 1 and -1 <= one["y"] <= 1 and one["category"] for one in whole["items"])
    part = winnow_on_each.get(f"/v1/projects/{slug}/map", params={"limit": 10}).json()
    assert part["items"] == whole["items"][:10]
    item = whole["items"][0]["item_id"]
    body = {"item_id": item, "action": "correct", "categories": ["Login"]}
    winnow_on_each.post(f"/v1/projects/{slug}/decisions", json=body)
    now = winnow_on_each.get(f"/v1/projects/{slug}/map").json()["items"][0]
    assert (now["category"], now["state"]) == ("Login", "decided")
    winnow_on_each.call("DELETE", f"/v1/projects/{slug}/items/{item}")
    left = winnow_on_each.get(f"/v1/projects/{slug}/map").json()
    assert item not in {one["item_id"] for one in left["items"]}
    assert left["total"] == 79


@pytest.mark.parametrize("path", ["groups", "map"])
def test_an_empty_project_has_neither_and_another_projects_items_stay_out(winnow: Winnow, path: str) -> None:
    slug = filled(winnow)
    other = make_project(winnow, name="Other")
    ids = members(groups(winnow, slug))
    assert winnow.get(f"/v1/projects/{other}/{path}", params={"item_id": ids}).json()["items"] == []
    assert winnow.get(f"/v1/projects/absent/{path}").status_code == 404
