"""The short way of `POST /predict`: the same answers, errors and counts as the long one, and no more trust in a key."""

from itertools import pairwise
from typing import Any

import pytest

from models.steps.accounts import SYSTEM, create_api_key
from models.vocabulary import Role
from tests.api.conftest import Winnow

PLAIN = {"Content-Type": "application/json"}
ODD = {
    "no JSON": b'{"items": [',
    "nothing": b"",
    "a list": b"[]",
    "an unknown field": b'{"items": [{"text": "a"}], "beside": 1}',
    "no items": b'{"items": []}',
    "a NUL": b'{"items": [{"text": "\\u0000"}]}',
    "half a character": b'{"items": [{"text": "\\ud800"}]}',
    "no number": b'{"items": [{"text": "a", "fields": {"n": NaN}}]}',
    "too deep": b'{"items": [{"text": "a", "fields": {"n": ' + b"[" * 40 + b"]" * 40 + b"}}]}",
    "no UTF-8": b'{"items": [{"text": "\xff"}]}',
    "a blank text": b'{"items": [{"text": "  "}]}',
    "a version that is not there": b'{"items": [{"text": "a"}], "model_version": 77}',
}

UNUSUAL = {
    "a mark of the byte order": b'\xef\xbb\xbf{"items": [{"text": "a"}]}',
    "a line break in a string": b'{"items": [{"text": "a\nb"}]}',
    "UTF-16": '{"items": [{"text": "a"}]}'.encode("utf-16"),
    "a number as a string": b'{"items": [{"text": "a"}], "top_k": "2"}',
    "a number with a point": b'{"items": [{"text": "a"}], "top_k": 2.0}',
    "half a number": b'{"items": [{"text": "a"}], "top_k": 2.5}',
    "a truth for a number": b'{"items": [{"text": "a"}], "top_k": true}',
    "a truth for a string": b'{"items": [{"text": true}]}',
    "a name given twice": b'{"items": [{"text": "a"}], "top_k": 1, "top_k": 2}',
    "numbers beyond all bounds": b'{"items": [{"text": "a", "fields": {"n": 123456789012345678901234567890, "m": 1e308}}]}',
    "a number that is none": b'{"items": [{"text": "a", "fields": {"n": 1e999}}]}',
    "a deadline in seconds": b'{"items": [{"text": "a"}], "review": "always", "deadline": 4102444800}',
    "a pair of halves": b'{"items": [{"text": "\\ud83d\\ude00"}]}',
    "reasons asked for": b'{"items": [{"text": "I was charged twice", "fields": {"price": 3}}], "explain": true}',
    "words behind": b'{"items": [{"text": "a"}]} and more',
}


@pytest.fixture
def fresh(winnow: Winnow) -> dict[str, str]:
    """The headers of a key that nobody has used."""
    with winnow.database.transaction() as session:
        _, secret = create_api_key(session, SYSTEM, name="fresh", role=Role.PROGRAM)
    return {"X-API-Key": secret, **PLAIN}


@pytest.fixture
def known(winnow: Winnow, project: str) -> dict[str, str]:
    """The headers of a key that was let in before."""
    headers = {**winnow.as_("program"), **PLAIN}
    assert winnow.http.post(path(project), content=b'{"items": [{"text": "a"}]}', headers=headers).status_code == 200
    assert len(winnow.context.known) == 1
    return headers


def path(project: str) -> str:
    return f"/v1/projects/{project}/predict"


def told(answer: Any) -> tuple[int, Any]:
    """An answer without what differs in any two."""
    body = answer.json()
    body.pop("request_id", None)
    for one in body.get("predictions", ()):
        one.pop("prediction_id")
    return answer.status_code, body


@pytest.mark.parametrize("what", [*ODD, *UNUSUAL])
def test_what_is_odd_or_unusual_is_read_as_on_the_long_way(
    winnow: Winnow, project: str, known: dict[str, str], fresh: dict[str, str], what: str
) -> None:
    content = (ODD | UNUSUAL)[what]
    short = winnow.http.post(path(project), content=content, headers=known)
    assert told(short) == told(winnow.http.post(path(project), content=content, headers=fresh))
    assert what in UNUSUAL or short.status_code in {409, 422}


