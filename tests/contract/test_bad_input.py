"""Boundaries: no request, however odd, gets a 5xx; what is bad is named. On both databases."""

import gzip
import json
from typing import Any

import pytest

from tests.api.conftest import Winnow

NUL = "a\x00b"
HUGE = 10**30
LONE = "\\ud800"


P = "/v1/projects/support-tickets"

ODD_BODIES: list[tuple[str, str, Any]] = [
    ("POST", "/v1/users", {"username": NUL, "password": "long enough"}),
    ("POST", "/v1/users", {"username": "x", "password": NUL * 5}),
    ("POST", "/v1/auth/refresh", {"refresh_token": NUL}),
    ("POST", "/v1/auth/logout", {"refresh_token": NUL}),
    ("POST", "/v1/api-keys", {"name": NUL}),
    ("POST", "/v1/api-keys", {"name": "x", "expires_at": "9999-12-31T23:59:59-12:00"}),
    ("POST", "/v1/api-keys", {"name": "x", "expires_at": "0001-01-01T00:00:00+12:00"}),
    ("POST", "/v1/projects", {"name": NUL}),
    ("POST", "/v1/projects", {"name": ""}),
    ("POST", "/v1/projects", {"name": "   "}),
    ("POST", "/v1/projects", {"name": "x", "slug": "../etc"}),
    ("POST", "/v1/projects", {"name": "x", "text_fields": [NUL]}),
    ("POST", "/v1/projects", {"name": "x", "settings": {"retrain_every": HUGE}}),
    ("POST", "/v1/projects", {"name": "x", "settings": {"audit_rate": -1}}),
    ("POST", "/v1/projects", {"name": "x", "settings": {"unknown": 1}}),
    ("POST", "/v1/projects", {"name": "x", "categories": [{"name": "a"}, {"name": "b", "parent": "missing"}]}),
    ("PATCH", P, {"name": NUL}),
    ("POST", f"{P}/categories", {"name": "x", "description": NUL}),
    ("POST", f"{P}/categories", {"name": "x", "shortcut": "ab"}),
    ("POST", f"{P}/categories", {"name": "x", "shortcut": "\x00"}),
    ("POST", f"{P}/categories", {"name": "x", "parent_id": str(HUGE)}),
    ("PATCH", f"{P}/categories/1", {"name": NUL}),
    ("PATCH", f"{P}/categories/1", {"parent_id": "1"}),
    ("POST", f"{P}/items", {"items": []}),
    ("POST", f"{P}/items", {"items": [{"text": "x"}] * 1001}),
    ("POST", f"{P}/items", {"items": [{"text": NUL}]}),
    ("POST", f"{P}/items", {"items": [{"text": "   "}]}),
    ("POST", f"{P}/items", {"items": [{}]}),
    ("POST", f"{P}/items", {"items": [{"text": "x" * 100_001}]}),
    ("POST", f"{P}/items", {"items": [{"text": "x", "id": NUL}]}),
    ("POST", f"{P}/items", {"items": [{"text": "x", "id": "y" * 256}]}),
    ("POST", f"{P}/items", {"items": [{"text": "x", "fields": {"a": NUL}}]}),
    ("POST", f"{P}/items", {"items": [{"text": "x", "fields": {NUL: 1}}]}),
    ("POST", f"{P}/items", {"items": [{"text": "x", "fields": {"a": {"b": [NUL]}}}]}),
    ("POST", f"{P}/items", {"items": [{"text": "x", "category": NUL}]}),
    ("POST", f"{P}/items", {"items": [{"text": "x", "category": "unknown"}]}),
    ("POST", f"{P}/predict", {"items": [{"text": NUL}], "review": "always"}),
    ("POST", f"{P}/predict", {"items": [{"text": "x"}], "top_k": HUGE}),
    ("POST", f"{P}/predict", {"items": [{"text": "x"}], "deadline": "9999-12-31T23:59:59-12:00"}),
    ("POST", f"{P}/predict", {"items": [{"text": "x"}], "model_version": HUGE}),
    ("POST", f"{P}/predict", {"items": [{"text": "x"}], "review": "sometimes"}),
    ("POST", f"{P}/feedback", {"category": "Billing"}),
    ("POST", f"{P}/feedback", {"category": "Billing", "text": "x", "external_id": "y"}),
    ("POST", f"{P}/feedback", {"category": NUL, "text": "x"}),
    ("POST", f"{P}/feedback", {"category": "Billing", "text": NUL}),
    ("POST", f"{P}/feedback", {"category": "Billing", "text": ""}),
    ("POST", f"{P}/feedback", {"category": "Billing", "text": " \n"}),
    ("POST", f"{P}/feedback", {"category": "Billing", "text": "x" * 100_001}),
    ("POST", f"{P}/feedback", {"category": "Billing", "text": "x", "note": NUL}),
    ("POST", f"{P}/feedback", {"category": "Billing", "item_id": str(HUGE)}),
    ("POST", f"{P}/queue/lease", {"count": 0}),
    ("POST", f"{P}/queue/lease", {"count": 51}),
    ("POST", f"{P}/queue/lease", {"count": HUGE}),
    ("POST", f"{P}/queue/release", {"task_ids": [str(HUGE)]}),
    ("POST", f"{P}/queue/release", {"task_ids": [NUL]}),
    ("POST", f"{P}/decisions", {}),
    ("POST", f"{P}/decisions", {"task_id": "1"}),
    ("POST", f"{P}/decisions", {"action": "accept"}),
    ("POST", f"{P}/decisions", {"task_id": "1", "item_id": "1", "action": "accept"}),
    ("POST", f"{P}/decisions", {"item_id": "1", "action": "undo"}),
    ("POST", f"{P}/decisions", {"item_id": "1", "action": "correct", "categories": [NUL]}),
    ("POST", f"{P}/decisions", {"item_id": "1", "action": "skip", "note": NUL}),
    ("POST", f"{P}/decisions", {"item_id": "1", "action": "skip", "seconds": -1}),
    ("POST", f"{P}/decisions", {"item_id": "1", "action": "skip", "decisions": []}),
    ("POST", f"{P}/decisions", {"decisions": [{"item_id": "1", "action": "skip"}] * 501}),
    ("POST", f"{P}/models/1/promote", {"reason": NUL}),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body"), ODD_BODIES, ids=lambda given: str(given)[:60])
def test_an_odd_body_is_refused(winnow: Winnow, method: str, path: str, body: Any) -> None:
    answer = winnow.call(method, path, json=body)
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]
    assert answer.status_code != 422 or _places(answer), answer.text


