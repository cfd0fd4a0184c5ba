"""The way of an item over HTTP: predict, review, learn, promote, roll back, take out."""

import csv
import io
import json
import re
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import event

from tests.api.conftest import Winnow, make_project

TOPICS = {
    "Billing": ("I was charged twice for order {}", "my invoice number {} shows the wrong amount"),
    "Login": ("I cannot sign in, error {} appears", "the password reset mail {} never came"),
}


def texts(count: int) -> dict[str, str]:
    names = list(TOPICS)
    return {TOPICS[names[n % 2]][(n // 2) % 2].format(n): names[n % 2] for n in range(count)}


@pytest.fixture
def filled(winnow: Winnow, project: str) -> str:
    items = [{"id": f"T-{n}", "text": text} for n, text in enumerate(texts(60))]
    answer = winnow.post(f"/v1/projects/{project}/items", json={"items": items})
    assert (answer.json()["added"], answer.json()["duplicate"]) == (60, 0)
    winnow.work()
    return f"/v1/projects/{project}"


def review(winnow: Winnow, path: str, count: int) -> list[dict]:
    truth = texts(60)
    tasks = winnow.post(f"{path}/queue/lease", "reviewer", json={"count": count}).json()["tasks"]
    decisions = [
        {
            "task_id": task["task_id"],
            "action": "correct",
            "categories": [truth[task["item"]["text"]]],
            "seconds": 1.5,
            "idempotency_key": f"card-{task['task_id']}",
        }
        for task in tasks
    ]
    answer = winnow.post(f"{path}/decisions", "reviewer", json={"decisions": decisions})
    assert answer.status_code == 201, answer.text
    return list(answer.json()["decisions"])


def test_duplicates_are_counted_not_stored_twice(winnow: Winnow, filled: str) -> None:
    first = next(iter(texts(1)))
    again = [
        {"id": "new", "text": first.upper()},
        {"id": "T-0", "text": "other"},
        {"text": "new text"},
        {"text": "new text"},
    ]
    answer = winnow.post(f"{filled}/items", json={"items": again}).json()
    assert (answer["added"], answer["duplicate"]) == (1, 3)
    assert [one["status"] for one in answer["items"]] == ["duplicate", "duplicate", "added", "duplicate"]


def test_predictions_before_any_decision(winnow: Winnow, filled: str) -> None:
    body = {"items": [{"text": "charged twice"}, {"fields": {"subject": "Help", "body": "cannot sign in"}}], "top_k": 1}
    answer = winnow.post(f"{filled}/predict", "program", json=body).json()
    assert answer["model_version"] == 0
    assert [one["category"] for one in answer["predictions"]] == ["Billing", "Login"]
    for one in answer["predictions"]:
        assert one["decision"] == "review"
        assert 0 <= one["confidence"] <= 1
        assert one["top"] == [{"category": one["category"], "confidence": one["confidence"]}]
        assert one["item_id"] is None


def test_a_prediction_is_explained_where_that_is_asked(winnow: Winnow, filled: str) -> None:
    body = {"items": [{"text": "I was charged twice"}, {"text": "cannot sign in"}], "explain": True}
    first, second = winnow.post(f"{filled}/predict", "program", json=body).json()["predictions"]
    assert max(first["words"], key=lambda one: one["weight"])["word"] == "charged"
    assert {one["word"] for one in second["words"]} == {"cannot", "sign", "in"}
    for one in second["words"]:
        assert "cannot sign in"[one["start"] : one["end"]] == one["word"]
    too_many = winnow.post(f"{filled}/predict", json={"items": [{"text": "x"}] * 21, "explain": True})
    assert (too_many.status_code, too_many.json()["errors"][0]["loc"]) == (422, ["body", "explain"])


def test_a_project_with_one_category_cannot_answer(winnow: Winnow) -> None:
    winnow.post("/v1/projects", json={"name": "Lonely", "categories": [{"name": "one"}]})
    answer = winnow.post("/v1/projects/lonely/predict", json={"items": [{"text": "x"}]})
    assert (answer.status_code, answer.json()["code"]) == (409, "too-few-categories")


def test_leases_decisions_and_undo(winnow: Winnow, filled: str) -> None:
    tasks = winnow.post(f"{filled}/queue/lease", "reviewer", json={"count": 5}).json()["tasks"]
    assert len(tasks) == 5
    task = tasks[0]
    assert set(task) == {"task_id", "item", "prediction", "reason", "explanation", "expires_at"}
    others = winnow.post(f"{filled}/queue/lease", "manager", json={"count": 50}).json()["tasks"]
    assert not {one["item"]["id"] for one in others} & {one["item"]["id"] for one in tasks}
    stolen = winnow.post(f"{filled}/decisions", "manager", json={"task_id": task["task_id"], "action": "skip"})
    assert (stolen.status_code, stolen.json()["code"]) == (409, "lease-lost")
    looked_up = {"item_id": task["item"]["id"], "action": "correct", "categories": ["Login"]}
    for more in ({}, {"although_leased": True, "if_undecided": True}):
        stolen = winnow.post(f"{filled}/decisions", "manager", json=looked_up | more)
        assert (stolen.status_code, stolen.json()["code"]) == (409, "lease-lost")

    body = {"task_id": task["task_id"], "action": "correct", "categories": ["Billing"], "note": "clear"}
    made = winnow.post(f"{filled}/decisions", "reviewer", json=body)
    assert made.status_code == 201
    assert set(made.json()) == {"id", "item_id", "categories", "undoable_until"}
    again = winnow.post(f"{filled}/decisions", "reviewer", json=body)
    assert (again.status_code, again.json()["code"]) == (409, "already-decided")

    undone = winnow.call("DELETE", f"{filled}/decisions/{made.json()['id']}", "reviewer")
    assert undone.status_code == 204
    twice = winnow.call("DELETE", f"{filled}/decisions/{made.json()['id']}", "reviewer")
    assert (twice.status_code, twice.json()["code"]) == (409, "not-undoable")
    history = winnow.get(f"{filled}/decisions", "reviewer").json()["items"]
    assert [one["action"] for one in history] == ["undo", "correct"]
    assert history[0]["supersedes"] == history[1]["id"]
    assert winnow.get(f"{filled}/items/{made.json()['item_id']}").json()["state"] == "undecided"

    other = {**looked_up, "item_id": tasks[1]["item"]["id"], "although_leased": True}
    assert winnow.post(f"{filled}/decisions", "manager", json=other).status_code == 201
    released = winnow.post(f"{filled}/queue/release", "reviewer", json={"task_ids": [one["task_id"] for one in tasks]})
    assert released.json() == {"released": 5}
    assert winnow.post(f"{filled}/decisions", "manager", json=looked_up).status_code == 201


def test_a_list_of_decisions_keeps_the_good_and_knows_repeats(winnow: Winnow, filled: str) -> None:
    first = review(winnow, filled, 3)
    assert [one["status"] for one in first] == ["created"] * 3
    item = first[0]["item_id"]
    mixed = [
        {"item_id": item, "action": "correct", "categories": ["Login"], "idempotency_key": "a"},
        {"item_id": item, "action": "correct", "categories": ["Login"], "idempotency_key": "a"},
        {"item_id": item, "action": "correct", "categories": ["Nothing such"]},
        {"item_id": "999999", "action": "skip"},
    ]
    outcomes = winnow.post(f"{filled}/decisions", "reviewer", json={"decisions": mixed}).json()["decisions"]
    assert [one["status"] for one in outcomes] == ["created", "repeated", "failed", "failed"]
    assert outcomes[0]["id"] == outcomes[1]["id"]
    assert [one["error"] and one["error"]["code"] for one in outcomes] == [None, None, "bad-reference", "not-found"]


def test_an_audit_task_shows_no_prediction(winnow: Winnow, filled: str) -> None:
    tasks = winnow.post(f"{filled}/queue/lease", "reviewer", json={"count": 50}).json()["tasks"]
    blind = [task for task in tasks if task["reason"] == "audit"]
    assert blind
    assert all(task["prediction"] is None for task in blind)
    assert all(task["prediction"] is not None for task in tasks if task["reason"] != "audit")


def test_what_people_decide_becomes_a_version_that_serves(winnow: Winnow, filled: str) -> None:
    too_little = winnow.post(f"{filled}/train", "manager")
    assert (too_little.status_code, too_little.json()["code"]) == (409, "too-little-to-learn")
    review(winnow, filled, 19)
    started = winnow.post(f"{filled}/train", "manager")
    assert started.status_code == 202
    winnow.work()
    done = winnow.get(f"/v1/jobs/{started.json()['id']}").json()
    assert (done["status"], done["progress"]) == ("succeeded", {"done": 1, "total": 1})

    listed = winnow.get(f"{filled}/models").json()["items"]
    assert [(one["version"], one["status"]) for one in listed] == [(1, "serving")]
    assert len(listed[0]["artifact_sha256"]) == 64
    shown = winnow.get(f"{filled}/models/1").json()
    assert shown["trained_on"]["categories"] == 2
    assert shown.keys() >= listed[0].keys() | {"per_category", "confusion"}
    predicted = winnow.post(f"{filled}/predict", json={"items": [{"text": "charged twice"}]}).json()
    assert predicted["model_version"] == 1
    older = winnow.post(f"{filled}/predict", json={"items": [{"text": "x"}], "model_version": 0}).json()
    assert older["model_version"] == 0
    missing = winnow.post(f"{filled}/predict", json={"items": [{"text": "x"}], "model_version": 9})
    assert 404 <= missing.status_code <= 409

    back = winnow.post(f"{filled}/models/rollback", "manager")
    assert (back.status_code, back.json()["version"], back.json()["status"]) == (200, 0, "serving")
    none = winnow.post(f"{filled}/models/rollback", "manager")
    assert none.status_code == 409
    again = winnow.post(f"{filled}/models/1/promote", "manager", json={"reason": "it is better"})
    assert (again.json()["version"], again.json()["status"]) == (1, "serving")

    compared = winnow.get(f"{filled}/models/0/compare/1").json()
    assert (compared["a"], compared["b"], compared["pool"]) == (0, 1, 60)
    assert compared["changed"] >= len(compared["flips"])
    stats = winnow.get(f"{filled}/stats", "reviewer").json()
    assert (stats["serving_model"], stats["decisions"]["total"]) == (1, 19)
    assert stats["latest_model"]["version"] == 1
    winnow.work()
    assert isinstance(winnow.get(f"{filled}/accuracy").json(), list)
    automation = winnow.get(f"{filled}/automation", params={"target": 0.9}).json()
    assert set(automation) >= {"target", "threshold", "share", "certainty", "audits", "audits_needed"}


def test_a_program_asks_people_and_learns_the_answer(winnow: Winnow, filled: str) -> None:
    body = {"items": [{"id": "P-1", "text": "a wholly new question"}], "review": "always"}
    asked = winnow.post(f"{filled}/predict", "program", json=body).json()["predictions"][0]
    item = f"{filled}/items/{asked['item_id']}"
    seen = winnow.get(item, "program").json()
    assert (seen["state"], seen["external_id"], seen["neighbours"]) == ("undecided", "P-1", [])
    task = winnow.post(f"{filled}/queue/lease", "reviewer", json={"count": 1}).json()["tasks"][0]
    assert task["item"]["id"] == asked["item_id"]
    assert task["reason"] in {"requested", "audit"}, "by chance it is one of those that are kept for audits"
    decision = {"task_id": task["task_id"], "action": "correct", "categories": ["Login"]}
    winnow.post(f"{filled}/decisions", "reviewer", json=decision)
    assert winnow.get(item, "program").json()["category"] == "Login"
    assert winnow.get(f"{filled}/items/1", "program").status_code == 404, "an item that it did not send"
    assert winnow.get(f"{filled}/items/1", "reviewer").status_code == 200


def test_feedback_becomes_a_decision(winnow: Winnow, filled: str) -> None:
    told = winnow.post(f"{filled}/predict", "program", json={"items": [{"text": "never seen"}]}).json()
    prediction = told["predictions"][0]["prediction_id"]
    for name in ({"prediction_id": prediction}, {"external_id": "T-1"}, {"item_id": "3"}, {"text": "quite new"}):
        answer = winnow.post(f"{filled}/feedback", "program", json={**name, "category": "billing"})
        assert answer.status_code == 201, answer.text
        assert answer.json()["decision_id"].isdigit()
    listed = winnow.get(f"{filled}/decisions", params={"source": "feedback"}).json()["items"]
    assert len(listed) == 4
    assert {one["reviewer"] for one in listed} == {"program"}
    gone = winnow.post(f"{filled}/feedback", "program", json={"prediction_id": "0" * 32, "category": "Billing"})
    assert gone.status_code == 404


def test_items_are_found_by_words_meaning_category_and_confidence(winnow: Winnow, filled: str) -> None:
    def found(**params: object) -> list[dict]:
        answer = winnow.get(f"{filled}/items", "reviewer", params=params)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["items"])

    assert all("invoice" in one["text"] for one in found(q="INVOICE number"))
    assert len(found(q="invoice number")) == 15
    assert found(q="100%_") == []
    assert "password" in found(like="forgotten password", limit=1)[0]["text"]
    assert found(like="1", limit=1)[0]["id"] == "1"
    sure = found(sort="-confidence", limit=1000)
    assert [one["id"] for one in found(sort="confidence", limit=1000)] != [one["id"] for one in sure]
    assert len(found(min_confidence=0, max_confidence=1, limit=1000)) == 60
    assert {one["prediction"]["category"] for one in found(category="login", limit=1000)} == {"Login"}
    assert found(state="decided") == []


def test_an_export_holds_every_item(winnow: Winnow, filled: str) -> None:
    made = review(winnow, filled, 2)
    answer = winnow.get(f"{filled}/export", "manager")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == 60
    decided = {row["id"]: row for row in rows if row["state"] == "decided"}
    assert {one["item_id"] for one in made} == set(decided)
    assert decided[made[0]["item_id"]]["category"] == made[0]["categories"][0]
    assert decided[made[0]["item_id"]]["decided_by"] == "reviewer"
    lines = winnow.get(f"{filled}/export", params={"format": "jsonl", "state": "decided"}).text.splitlines()
    assert {json.loads(line)["id"] for line in lines} == set(decided)


def test_an_erased_item_is_gone(winnow: Winnow, filled: str) -> None:
    assert winnow.call("DELETE", f"{filled}/items/7").status_code == 204
    assert winnow.get(f"{filled}/items/7").status_code == 404
    assert winnow.call("DELETE", f"{filled}/items/7").status_code == 404
    assert "7" not in [one["id"] for one in winnow.get(f"{filled}/items", params={"limit": 100}).json()["items"]]


def test_a_part_of_a_result_is_given_and_what_is_no_part_is_passed_over(winnow: Winnow, filled: str) -> None:
    job = winnow.post(f"{filled}/predict/batch", files={"file": ("ask.txt", b"charged twice\n")}).json()
    winnow.work()
    path = f"/v1/jobs/{job['id']}/result"
    whole = winnow.get(path).content
    for asked in ("bytes=abc", "bytes=", "bytes=5-2", "rows=0-1", "nonsense"):
        answer = winnow.get(path, headers={"Range": asked})
        assert (answer.status_code, answer.content) == (200, whole), asked
    part = winnow.get(path, headers={"Range": "bytes=1-3"})
    assert (part.status_code, part.content) == (206, whole[1:4])
    behind = winnow.get(path, headers={"Range": "bytes=99999999-"})
    assert (behind.status_code, behind.headers["Content-Range"]) == (416, f"bytes */{len(whole)}")
    assert behind.headers["Content-Type"] == "application/problem+json"
    assert (behind.json()["code"], behind.json()["status"]) == ("range-not-satisfiable", 416)


def test_a_file_is_refused_at_once_where_nothing_can_answer(winnow: Winnow) -> None:
    slug = make_project(winnow, categories=[{"name": "The only one"}])
    asked = winnow.post(f"/v1/projects/{slug}/predict/batch", "program", files={"file": ("ask.txt", b"a line\n")})
    assert (asked.status_code, asked.json()["code"]) == (409, "too-few-categories")
    assert list((winnow.settings.artifacts / "uploads").iterdir()) == []


def test_a_batch_answers_a_whole_file(winnow: Winnow, filled: str) -> None:
    content = b"id,text\n1,charged twice\n2,cannot sign in\n"
    started = winnow.post(f"{filled}/predict/batch", "program", files={"file": ("ask.csv", content)})
    assert started.status_code == 202
    job = f"/v1/jobs/{started.json()['id']}"
    assert winnow.get(f"{job}/result", "program").status_code == 404, "not before it is done"
    winnow.work()
    done = winnow.get(job, "program").json()
    assert (done["status"], done["progress"], set(done["result"])) == (
        "succeeded",
        {"done": 2, "total": 2},
        {"url", "filename", "rows"},
    )
    answer = winnow.get(done["result"]["url"], "program")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["id"], row["category"], row["model_version"]) for row in rows] == [
        ("1", "Billing", "0"),
        ("2", "Login", "0"),
    ]
    assert 'filename="ask.csv"' in answer.headers["content-disposition"]
    assert winnow.get(job, "reviewer").status_code == 404, "it is not the reviewer's"
    assert winnow.get(job, "manager").status_code == 200


