"""What programs outside are written against, field by field. Answers may have more; nothing of this may be missing."""

import re
from typing import Any

import pytest

from tests.api.conftest import PASSWORD, Winnow

P = "/v1/projects/field-by-field"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def has(answer: Any, names: str, within: str = "") -> None:
    """Whether a JSON object has all these fields; `a.b` is a field inside, `a[].b` one of each element."""
    for name in [within + name for name in names.split()]:
        first, _, rest = name.partition(".")
        found = answer[first.removesuffix("[]")]
        for one in found if first.endswith("[]") else [found]:
            if rest:
                has(one, rest)


@pytest.fixture(scope="module")
def page(winnow: Winnow) -> Winnow:
    body = {
        "name": "Field by field",
        "task": "single",
        "text_fields": ["subject", "body"],
        "categories": [{"name": "Billing", "description": "invoices, charges, refunds"}, {"name": "Login"}],
        "settings": {
            "retrain_every": 20, "audit_rate": 0.1, "target_accuracy": 0.95, "reviews_per_item": 1,
            "promotion": "automatic",
        },
    }  # fmt: skip
    made = winnow.post("/v1/projects", json=body)
    assert made.status_code == 201
    has(made.json(), "slug name task text_fields settings.promotion")
    has(made.json(), "id name description parent_id shortcut archived", "categories[].")
    items = [
        {"id": "T-1", "text": "I was charged twice", "category": "Billing"},
        {"fields": {"subject": "cannot log in", "body": "password"}, "category": "Login"},
        {"text": "Where is my invoice?"},
    ]
    added = winnow.post(f"{P}/items", json={"items": items})
    assert added.status_code == 201
    has(added.json(), "added duplicate items[].id items[].external_id items[].status")
    winnow.work()
    return winnow


def test_signing_in(page: Winnow) -> None:
    form = {"grant_type": "password", "username": "ada", "password": PASSWORD}
    tokens = page.http.post("/v1/auth/token", data=form).json()
    has(tokens, "access_token refresh_token expires_in")
    assert tokens["token_type"] == "bearer"
    assert page.http.post("/v1/auth/logout", json={"refresh_token": tokens["refresh_token"]}).status_code == 204
    has(page.get("/v1/me").json(), "id username role")


def test_people_and_keys(page: Winnow) -> None:
    made = page.post("/v1/users", json={"username": "grace", "password": PASSWORD, "role": "reviewer"})
    assert made.status_code == 201
    listed = page.get("/v1/users").json()
    has(listed, "items[].id items[].username items[].role next_cursor")
    assert all(isinstance(one["id"], str) and TIME.fullmatch(one["created_at"]) for one in listed["items"])
    body = {"name": "helpdesk", "role": "program", "expires_at": "2099-01-01T00:00:00Z"}
    key = page.post("/v1/api-keys", json=body)
    assert key.status_code == 201
    has(key.json(), "id secret")
    assert "secret" not in page.get("/v1/api-keys").json()["items"][0]
    assert page.call("DELETE", f"/v1/api-keys/{key.json()['id']}").status_code == 204
    put = page.call("PUT", f"{P}/members/{made.json()['id']}")
    assert put.status_code == 204
    assert page.call("DELETE", f"{P}/members/{made.json()['id']}").status_code == 204


def test_a_problem(page: Winnow) -> None:
    answer = page.post(f"{P}/items", json={"items": [{"text": 7}]})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    has(answer.json(), "type title status detail instance errors[].loc errors[].msg")
    assert answer.json()["errors"][0]["loc"] == ["body", "items", 0, "text"]
    assert answer.headers["X-Request-ID"]


def test_stats(page: Winnow) -> None:
    found = page.get(f"{P}/stats").json()
    has(found, "items.total items.embedded items.decided queue.open queue.leased serving_model")
    has(found, "decisions.total decisions.by_category training.running training.decisions_since_last")
    has(found, "threshold share target_accuracy", "automation.")