def _places(answer: Any) -> list[list[str | int]]:
    """What a refusal names."""
    return [one["loc"] for one in answer.json().get("errors", ()) if one["loc"] and one["msg"]]


@pytest.mark.parametrize(
    ("method", "path", "body", "place"),
    [
        ("POST", "/v1/projects", {"name": "x", "slug": "../etc"}, ["body", "slug"]),
        ("POST", "/v1/projects", {"name": "x", "categories": [{"name": "  "}]}, ["body", "categories", 0, "name"]),
        ("POST", "/v1/projects", {"name": "x", "categories": [{"name": "a"}, {"name": "b", "parent": "c"}]},
         ["body", "categories", 1, "parent"]),
        ("POST", f"{P}/categories", {"name": " "}, ["body", "name"]),
        ("POST", f"{P}/categories", {"name": "x", "parent": "missing"}, ["body", "parent"]),
        ("PATCH", f"{P}/categories/1", {"parent_id": "77"}, ["body", "parent_id"]),
        ("PATCH", f"{P}/categories/1", {"parent_id": "1"}, ["body", "parent_id"]),
        ("POST", f"{P}/categories/1/changes", {"kind": "merge", "into_id": "77"}, ["body", "into_id"]),
        ("POST", f"{P}/categories/1/changes", {"kind": "merge", "into_id": "1"}, ["body", "into_id"]),
        ("POST", f"{P}/categories/1/changes", {"kind": "split", "name": "y", "item_ids": ["77"]}, ["body", "item_ids"]),
        ("POST", f"{P}/novelty/category", {"name": "y", "item_ids": ["77"]}, ["body", "item_ids"]),
        ("POST", f"{P}/feedback", {"category": "Billing"}, ["body"]),
        ("POST", f"{P}/feedback", {"text": "x"}, ["body", "category"]),
        ("POST", f"{P}/feedback", {"text": "x", "category": "unknown"}, ["body", "category"]),
        ("POST", f"{P}/feedback", {"text": "x", "categories": ["Billing", "Login"]}, ["body", "categories"]),
        ("POST", f"{P}/decisions", {"action": "skip"}, ["body"]),
        ("POST", f"{P}/decisions", {"item_id": "1", "action": "zap"}, ["body", "action"]),
        ("GET", f"{P}/items?category=unknown", None, ["query", "category"]),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_bad_is_named(winnow: Winnow, method: str, path: str, body: Any, place: list[str | int]) -> None:
    answer = winnow.call(method, path, json=body)
    assert answer.status_code == 422, answer.text
    assert _places(answer) == [place]


def test_an_unknown_action_is_told_which_there_are(winnow: Winnow) -> None:
    answer = winnow.post(f"{P}/decisions", json={"item_id": "1", "action": "zap"})
    assert answer.json()["errors"][0]["msg"] == "Input should be 'accept', 'correct', 'skip' or 'flag'"


RAW = [
    b"",
    b"{",
    b"[]",
    b"null",
    b'"text"',
    b"\xff\xfe",
    b'{"items": [{"text": "\xff"}]}',
    b'{"items": [{"text": "' + LONE.encode() + b'"}]}',
    b'{"items": [{"text": "x", "fields": {"a": "' + LONE.encode() + b'"}}]}',
    b'{"items": [{"text": "x", "fields": {"' + LONE.encode() + b'": 1}}]}',
    b'{"items": [{"text": "x"}], "' + LONE.encode() + b'": 1}',
    b'{"items": [{"text": "x", "fields": {"a": NaN}}]}',
    b'{"items": [{"text": "x", "fields": {"a": Infinity}}]}',
    b'{"items": [{"text": "x", "fields": {"a": 1e999}}]}',
    b'{"items": [{"text": "x", "fields": {"a": ' + b"9" * 5000 + b"}}]}",
    b'{"items": ' + b"[" * 100_000,
    b'{"items": [{"text": "x", "fields": ' + b'{"a":' * 200 + b"1" + b"}" * 200 + b"}]}",
    b'{"items": [{"text": "x", "fields": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}]}",
]


@pytest.mark.parametrize("raw", RAW, ids=lambda raw: repr(raw[:40]))
@pytest.mark.parametrize("path", [f"{P}/items", f"{P}/predict"])
def test_a_body_that_is_no_usable_json_is_refused(winnow: Winnow, path: str, raw: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = winnow.post(path, content=raw, headers=headers)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert _places(answer)


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/xml", "multipart/form-data", "", "multipart/form-data; boundary=x"]
)
def test_a_body_of_another_kind_is_refused(winnow: Winnow, kind: str) -> None:
    for path in (f"{P}/items", f"{P}/imports", f"{P}/predict/batch"):
        answer = winnow.post(path, content=b'{"items": [{"text": "x"}]}', headers={"Content-Type": kind})
        assert answer.status_code == 422, (path, answer.text)
        assert _places(answer) == [["body"]], (path, answer.text)


def test_json_that_is_not_said_to_be_json_is_told_so(winnow: Winnow) -> None:
    body = b'{"items": [{"text": "x"}]}'
    for headers in ({}, {"Content-Type": "application/x-www-form-urlencoded"}):
        answer = winnow.post(f"{P}/items", content=body, headers=headers)
        assert "Content-Type: application/json" in answer.json()["detail"]
    for kind in ("application/json", "text/plain"):
        headers = {"Content-Type": kind, "Content-Encoding": "gzip"}
        answer = winnow.post(f"{P}/items", content=gzip.compress(body), headers=headers)
        assert (answer.status_code, _places(answer)) == (422, [["body"]])
        assert "Content-Encoding: gzip" in answer.json()["detail"]


def test_odd_ids_in_addresses_are_simply_not_there(winnow: Winnow) -> None:
    for odd in ("0", "-1", "x", "1.5", str(2**63), "9" * 400, "%00", "%FF", "1%00", "²", "\u0661", " 1", "1%20"):
        for path in (f"{P}/items/{odd}", f"{P}/imports/{odd}", f"/v1/projects/{odd}", f"/v1/jobs/{odd}"):
            answer = winnow.get(path)
            assert answer.status_code == 404, (path, answer.text)
        assert winnow.call("DELETE", f"{P}/decisions/{odd}").status_code == 404
        assert winnow.call("PUT", f"{P}/members/{odd}").status_code == 404


@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=1001", "limit=x", f"limit={HUGE}", "cursor=x", "cursor=%00", "cursor=%FF", "cursor=dzE6LTE",
        "q=%00", "category=%00", "category=unknown", "state=open", "min_confidence=2", "max_confidence=nan",
        "min_confidence=x", "sort=random", "sort=%00", "like=%00",
    ],
)  # fmt: skip
def test_odd_filters_of_items_are_refused(winnow: Winnow, query: str) -> None:
    answer = winnow.get(f"{P}/items?{query}")
    assert answer.status_code == 422, answer.text


