"""Every route that there is, with the ids of another project, and from outside a project for members: nothing is there."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from api.openapi import FILE
from models.store.tables import (
    CategoryChangeRow,
    CategoryRow,
    DecisionRow,
    DeliveryRow,
    ImportRow,
    ItemRow,
    JobRow,
    MemberRow,
    PredictionRow,
    ProjectRow,
    TaskRow,
    VersionRow,
    WebhookRow,
)
from tests.api.conftest import PASSWORD, Winnow, make_project

DOCUMENT = json.loads(FILE.read_text())
OWN, OTHER = "own", "the-others"
ROUTES = [
    (method.upper(), path)
    for path, methods in DOCUMENT["paths"].items()
    for method in methods
    if "{slug}" in path and not path.endswith("/health")
]
WITHIN = [(method, path) for method, path in ROUTES if path.count("{") > 1 and "{user_id}" not in path]
ROWS = (
    CategoryChangeRow, CategoryRow, DecisionRow, DeliveryRow, ImportRow, ItemRow, MemberRow, PredictionRow, ProjectRow, TaskRow, VersionRow,
    WebhookRow,
)  # fmt: skip
FILES = {"file": ("rows.csv", b"text\nfrom the other side\n", "text/csv")}


@pytest.fixture(scope="module")
def others(module_winnow: Winnow) -> dict[str, str]:
    """A project for members with one of everything, by the name that routes give it; and one of our own with nothing."""
    winnow, path = module_winnow, f"/v1/projects/{OTHER}"
    make_project(winnow, name="Own")
    settings = {"members_only": True, "audit_rate": 0, "promotion": "manual"}
    make_project(winnow, name="The others", settings=settings)
    items = [{"text": "theirs alone", "category": "Login"}, {"text": "of the invoice", "category": "Billing"}]
    added = winnow.post(f"{path}/items", json={"items": items}).json()
    started = winnow.post(f"{path}/imports", files=FILES).json()
    winnow.post(f"{path}/train")
    winnow.work()
    ask = {"items": [{"text": "a secret question"}], "review": "always"}
    asked = winnow.post(f"{path}/predict", json=ask).json()["predictions"][0]
    task = winnow.post(f"{path}/queue/lease", json={"count": 1}).json()["tasks"][0]
    hook = winnow.post(f"{path}/webhooks", json={"url": "https://example.com/", "events": ["item.decided"]}).json()
    sent = winnow.post(f"{path}/webhooks/{hook['id']}/test").json()
    category = winnow.get(f"{path}/categories").json()["items"][0]["id"]
    edit = {"kind": "edit", "description": "of theirs"}
    changed = winnow.post(f"{path}/categories/{category}/changes", json=edit).json()
    user = winnow.post("/v1/users", json={"username": "manny", "password": PASSWORD, "role": "manager"}).json()
    return {
        "item_id": added["items"][0]["id"],
        "import_id": started["id"],
        "job_id": started["job_id"],
        "decision_id": winnow.get(f"{path}/decisions").json()["items"][0]["id"],
        "category_id": category,
        "change_id": changed["id"],
        "prediction_id": asked["prediction_id"],
        "task_id": task["task_id"],
        "webhook_id": hook["id"],
        "delivery_id": sent["id"],
        "user_id": user["id"],
        "number": "1",
        "a": "1",
        "b": "0",
    }


@pytest.fixture(scope="module")
def stranger(module_winnow: Winnow, others: dict[str, str]) -> dict[str, str]:
    """A manager who belongs to the other project no more than anybody else does."""
    assert others
    token = module_winnow.sign_in("manny").json()["access_token"]
    return {"Authorization": f"Bearer {token}"}


def kept(winnow: Winnow) -> list[str]:
    """Everything that the other project has, as text."""
    with winnow.database.read() as session:
        found = [row for table in ROWS for row in session.execute(select(*table.__table__.columns)).mappings()]
        return sorted(f"{dict(row)}" for row in found)


def body_of(method: str, path: str, others: dict[str, str]) -> dict[str, Any]:
    """A request that is good in itself: the document's own example, about what the others have."""
    content = DOCUMENT["paths"][path][method.lower()].get("requestBody", {}).get("content", {})
    if "multipart/form-data" in content:
        return {"files": FILES}
    if "application/json" not in content:
        return {}
    told = {
        "decisions": {"item_id": others["item_id"], "action": "correct", "categories": ["Login"]},
        "feedback": {"item_id": others["item_id"], "category": "Login"},
        "undo": {"decision_ids": [others["decision_id"]]},
        "release": {"task_ids": [others["task_id"]]},
        "lease": {"count": 1},
        "webhooks": {"url": "https://example.com/", "events": ["item.decided"]},
        "{webhook_id}": {"active": False},
        "{category_id}": {"name": "Mine now"},
        "category": {"name": "Mine now", "item_ids": [others["item_id"]]},
    }
    last = path.rpartition("/")[2]
    example = content["application/json"].get("example", {})
    if path.endswith("projects/{slug}"):
        example = {"name": "Mine now"}
    if path.startswith("/label-studio"):
        config = "<View><Text name='t' value='$text'/><Choices name='c' toName='t'/></View>"
        example = {"schema": config, "label_config": config, "tasks": [{"id": 1, "data": {"text": "x"}}], "action": "X"}
    return {"json": told.get(last, example)}


