"""Likely errors, agreement, drift, novelty and forecast over HTTP, on each database."""

import pytest

from tests.api.conftest import Winnow, make_project

PATHS = ("label-errors", "agreement", "drift", "novelty", "forecast")
TEXTS = {
    "Billing": ("I was charged twice for order {}", "invoice {} shows the wrong amount"),
    "Login": ("error {} appears when I sign in", "the password reset mail {} never came"),
}


def filled(winnow: Winnow, name: str = "Support tickets", count: int = 60) -> str:
    """A project with items that came with their categories, the one of item 8 wrong, and a version that serves."""
    slug = make_project(winnow, name=name, settings={"retrain_every": 10_000})
    names = list(TEXTS)
    items = []
    for number in range(count):
        text = TEXTS[names[number % 2]][number // 2 % 2].format(number)
        category = names[1 if number == 8 else number % 2]
        items.append({"id": f"t{number}", "text": text, "category": category})
    assert winnow.post(f"/v1/projects/{slug}/items", json={"items": items}).status_code == 201
    winnow.work()
    assert winnow.post(f"/v1/projects/{slug}/train").status_code == 202
    winnow.work()
    return slug


def test_label_errors_are_paged_and_say_what_speaks_against_them(winnow_on_each: Winnow) -> None:
    slug = filled(winnow_on_each)
    whole = winnow_on_each.get(f"/v1/projects/{slug}/label-errors").json()
    first = whole["items"][0]
    assert (first["external_id"], first["category"], first["suggested"]) == ("t8", "Login", "Billing")
    assert first["text"] == "I was charged twice for order 8"
    assert (first["decided_by"], first["source"]) == ("admin", "import")
    assert 0.5 < first["score"] <= 1
    assert winnow_on_each.get(f"/v1/projects/{slug}/items/{first['item_id']}").json()["external_id"] == "t8"

    seen, cursor = [], None
    while True:
        page = winnow_on_each.get(f"/v1/projects/{slug}/label-errors", params={"limit": 1, "cursor": cursor}).json()
        seen += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == whole["items"]


def test_a_decision_put_right_is_no_longer_suspected(winnow_on_each: Winnow) -> None:
    slug = filled(winnow_on_each)
    wrong = winnow_on_each.get(f"/v1/projects/{slug}/label-errors").json()["items"][0]
    body = {"item_id": wrong["item_id"], "action": "correct", "categories": [wrong["suggested"]]}
    assert winnow_on_each.post(f"/v1/projects/{slug}/decisions", json=body).status_code == 201
    left = winnow_on_each.get(f"/v1/projects/{slug}/label-errors").json()["items"]
    assert wrong["item_id"] not in {one["item_id"] for one in left}


def test_drift_and_novelty_answer(winnow_on_each: Winnow) -> None:
    slug = filled(winnow_on_each)
    parrots = [{"text": f"parrot {n} will not talk in its cage"} for n in range(25)]
    winnow_on_each.post(f"/v1/projects/{slug}/items", json={"items": parrots})
    winnow_on_each.work()
    shift = winnow_on_each.get(f"/v1/projects/{slug}/drift", params={"days": 30}).json()
    assert (shift["model_version"], shift["reference"], shift["recent"]) == (1, 60, 25)
    assert shift["shifted"]
    assert shift["meaning"]["p_value"] <= 0.01
    assert {one["category"] for one in shift["mix"]} == {"Billing", "Login"}
    assert shift["since"].endswith("Z")
    assert shift["requests"] is None
    asked = [{"text": f"invoice {n} shows the wrong amount"} for n in range(30)]
    winnow_on_each.post(f"/v1/projects/{slug}/predict", json={"items": asked})
    asked = winnow_on_each.get(f"/v1/projects/{slug}/drift", params={"days": 30}).json()["requests"]
    assert asked["recent"] == 30
    assert asked["shifted"]
    assert {one["category"] for one in asked["mix"]} == {"Billing", "Login"}
    new = winnow_on_each.get(f"/v1/projects/{slug}/novelty", params={"limit": 1}).json()
    assert (new["looked_at"], new["unfamiliar"]) == (25, 25)
    assert "parrot" in new["items"][0]["words"]
    assert len(new["items"][0]["examples"]) == 5


def test_forecast_and_agreement_say_when_there_is_too_little(winnow_on_each: Winnow) -> None:
    slug = filled(winnow_on_each)
    outlook = winnow_on_each.get(f"/v1/projects/{slug}/forecast").json()
    assert outlook["items"] == []
    assert "too early" in outlook["advice"]
    agreed = winnow_on_each.get(f"/v1/projects/{slug}/agreement").json()
    assert agreed["reviewers"] == []
    assert agreed["between"] == {
        "alpha": None, "low": None, "high": None, "items": 0, "answers": 0, "same": 0, "same_low": 0, "same_high": 1
    }  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_a_project_with_nothing_in_it_is_no_error(winnow: Winnow, path: str) -> None:
    winnow.post("/v1/projects", json={"name": "Empty"})
    assert winnow.get(f"/v1/projects/empty/{path}").status_code == 200
    assert winnow.get(f"/v1/projects/absent/{path}").status_code == 404


@pytest.mark.parametrize(
    "query",
    [
        "drift?days=0",
        "drift?days=366",
        "novelty?limit=0",
        "novelty?limit=x",
        "label-errors?cursor=zzz",
        "label-errors?cursor=dzI6bmFuOjE",
        "label-errors?cursor=dzI6MHgxcDA6MA",
        "label-errors?cursor=dzE6MQ",
    ],
)
def test_what_cannot_be_asked_is_refused(winnow: Winnow, project: str, query: str) -> None:
    answer = winnow.get(f"/v1/projects/{project}/{query}")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_automation_says_that_it_stands(winnow: Winnow) -> None:
    slug = filled(winnow)
    for answer in (
        winnow.get(f"/v1/projects/{slug}/automation").json(),
        winnow.get(f"/v1/projects/{slug}/stats").json()["automation"],
    ):
        assert (answer["suspended"], answer["reason"]) == (False, None)