@pytest.mark.parametrize("slug", ["no-such-project", "NO", "a%2Fb"])
def test_a_project_that_is_not_there_is_not_there(
    winnow: Winnow, known: dict[str, str], fresh: dict[str, str], slug: str
) -> None:
    body = b'{"items": [{"text": "a"}]}'
    short = winnow.http.post(path(slug), content=body, headers=known)
    assert told(short) == told(winnow.http.post(path(slug), content=body, headers=fresh))
    assert short.status_code == 404


def test_the_answers_are_the_same(winnow: Winnow, project: str, known: dict[str, str], fresh: dict[str, str]) -> None:
    body = {"items": [{"text": "the invoice is wrong"}, {"text": "my password"}], "top_k": 2, "explain": True}
    short, long = (winnow.http.post(path(project), json=body, headers=one) for one in (known, fresh))
    assert told(short) == told(long)
    assert short.headers["Content-Type"] == long.headers["Content-Type"]


def test_each_request_counts_once_whichever_way_it_goes(
    winnow: Winnow, project: str, known: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.throttle.time.time", lambda: 1_000_000_010.0)
    fine, odd = b'{"items": [{"text": "b"}]}', b"{"
    left = []
    for body, kind in ((fine, PLAIN), (odd, PLAIN), (fine, {"Content-Type": "application/vnd.x+json"}), (odd, PLAIN)):
        answer = winnow.http.post(path(project), content=body, headers={**known, **kind})
        left.append(int(answer.headers["RateLimit-Remaining"]))
    assert [before - after for before, after in pairwise(left)] == [1, 1, 1]


def test_a_key_that_is_refused_is_not_known_any_more(winnow: Winnow, project: str, fresh: dict[str, str]) -> None:
    body = {"items": [{"text": "a"}]}
    assert [winnow.http.post(path(project), json=body, headers=fresh).status_code for _ in range(2)] == [200, 200]
    mine = next(one for one in winnow.get("/v1/api-keys").json()["items"] if one["name"] == "fresh")
    assert winnow.call("DELETE", f"/v1/api-keys/{mine['id']}").status_code == 204
    refused = winnow.http.post(path(project), json=body, headers=fresh)
    assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert len(winnow.context.known) == 0


def test_long_answers_are_packed_for_whoever_takes_that(
    winnow: Winnow, project: str, known: dict[str, str], fresh: dict[str, str]
) -> None:
    body = {"items": [{"text": f"text {number}"} for number in range(20)]}
    for accepted, packed in (("gzip", "gzip"), ("identity", None)):
        kind = {"Accept-Encoding": accepted}
        short, long = (winnow.http.post(path(project), json=body, headers={**one, **kind}) for one in (known, fresh))
        assert short.headers.get("Content-Encoding") == long.headers.get("Content-Encoding") == packed
        assert (told(short), short.headers["Vary"]) == (told(long), long.headers["Vary"])


def test_of_two_keys_the_first_counts_on_either_way(
    winnow: Winnow, project: str, known: dict[str, str], fresh: dict[str, str]
) -> None:
    body = b'{"items": [{"text": "a"}]}'
    for first, status in ((known, 200), ({"X-API-Key": "wnw_nothing"}, 401)):
        keys = [
            ("X-API-Key", first["X-API-Key"]),
            ("X-API-Key", known["X-API-Key"]),
            ("Content-Type", PLAIN["Content-Type"]),
        ]
        assert winnow.http.post(path(project), content=body, headers=keys).status_code == status
    assert winnow.http.post(path(project), content=body, headers=fresh).status_code == 200


def test_other_methods_and_paths_beside_are_what_they_were(winnow: Winnow, project: str, known: dict[str, str]) -> None:
    assert winnow.http.get(path(project), headers=known).status_code == 405
    assert winnow.http.post(f"{path(project)}/", json={}, headers=known).status_code in {404, 405, 422}
    assert winnow.http.options(path(project), headers=known).status_code == 405


def test_what_is_answered_shortly_is_counted_and_named_as_ever(
    winnow: Winnow, project: str, known: dict[str, str]
) -> None:
    def counted() -> float:
        lines = winnow.get("/metrics").text.splitlines()
        wanted = 'winnow_http_requests_total{method="POST",route="/v1/projects/{slug}/predict",status="200"}'
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(wanted))

    before = counted()
    answer = winnow.http.post(path(project), content=b'{"items": [{"text": "a"}]}', headers=known)
    assert answer.headers["X-Request-ID"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert counted() == before + 1