@pytest.mark.parametrize(("method", "path"), WITHIN, ids=str)
def test_ids_of_another_project_are_not_there(
    module_winnow: Winnow, others: dict[str, str], method: str, path: str
) -> None:
    before = kept(module_winnow)
    answer = module_winnow.call(method, path.format(slug=OWN, **others), **body_of(method, path, others))
    assert answer.status_code == 404, answer.text
    assert answer.json()["code"] == "not-found"
    assert kept(module_winnow) == before


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=str)
def test_a_project_for_members_is_not_there_for_others(
    module_winnow: Winnow, others: dict[str, str], stranger: dict[str, str], method: str, path: str
) -> None:
    before = kept(module_winnow)
    where = path.format(slug=OTHER, **others)
    answer = module_winnow.http.request(method, where, headers=stranger, **body_of(method, path, others))
    assert answer.status_code == 404, answer.text
    assert "theirs" not in answer.text
    assert kept(module_winnow) == before


def test_nor_are_its_jobs(module_winnow: Winnow, others: dict[str, str], stranger: dict[str, str]) -> None:
    with module_winnow.database.read() as session:
        ids = session.scalars(
            select(JobRow.id)
            .where(JobRow.project_id.is_not(None))
            .join_from(JobRow, ProjectRow)
            .where(ProjectRow.slug == OTHER)
        ).all()
    assert others["job_id"] in ids
    for job_id in ids:
        for method, rest in (("GET", ""), ("GET", "/result"), ("POST", "/cancel")):
            answer = module_winnow.http.request(method, f"/v1/jobs/{job_id}{rest}", headers=stranger)
            assert answer.status_code == 404


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("decisions", {"task_id": "{task_id}", "action": "accept"}),
        ("decisions", {"item_id": "{item_id}", "action": "flag"}),
        ("feedback", {"prediction_id": "{prediction_id}", "category": "Login"}),
        ("feedback", {"item_id": "{item_id}", "category": "Login"}),
    ],
)
def test_nor_can_a_body_name_them(
    module_winnow: Winnow, others: dict[str, str], path: str, body: dict[str, str]
) -> None:
    before = kept(module_winnow)
    named = {name: value.format(**others) for name, value in body.items()}
    assert module_winnow.post(f"/v1/projects/{OWN}/{path}", json=named).status_code == 404
    several = {"decisions": [named]}
    if path == "decisions":
        told = module_winnow.post(f"/v1/projects/{OWN}/decisions", json=several).json()["decisions"][0]
        assert (told["status"], told["error"]["code"]) == ("failed", "not-found")
    released = module_winnow.post(f"/v1/projects/{OWN}/queue/release", json={"task_ids": [others["task_id"]]})
    assert released.json() == {"released": 0}
    assert kept(module_winnow) == before


def every_list() -> Iterator[str]:
    for method, path in ROUTES:
        if method == "GET" and path.count("{") == 1:
            yield path


@pytest.mark.parametrize("path", every_list())
def test_no_list_of_ones_own_project_tells_of_another(module_winnow: Winnow, others: dict[str, str], path: str) -> None:
    assert others
    told = module_winnow.get(path.format(slug=OWN)).text
    assert "theirs alone" not in told
    assert "secret question" not in told