@pytest.mark.parametrize("like", ["²", "9" * 30, "0", str(2**63)])
def test_likeness_to_an_item_that_cannot_be_is_not_found(winnow: Winnow, like: str) -> None:
    winnow.post(f"{P}/items", json={"items": [{"text": "x"}]})
    assert winnow.get(f"{P}/items", params={"like": like}).status_code == 404


@pytest.mark.parametrize(
    "query",
    ["source=x", "since=yesterday", "since=9999999-01-01", "until=0001-01-01T00:00:00", "reviewer=%00", "category=nope",
     "since=9999-12-31T23:59:59-23:59"],
)  # fmt: skip
def test_odd_filters_of_decisions_are_refused(winnow: Winnow, query: str) -> None:
    assert winnow.get(f"{P}/decisions?{query}").status_code == 422


def test_odd_questions_about_trends_are_refused(winnow: Winnow) -> None:
    for path in (
        "accuracy?bucket=year", "accuracy?since=x", "automation?target=0", "automation?target=1", "automation?target=nan",
        "export?format=xml", "export?state=x", f"models/{HUGE}", "models/x", "models/-1", f"models/1/compare/{HUGE}",
    ):  # fmt: skip
        assert winnow.get(f"{P}/{path}").status_code == 422, path
    for path in ("models/0", "models/77", "models/0/compare/77"):
        assert winnow.get(f"{P}/{path}").status_code == 404, path


