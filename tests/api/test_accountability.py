"""The work done, lineage, audited items, bundles, erasures and the audit log over HTTP."""

import io
import json
import zipfile
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from sqlalchemy import update

from models.store.tables import DecisionRow
from tests.api.conftest import Winnow
from tests.api.test_findings import filled


def answer_audits(winnow: Winnow, slug: str, count: int = 30) -> None:
    """Brings items in and answers their cards, blind ones among them, always as Billing."""
    winnow.call("PATCH", f"/v1/projects/{slug}", json={"settings": {"audit_rate": 0.5, "retrain_every": 10_000}})
    items = [{"text": f"order {n} was paid twice"} for n in range(count)]
    winnow.post(f"/v1/projects/{slug}/items", json={"items": items})
    winnow.work()
    tasks = winnow.post(f"/v1/projects/{slug}/queue/lease", json={"count": 50}, role="reviewer").json()["tasks"]
    decisions = [
        {"task_id": task["task_id"], "action": "correct", "categories": ["Billing"], "seconds": 2.0} for task in tasks
    ]
    winnow.post(f"/v1/projects/{slug}/decisions", json={"decisions": decisions}, role="reviewer")


def test_work_is_counted_by_day_and_reviewer_and_what_was_taken_back_is_not(
    winnow_on_each: Winnow, monkeypatch: pytest.MonkeyPatch
) -> None:
    slug = filled(winnow_on_each)
    assert winnow_on_each.get(f"/v1/projects/{slug}/throughput").json() == {
        "days": [], "reviewers": [], "median_seconds": None
    }  # fmt: skip
    answer_audits(winnow_on_each, slug)
    made = winnow_on_each.get(f"/v1/projects/{slug}/decisions", params={"source": "review"}).json()["items"]
    winnow_on_each.call("DELETE", f"/v1/projects/{slug}/decisions/{made[0]['id']}")
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)  # the day may end while this test runs
    with winnow_on_each.database.transaction() as session:
        session.execute(update(DecisionRow).values(created_at=noon))
    monkeypatch.setattr("models.steps.throughput.utc_now", lambda: noon)
    found = winnow_on_each.get(f"/v1/projects/{slug}/throughput", params={"days": 1}).json()
    assert [(one["reviewer"], one["decisions"]) for one in found["days"]] == [("reviewer", len(made) - 1)]
    assert found["reviewers"] == [{"reviewer": "reviewer", "median_seconds": 2.0}]
    assert found["median_seconds"] == 2.0


def test_a_version_says_whose_decisions_it_learnt_from_and_when_it_served(winnow_on_each: Winnow) -> None:
    slug = filled(winnow_on_each)
    found = winnow_on_each.get(f"/v1/projects/{slug}/models/1/lineage").json()
    assert found["decided_by"] == [{"name": "admin", "source": "import", "decisions": 60}]
    assert [(one["from_version"], one["to_version"], one["is_rollback"]) for one in found["moves"]] == [(0, 1, False)]
    winnow_on_each.post(f"/v1/projects/{slug}/models/rollback", json={"reason": "to see"})
    moves = winnow_on_each.get(f"/v1/projects/{slug}/models/1/lineage").json()["moves"]
    assert (moves[1]["to_version"], moves[1]["is_rollback"], moves[1]["reason"]) == (0, True, "to see")
    assert winnow_on_each.get(f"/v1/projects/{slug}/models/9/lineage").status_code == 404


def test_the_items_behind_a_versions_accuracy_are_its_blind_audits(winnow_on_each: Winnow) -> None:
    slug = filled(winnow_on_each)
    assert winnow_on_each.get(f"/v1/projects/{slug}/models/1/audited").json()["items"] == []
    answer_audits(winnow_on_each, slug)
    found = winnow_on_each.get(f"/v1/projects/{slug}/models/1/audited").json()["items"]
    audits = winnow_on_each.get(f"/v1/projects/{slug}/decisions", params={"reason": "audit"}).json()["items"]
    assert found
    assert {one["item_id"] for one in found} == {one["item_id"] for one in audits}
    assert all(one["blind"] and one["said"]["model_version"] == 1 for one in audits)
    assert all(one["truth"] == ["Billing"] and len(one["answered"]) == 1 for one in found)
    right = sum(one["answered"] == one["truth"] for one in found)
    assert winnow_on_each.get(f"/v1/projects/{slug}/stats").json()["accuracy"]["accuracy"] == right / len(found)


def test_a_bundle_is_taken_along_as_it_is_checked(winnow: Winnow) -> None:
    slug = filled(winnow)
    answer = winnow.get(f"/v1/projects/{slug}/models/1/bundle")
    assert answer.headers["content-type"] == "application/zip"
    assert f"{slug}-version-1.zip" in answer.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert sorted(archive.namelist()) == ["bundle.json", "head.safetensors"]
        manifest = archive.read("bundle.json")
    version = winnow.get(f"/v1/projects/{slug}/models/1").json()
    assert sha256(manifest).hexdigest() == version["artifact_sha256"]
    assert json.loads(manifest)


def test_an_erased_item_is_proved_to_be_gone(winnow_on_each: Winnow) -> None:
    slug = filled(winnow_on_each)
    item = winnow_on_each.get(f"/v1/projects/{slug}/items").json()["items"][0]["id"]
    assert winnow_on_each.get(f"/v1/projects/{slug}/erasures").json()["items"] == []
    assert winnow_on_each.call("DELETE", f"/v1/projects/{slug}/items/{item}").status_code == 204
    [proof] = winnow_on_each.get(f"/v1/projects/{slug}/erasures").json()["items"]
    assert (proof["item_id"], proof["erased_by"]) == (item, "admin")
    assert set(proof["left"].values()) == {0}
    assert set(proof["left"]) == {"item", "vector", "decisions", "tasks", "predictions"}
    assert proof["versions_before"] == [1]
    other = filled(winnow_on_each, name="Other")
    assert winnow_on_each.get(f"/v1/projects/{other}/erasures").json()["items"] == []


def test_the_audit_log_is_read_by_administrators_alone(winnow_on_each: Winnow) -> None:
    slug = filled(winnow_on_each)
    found = winnow_on_each.get("/v1/audit-log", params={"limit": 5}).json()
    assert len(found["items"]) <= 5
    made = winnow_on_each.get("/v1/audit-log", params={"action": "user."}).json()["items"]
    assert [(one["action"], one["detail"]["username"]) for one in made] == [("user.created", "ada")]
    assert all(one["at"].endswith("Z") and one["actor"] for one in made)
    imports = winnow_on_each.get("/v1/audit-log", params={"action": "project."}).json()["items"]
    assert {one["name"] for one in imports} == {"admin"}
    assert winnow_on_each.get("/v1/audit-log", params={"subject": "nothing-"}).json()["items"] == []
    assert slug
    for role in ("manager", "reviewer", "program"):
        assert winnow_on_each.get("/v1/audit-log", role=role).status_code == 403


@pytest.mark.parametrize("query", ["throughput?days=0", "throughput?days=366", "models/0/lineage", "models/x/audited"])
def test_what_cannot_be_asked_is_refused(winnow: Winnow, project: str, query: str) -> None:
    assert winnow.get(f"/v1/projects/{project}/{query}").status_code == 422
