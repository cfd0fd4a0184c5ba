"""What people expect of an API now: conditional requests, problem pages, compression, CORS, request ids, farewells."""

import gzip
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from jsonschema_rs import Draft202012Validator
from sqlalchemy import select, update

from api.app import create_app
from api.deprecation import DEPRECATED, Farewell
from api.openapi import FILE
from api.problems import pages
from models.learn.encoders import Encoder
from models.store.tables import JobRow, ProjectRow
from models.tracing import CausedBy, log_to_stderr
from tests.api.conftest import PASSWORD, Winnow, settings_for

P = "/v1/projects/support-tickets"


@pytest.fixture
def things(winnow: Winnow, project: str) -> dict[str, tuple[str, dict[str, object]]]:
    """What people edit: its address, and a change."""
    assert project == "support-tickets"
    hook = winnow.post(f"{P}/webhooks", json={"url": "https://example.com/", "events": ["item.decided"]}).json()
    user = winnow.post("/v1/users", json={"username": "grace", "password": PASSWORD, "role": "reviewer"}).json()
    return {
        "project": (P, {"name": "Another name"}),
        "category": (f"{P}/categories/1", {"description": "another one"}),
        "user": (f"/v1/users/{user['id']}", {"role": "manager"}),
        "webhook": (f"{P}/webhooks/{hook['id']}", {"active": False}),
    }


def test_an_answer_without_a_body_names_no_type(winnow: Winnow, things: dict[str, object]) -> None:
    for thing in ("webhook", "category", "project"):
        answer = winnow.call("DELETE", things[thing][0])
        assert (answer.status_code, answer.content) == (204, b"")
        assert "content-type" not in answer.headers
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert winnow.get("/v1/me").headers["content-type"] == "application/json"


@pytest.mark.parametrize("thing", ["project", "category", "user", "webhook"])
def test_nobody_overwrites_what_somebody_else_changed(winnow: Winnow, things: dict[str, object], thing: str) -> None:
    path, change = things[thing]
    seen = winnow.get(path)
    tag = seen.headers["ETag"]
    assert winnow.get(path, headers={"If-None-Match": f'"other", W/{tag}'}).status_code == 304
    assert winnow.get(path, headers={"If-None-Match": '"other"'}).json() == seen.json()
    first = winnow.call("PATCH", path, json=change, headers={"If-Match": tag})
    assert (first.status_code, first.headers["ETag"] == tag) == (200, False)
    second = winnow.call("PATCH", path, json=change, headers={"If-Match": tag})
    assert (second.status_code, second.json()["code"]) == (412, "precondition-failed")
    assert winnow.get(path).headers["ETag"] == first.headers["ETag"], "and changed nothing"
    assert winnow.get(path, headers={"If-None-Match": tag}).status_code == 200
    if thing != "user":
        assert winnow.call("DELETE", path, headers={"If-Match": tag}).status_code == 412
        assert winnow.call("DELETE", path, headers={"If-Match": first.headers["ETag"]}).status_code == 204
    else:
        assert winnow.call("PATCH", path, json=change, headers={"If-Match": "*"}).status_code == 200


def test_a_promotion_spoils_no_edit_and_yet_is_seen(winnow: Winnow, project: str) -> None:
    path = f"/v1/projects/{project}"
    tag = winnow.get(path).headers["ETag"]
    with winnow.database.transaction() as session:
        session.execute(update(ProjectRow).where(ProjectRow.slug == project).values(serving_number=3))
    seen = winnow.get(path, headers={"If-None-Match": tag})
    assert (seen.status_code, seen.json()["serving_model"]) == (200, 3), "what is shown changed"
    edit = {"settings": {"retrain_every": 50}}
    assert winnow.call("PATCH", path, json=edit, headers={"If-Match": tag}).status_code == 200, "what is edited did not"
    assert winnow.call("PATCH", path, json=edit, headers={"If-Match": tag}).status_code == 412


def test_the_type_of_a_problem_leads_to_what_it_means(winnow: Winnow) -> None:
    answer = winnow.get("/v1/projects/none").json()
    page = winnow.http.get(answer["type"])
    assert (page.status_code, page.json()["code"], page.json()["status"]) == (200, "not-found", 404)
    assert winnow.http.get("/problems/nonsense").status_code == 404
    docs = Path(__file__).parents[2] / "docs"
    sections, rows = (docs / "errors.md").read_text(), (docs / "import-formats.md").read_text()
    for code, one in pages().items():
        assert f"## `{code}`\n\nStatus {one.status}" in sections or f"### `{code}`" in rows, code
        assert one.meaning.rstrip().endswith("."), code