def test_a_waiting_job_is_cancelled_at_once(winnow: Winnow, filled: str) -> None:
    started = winnow.post(f"{filled}/imports", files={"file": ("x.txt", b"one more line\n")}).json()
    assert winnow.post(f"/v1/jobs/{started['job_id']}/cancel", "reviewer").status_code == 404
    answer = winnow.post(f"/v1/jobs/{started['job_id']}/cancel", "manager")
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    winnow.work()
    assert winnow.get(f"{filled}/items", params={"q": "one more line"}).json()["items"] == []


def test_items_are_found_by_who_decided_them_and_when(winnow_on_each: Winnow) -> None:
    slug = make_project(winnow_on_each)
    items = [{"id": f"t{n}", "text": f"order {n} was charged twice"} for n in range(4)]
    added = winnow_on_each.post(f"/v1/projects/{slug}/items", json={"items": items}).json()["items"]
    winnow_on_each.work()
    for role, item in zip(("reviewer", "manager"), added, strict=False):
        body = {"item_id": item["id"], "action": "correct", "categories": ["Billing"]}
        assert winnow_on_each.post(f"/v1/projects/{slug}/decisions", json=body, role=role).status_code == 201

    def found(**params: str) -> list[str]:
        answer = winnow_on_each.get(f"/v1/projects/{slug}/items", params=params)
        assert answer.status_code == 200, answer.text
        return [item["external_id"] for item in answer.json()["items"]]

    assert found(reviewer="reviewer") == ["t0"]
    assert found(reviewer="manager", min_confidence="0") == ["t1"]
    assert found(reviewer="nobody") == []
    assert found(since="2020-01-01T00:00:00Z") == ["t1", "t0"]
    assert found(until="2020-01-01T00:00:00Z") == []
    assert winnow_on_each.get(f"/v1/projects/{slug}/items", params={"since": "soon"}).status_code == 422