def test_imports_and_jobs(page: Winnow) -> None:
    file = {"file": ("tickets.csv", b"subject,body,label\nrefund,please,Billing\n,,\n", "text/csv")}
    started = page.post(f"{P}/imports", files=file, data={"label_field": "label"})
    assert started.status_code == 202
    has(started.json(), "id job_id")
    page.work()
    found = page.get(f"{P}/imports/{started.json()['id']}").json()
    has(found, "id filename status job_id")
    parts = (found["rows_added"], found["rows_duplicate"], found["rows_rejected"])
    assert (found["rows_read"], parts) == (2, (1, 0, 1))
    rejects = page.get(f"{P}/imports/{found['id']}/rejects")
    assert rejects.text.splitlines()[0] == "line,reason,row"
    job = page.get(f"/v1/jobs/{found['job_id']}").json()
    has(job, "id kind status progress.done progress.total error created_at started_at finished_at result")
    assert page.post(f"/v1/jobs/{found['job_id']}/cancel").status_code == 200


def test_predictions_and_feedback(page: Winnow) -> None:
    body = {"items": [{"text": "I was charged twice"}], "top_k": 3, "review": "never"}
    answer = page.post(f"{P}/predict", "program", json=body).json()
    assert isinstance(answer["model_version"], int)
    has(answer, "prediction_id category confidence decision item_id", "predictions[].")
    has(answer, "predictions[].top[].category predictions[].top[].confidence")
    assert answer["predictions"][0]["item_id"] is None
    queued = page.post(f"{P}/predict", "program", json={**body, "review": "always"}).json()["predictions"][0]
    assert page.get(f"{P}/items/{queued['item_id']}", "program").json()["category"] == "Billing"
    told = {"prediction_id": queued["prediction_id"], "category": "Billing", "note": "as the customer said"}
    feedback = page.post(f"{P}/feedback", "program", json=told)
    assert feedback.status_code == 201
    has(feedback.json(), "decision_id")


def test_review(page: Winnow) -> None:
    page.post(f"{P}/items", json={"items": [{"text": f"another ticket {number}"} for number in range(5)]})
    page.work()
    leased = page.post(f"{P}/queue/lease", "reviewer", json={"count": 2}).json()
    has(leased, "task_id reason expires_at prediction", "tasks[].")
    has(leased, "id external_id text fields", "tasks[].item.")
    task = leased["tasks"][0]["task_id"]
    body = {"task_id": task, "action": "correct", "categories": ["Billing"], "seconds": 2.5}
    decided = page.post(f"{P}/decisions", "reviewer", json=body)
    assert decided.status_code == 201
    has(decided.json(), "id item_id categories undoable_until")
    assert page.call("DELETE", f"{P}/decisions/{decided.json()['id']}", "reviewer").status_code in {200, 204}
    assert page.post(f"{P}/queue/release", "reviewer", json={"task_ids": [task]}).status_code == 200


def test_versions_and_trends(page: Winnow) -> None:
    assert page.post(f"{P}/train").status_code == 202
    page.work()
    version = page.get(f"{P}/models").json()["items"][0]
    has(version, "version status created_at trained_on.decisions trained_on.categories parent encoder")
    has(version, "automation.threshold automation.share artifact_sha256 metrics")
    assert version["status"] in {"candidate", "serving"}, "a project of a few items is trained too"
    assert page.get(f"{P}/models/{version['version']}").status_code == 200
    has(page.get(f"{P}/models/0/compare/{version['version']}").json(), "metrics flips p_value")
    found = page.get(f"{P}/automation?target=0.95")
    assert found.status_code == 200, "however few items there are"
    has(found.json(), "target threshold share certainty audits audits_needed")
    has(page.get(f"{P}/forecast").json(), "advice")
    for path in ("agreement", "label-errors", "drift", "novelty", "accuracy?bucket=day"):
        assert page.get(f"{P}/{path}").status_code == 200, path


def test_exports(page: Winnow) -> None:
    for form in ("csv", "jsonl", "parquet", "label-studio", "prodigy", "fasttext"):
        answer = page.get(f"{P}/export?format={form}&state=decided")
        assert (answer.status_code, bool(answer.content)) == (200, True), form


def test_operations(page: Winnow) -> None:
    assert page.http.get("/healthz").status_code == 200
    assert page.http.get("/readyz").status_code in {200, 503}
    assert "# TYPE" in page.http.get("/metrics").text
    has(page.get("/v1/alerts").json(), "items")