@pytest.mark.usefixtures("project")
def test_large_answers_are_packed_for_those_who_want_it(winnow: Winnow) -> None:
    winnow.post(f"{P}/items", json={"items": [{"text": f"ticket {number}" * 9} for number in range(50)]})
    plain = winnow.get(f"{P}/items", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    with winnow.http.stream("GET", f"{P}/items", headers={**winnow.as_("admin"), "Accept-Encoding": "gzip"}) as packed:
        raw = b"".join(packed.iter_raw())
    assert (packed.headers["Content-Encoding"], packed.headers["Vary"]) == ("gzip", "Accept-Encoding")
    assert json.loads(gzip.decompress(raw)) == plain.json()
    assert len(raw) < len(plain.content) / 3
    assert "Content-Encoding" not in winnow.get("/v1/me").headers, "a small one is not worth it"


@pytest.mark.usefixtures("project")
def test_head_is_get_without_its_body(winnow: Winnow) -> None:
    winnow.post(f"{P}/items", json={"items": [{"text": f"ticket {number}" * 9} for number in range(50)]})
    own = {"x-request-id", "ratelimit-remaining", "ratelimit-reset"}
    for packing in ("identity", "gzip"):
        headers = {"Accept-Encoding": packing}
        for path in (P, f"{P}/items", "/v1/me", "/v1/projects/none", "/healthz", "/openapi.json", f"{P}/export"):
            asked, told = winnow.call("HEAD", path, headers=headers), winnow.get(path, headers=headers)
            assert (asked.status_code, asked.content) == (told.status_code, b""), path
            assert {k: v for k, v in asked.headers.items() if k not in own} == {
                k: v for k, v in told.headers.items() if k not in own
            }, path
    assert winnow.http.head("/v1/me").status_code == 401
    assert winnow.call("HEAD", "/v1/users", "reviewer").status_code == 403
    assert winnow.call("HEAD", "/v1/auth/token").status_code == 405
    tag = winnow.get(P).headers["ETag"]
    assert winnow.call("HEAD", P, headers={"If-None-Match": tag}).status_code == 304
    left = [int(winnow.call("HEAD", "/v1/me").headers["RateLimit-Remaining"]) for _ in range(2)]
    assert left[1] < left[0] or left[1] == winnow.settings.rate_reads - 1, "it counts as a read does"
    counted = winnow.http.get("/metrics").text
    assert 'method="HEAD",route="/v1/me",status="200"' in counted


@pytest.mark.usefixtures("project")
def test_head_does_not_write_a_whole_export(winnow: Winnow, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []

    def pieces(*_: object) -> Iterator[tuple[bytes, int]]:
        for number in range(100):
            written.append(number)
            yield b"x" * 10_000, 1

    monkeypatch.setattr("models.steps.export.export_pieces", pieces)
    assert winnow.call("HEAD", f"{P}/export").status_code == 200
    assert len(written) < 5
    assert len(winnow.get(f"{P}/export").content) == 1_000_000


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v1/projects", "GET, HEAD, POST"),
        ("POST", P, "GET, HEAD, PATCH, DELETE"),
        ("GET", f"{P}/predict", "POST"),
        ("HEAD", f"{P}/predict", "POST"),
        ("POST", f"{P}/members/1", "PUT, DELETE"),
        ("DELETE", "/healthz", "GET, HEAD"),
    ],
)
def test_a_refused_method_is_told_which_are_allowed(winnow: Winnow, method: str, path: str, allowed: str) -> None:
    answer = winnow.call(method, path)
    assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)


