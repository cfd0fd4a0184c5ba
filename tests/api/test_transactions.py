"""One request, one transaction: kept before the answer leaves, or not at all."""

import ast
import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event, func, select

import api
from models.errors import Conflict
from models.steps import projects
from models.store.tables import AuditLogRow, ProjectRow
from tests.api.conftest import Winnow, make_project


def test_the_commit_comes_before_the_answer(winnow: Winnow) -> None:
    order: list[str] = []
    event.listen(winnow.database.engine, "commit", lambda _: order.append("commit"))
    app = winnow.app

    async def watching(scope, receive, send) -> None:
        async def watched(message) -> None:
            order.append(message["type"])
            await send(message)

        await app(scope, receive, watched)

    answer = TestClient(watching).post("/v1/projects", json={"name": "x"}, headers=winnow.as_("admin"))
    assert answer.status_code == 201
    assert order.index("http.response.start") > max(place for place, what in enumerate(order) if what == "commit")
    assert "commit" in order


def test_an_error_undoes_all_that_the_request_did(winnow: Winnow, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise Conflict("after the first half was written")

    monkeypatch.setattr(projects, "add_category", fails)
    answer = winnow.post("/v1/projects", json={"name": "x", "categories": [{"name": "a"}]})
    assert answer.status_code == 409
    with winnow.database.read() as session:
        assert session.scalar(select(func.count()).select_from(ProjectRow)) == 0
        assert not session.scalars(select(AuditLogRow).where(AuditLogRow.action == "project.create")).all()


def test_reading_cannot_write(winnow: Winnow, monkeypatch: pytest.MonkeyPatch) -> None:
    slug = make_project(winnow)
    find = projects.find_project

    def writes(session, caller, name):
        row = find(session, caller, name)
        row.name = "changed by a GET"
        session.flush()
        return row

    monkeypatch.setattr(projects, "find_project", writes)
    assert winnow.get(f"/v1/projects/{slug}").status_code >= 500
    monkeypatch.undo()
    assert winnow.get(f"/v1/projects/{slug}").json()["name"] == "Support tickets"


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"], indirect=True)
def test_more_writers_at_once_than_threads_and_connections_all_get_through(winnow_on_each: Winnow) -> None:
    winnow = winnow_on_each
    slug = make_project(winnow)
    many = 60
    barrier = threading.Barrier(many)

    def send(number: int) -> int:
        barrier.wait()
        body = {"items": [{"text": f"text {number}"}]}
        return int(winnow.post(f"/v1/projects/{slug}/items", json=body).status_code)

    with ThreadPoolExecutor(many) as pool:
        statuses = list(pool.map(send, range(many)))
    assert statuses == [201] * many
    assert len(winnow.get(f"/v1/projects/{slug}/items", params={"limit": 1000}).json()["items"]) == many


def test_who_holds_the_write_lock_waits_for_nobody(winnow: Winnow) -> None:
    """From its first statement to the commit a request needs nothing of the event loop, which others keep busy."""
    loops: list[asyncio.AbstractEventLoop] = []
    committed, seen = threading.Event(), []
    app = winnow.app

    async def watching(scope, receive, send) -> None:
        loops.append(asyncio.get_running_loop())
        await app(scope, receive, send)

    def keep_busy(*told: Any) -> None:
        if told[2] == "BEGIN IMMEDIATE":
            loops[-1].call_soon_threadsafe(lambda: seen.append(committed.wait(240)))

    http = TestClient(watching)
    http.get("/v1/projects", headers=winnow.as_("admin"))  # that the key is used is noted in a transaction of its own
    event.listen(winnow.database.engine, "before_cursor_execute", keep_busy)
    event.listen(winnow.database.engine, "commit", lambda _: committed.set())
    answer = http.post("/v1/projects", json={"name": "x"}, headers=winnow.as_("admin"))
    assert answer.status_code == 201
    assert seen == [True]


def test_nothing_in_the_api_commits_by_itself() -> None:
    for file in Path(api.__file__).parent.rglob("*.py"):
        calls = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Attribute)]
        assert not [call for call in calls if call.attr in {"commit", "rollback"} and _is_session(call)], file


def _is_session(call: ast.Attribute) -> bool:
    return isinstance(call.value, ast.Name) and call.value.id == "session"
