"""Disputes over HTTP: several reviewers, a manager who settles, and who sees what when."""

from typing import Any

import pytest

from models.steps.accounts import SYSTEM, create_api_key
from models.vocabulary import Role
from tests.api.conftest import Winnow, make_project


@pytest.fixture
def second(winnow: Winnow) -> dict[str, str]:
    """The headers of another reviewer."""
    with winnow.database.transaction() as session:
        return {"X-API-Key": create_api_key(session, SYSTEM, name="second", role=Role.REVIEWER)[1]}


@pytest.fixture
def slug(winnow: Winnow) -> str:
    made = make_project(winnow, settings={"reviews_per_item": 2, "audit_rate": 0.0})
    items = [{"id": f"t{number}", "text": f"I was charged twice for order {number}"} for number in range(6)]
    assert winnow.post(f"/v1/projects/{made}/items", json={"items": items}).status_code == 201
    winnow.work()
    return made


def answer(winnow: Winnow, slug: str, headers: dict[str, str], external_id: str, **said: Any) -> dict[str, Any]:
    leased = winnow.http.post(f"/v1/projects/{slug}/queue/lease", json={"count": 50}, headers=headers).json()["tasks"]
    task = next(one for one in leased if one["item"]["external_id"] == external_id)
    made = winnow.http.post(
        f"/v1/projects/{slug}/decisions", json={"task_id": task["task_id"], **said}, headers=headers
    )
    assert made.status_code == 201, made.text
    ids = [one["task_id"] for one in leased]
    winnow.http.post(f"/v1/projects/{slug}/queue/release", json={"task_ids": ids}, headers=headers)
    return dict(made.json())


def test_a_dispute_from_two_answers_to_its_settlement(winnow: Winnow, slug: str, second: dict[str, str]) -> None:
    base, first = f"/v1/projects/{slug}", winnow.as_("reviewer")
    item = answer(winnow, slug, first, "t0", action="correct", categories=["Billing"], note="twice")["item_id"]
    detail = winnow.http.get(f"{base}/items/{item}", headers=second).json()
    assert (detail["state"], detail["category"], detail["decisions"]) == ("undecided", None, [])
    assert winnow.get(f"{base}/decisions").json()["items"] == []
    assert len(winnow.get(f"{base}/decisions", "reviewer").json()["items"]) == 1

    answer(winnow, slug, second, "t0", action="correct", categories=["Login"])
    assert winnow.get(f"{base}/stats").json()["items"]["disputed"] == 1
    assert [one["id"] for one in winnow.get(f"{base}/items?state=disputed").json()["items"]] == [item]
    (found,) = winnow.get(f"{base}/disputes", "manager").json()["items"]
    assert (found["item_id"], found["state"], found["most"], found["blind"]) == (item, "disputed", None, False)
    assert [(one["reviewer"], one["categories"], one["note"]) for one in found["answers"]] == [
        ("reviewer", ["Billing"], "twice"),
        ("second", ["Login"], None),
    ]
    assert found["prediction"]["category"] == "Billing"

    settling = {"categories": ["Billing"], "note": "orders are billing"}
    assert winnow.post(f"{base}/disputes/{item}", "reviewer", json=settling).status_code == 403
    unknown = winnow.post(f"{base}/disputes/{item}", "manager", json={"categories": ["Nothing"]})
    assert unknown.status_code == 422
    made = winnow.post(f"{base}/disputes/{item}", "manager", json=settling)
    assert made.status_code == 201, made.text
    assert winnow.get(f"{base}/disputes", "manager").json()["items"] == []
    assert winnow.get(f"{base}/items/{item}").json()["category"] == "Billing"
    again = winnow.post(f"{base}/disputes/{item}", "manager", json=settling)
    assert (again.status_code, again.json()["detail"][-26:]) == (409, "there is nothing to settle")

    assert winnow.call("DELETE", f"{base}/decisions/{made.json()['id']}", "manager").status_code == 204
    assert winnow.get(f"{base}/items/{item}").json()["state"] == "disputed"


def test_flagged_items_come_with_their_notes_page_by_page(winnow: Winnow, slug: str) -> None:
    base = f"/v1/projects/{slug}"
    for number in range(3):
        answer(winnow, slug, winnow.as_("reviewer"), f"t{number}", action="flag", note=f"what is this {number}")
    seen, cursor = [], ""
    for _ in range(3):
        page = winnow.get(f"{base}/flagged?limit=1{cursor}", "manager").json()
        seen += [one["answers"][0]["note"] for one in page["items"]]
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == ["what is this 2", "what is this 1", "what is this 0"]
    assert page["next_cursor"] is None
    assert winnow.get(f"{base}/disputes", "manager").json()["items"] == []


def test_another_projects_disputes_are_not_listed(winnow: Winnow, slug: str, second: dict[str, str]) -> None:
    answer(winnow, slug, winnow.as_("reviewer"), "t1", action="correct", categories=["Billing"])
    item = answer(winnow, slug, second, "t1", action="correct", categories=["Login"])["item_id"]
    other = make_project(winnow, name="Another")
    assert winnow.get(f"/v1/projects/{other}/disputes", "manager").json()["items"] == []
    made = winnow.post(f"/v1/projects/{other}/disputes/{item}", "manager", json={"categories": ["Login"]})
    assert made.status_code == 404