def test_no_page_of_another_origin_may_call_unless_the_operator_names_it(
    winnow: Winnow, tmp_path: Path, sqlite_url: str, redis_url: str, encoder: Encoder
) -> None:
    asked = {"Origin": "https://desk.example.com", "Access-Control-Request-Method": "POST"}
    answer = winnow.http.options("/v1/projects", headers=asked)
    assert "Access-Control-Allow-Origin" not in answer.headers
    more = {"cors_origins": ("https://desk.example.com",)}
    with TestClient(
        create_app(settings_for(tmp_path / "other", sqlite_url, redis_url, **more), encoder=encoder)
    ) as http:
        granted = http.options("/v1/projects", headers=asked)
        assert granted.headers["Access-Control-Allow-Origin"] == "https://desk.example.com"
        assert "Access-Control-Allow-Credentials" not in granted.headers
        told = http.get("/healthz", headers={"Origin": "https://desk.example.com"})
        assert "RateLimit-Remaining" in told.headers["Access-Control-Expose-Headers"]
        refused = http.options("/v1/projects", headers={**asked, "Origin": "https://evil.example.com"})
        assert "Access-Control-Allow-Origin" not in refused.headers


def test_a_request_id_goes_along_with_its_jobs(winnow: Winnow, project: str) -> None:
    assert project
    body = {"items": [{"text": "follow me"}]}
    winnow.post(f"{P}/items", json=body, headers={"X-Request-ID": "the-one"})
    with winnow.database.read() as session:
        assert set(session.scalars(select(JobRow.request_id))) == {"the-one"}
    winnow.work()
    with winnow.database.read() as session:
        kinds = session.scalars(select(JobRow.kind).where(JobRow.request_id == "the-one")).all()
    assert len(kinds) > 1, "what the job leaves behind goes back to the request too"


def test_a_line_of_the_log_names_its_request(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = logging.RootLogger(logging.INFO)
    monkeypatch.setattr(logging, "root", fresh)
    log_to_stderr()
    with CausedBy("the-one"):
        fresh.warning("hello")
    fresh.warning("bye")
    first, second = capsys.readouterr().err.splitlines()
    assert first.endswith("[the-one] hello")
    assert second.endswith("[-] bye")


def test_a_route_that_will_go_says_so(winnow: Winnow, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Deprecation" not in winnow.get("/v1/me").headers
    since, sunset = datetime(2026, 11, 22, tzinfo=UTC), datetime(2027, 11, 22, 20, tzinfo=UTC)
    monkeypatch.setitem(DEPRECATED, ("GET", "/v1/me"), Farewell(since, sunset, "/v2/me"))
    told = winnow.get("/v1/me").headers
    assert told["Deprecation"] == f"@{int(since.timestamp())}"
    assert told["Sunset"] == "Mon, 22 Nov 2027 20:00:00 GMT"
    assert told["Link"] == '</v2/me>; rel="successor-version"'
    monkeypatch.setattr(winnow.app, "openapi_schema", None)
    assert winnow.app.openapi()["paths"]["/v1/me"]["get"]["deprecated"] is True
    monkeypatch.setattr(winnow.app, "openapi_schema", None)


def bodies() -> Iterator[tuple[str, str, dict[str, object]]]:
    for path, methods in json.loads(FILE.read_text())["paths"].items():
        for method, operation in methods.items():
            for body in (operation.get("requestBody", {}), *operation["responses"].values()):
                for kind, content in body.get("content", {}).items():
                    if kind.endswith("json"):
                        yield f"{method.upper()} {path}", kind, content


def test_every_json_body_of_the_document_has_an_example_that_holds() -> None:
    components = json.loads(FILE.read_text())["components"]
    for where, kind, content in bodies():
        example = content.get("example", next(iter(content.get("examples", {}).values()), None))
        schema = {**content["schema"], "components": components}
        if "examples" in schema or not content["schema"]:
            continue
        faults = list(Draft202012Validator(schema).iter_errors(example))
        assert not faults, f"{where} {kind}: {faults[0].message} in {example}"


@pytest.mark.parametrize("query", ["sort=confidence", "sort=-confidence", "like=ticket 3", "min_confidence=0", ""])
def test_pages_neither_skip_nor_repeat_while_items_come_in(winnow: Winnow, project: str, query: str) -> None:
    assert project
    first = [{"text": f"ticket {number}"} for number in range(12)]
    winnow.post(f"{P}/items", json={"items": first})
    winnow.work()
    seen, cursor = [], ""
    for round_ in range(20):
        page = winnow.get(f"{P}/items?{query}&limit=3&cursor={cursor}").json()
        seen += [item["text"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        winnow.post(
            f"{P}/items", json={"items": [{"text": f"ticket {round_} that came later"}, {"text": f"new {round_}"}]}
        )
        winnow.work()
    assert len(seen) == len(set(seen))
    assert {item["text"] for item in first} <= set(seen)