def test_odd_headers_do_no_harm(winnow: Winnow) -> None:
    for key in ("x" * 256, "a b", "é".encode(), "\x01"):
        answer = winnow.post("/v1/projects", json={"name": "x"}, headers={"Idempotency-Key": key})
        assert answer.status_code == 422, key
    for credential in (b"Bearer", b"Bearer ", b"Basic xyz", b"\xff\xfe", b"Bearer \xff"):
        answer = winnow.http.get("/v1/me", headers={b"Authorization": credential})
        assert answer.status_code == 401, credential


def test_words_that_look_like_a_query_are_words(winnow: Winnow) -> None:
    for hostile in ('" OR *', "' OR 1=1 --", "NEAR(", "a:* & !b", "{x} : y", "\\", "((", "^*", "_1", "%"):
        assert winnow.get(f"{P}/items", params={"q": hostile}).status_code == 200, hostile


@pytest.mark.parametrize(
    "asked",
    [
        "items?q=&category=&like=&sort=&cursor=&limit=&state=&min_confidence=&max_confidence=&reviewer=&since=&until=",
        "decisions?reviewer=&category=&source=&since=&until=&reason=",
        "accuracy?since=&bucket=", "automation?target=", "export?format=&state=", "throughput?days=", "novelty?limit=",
        "groups?category=&min_confidence=&limit=&size=", "map?limit=",
    ],
)  # fmt: skip
def test_an_empty_filter_is_no_filter(winnow: Winnow, asked: str) -> None:
    empty, without = winnow.get(f"{P}/{asked}"), winnow.get(f"{P}/{asked.partition('?')[0]}")
    assert (empty.status_code, empty.content) == (200, without.content), empty.text


def test_an_empty_dry_run_is_refused_for_it_would_make_the_change(winnow: Winnow) -> None:
    answer = winnow.post(f"{P}/categories/1/changes?dry_run=", json={"kind": "edit", "name": "x"})
    assert answer.status_code == 422


def test_too_large_a_body_is_refused_before_it_is_read(winnow: Winnow) -> None:
    limit = winnow.settings.max_body_mb * 2**20
    body = json.dumps({"items": [{"text": "x" * limit}]})
    announced = winnow.post(f"{P}/items", content=body, headers={"Content-Type": "application/json"})
    pieces = (body[at : at + 2**20].encode() for at in range(0, len(body), 2**20))
    streamed = winnow.post(f"{P}/items", content=pieces, headers={"Content-Type": "application/json"})
    for answer in (announced, streamed):
        assert (answer.status_code, answer.json()["code"]) == (413, "too-large"), answer.text