def test_a_question_and_its_answer_look_at_each_row_once_and_write_it_once(winnow: Winnow, filled: str) -> None:
    """On SQLite everybody who writes waits for it: eight people at once wait eight times for what is done in vain."""
    asked: list[str] = []
    _lease_one(winnow, filled)
    event.listen(
        winnow.database.engine, "before_cursor_execute", lambda *given: asked.append(" ".join(given[2].split()))
    )
    task = _lease_one(winnow, filled)
    leased, asked[:] = _touched(asked), []
    body = {"task_id": task["task_id"], "action": "correct", "categories": ["Login"]}
    assert winnow.post(f"{filled}/decisions", "reviewer", json=body).status_code == 201
    decided = _touched(asked)
    once = {"FROM item": 1, "UPDATE task": 1, "FROM project": 1}
    assert {what: leased[what] for what in once} == once
    assert {what: decided[what] for what in (*once, "UPDATE item")} == {**once, "FROM project": 2, "UPDATE item": 1}


def _lease_one(winnow: Winnow, path: str) -> dict[str, Any]:
    tasks = winnow.post(f"{path}/queue/lease", "reviewer", json={"count": 1}).json()["tasks"]
    return dict(tasks[0])


def _touched(asked: list[str]) -> Counter[str]:
    return Counter(" ".join(found) for one in asked for found in re.findall(r"\b(FROM|UPDATE) (\w+)", one)[:1])
