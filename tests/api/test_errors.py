"""Every error is a problem document; the tree and the table of statuses fit together."""

import json

import pytest

from api.errors import STATUS, problem, status_of
from models import errors
from models.errors import Problem, WinnowError
from tests.api.conftest import Winnow


def tree(kind: type[WinnowError]) -> list[type[WinnowError]]:
    return [kind, *(found for child in kind.__subclasses__() for found in tree(child))]


@pytest.mark.parametrize("kind", [kind for kind in tree(WinnowError) if kind is not WinnowError])
def test_every_error_has_a_status_below_500_or_says_try_again(kind: type[WinnowError]) -> None:
    made = kind.__new__(kind)
    assert status_of(made) in {401, 403, 404, 409, 412, 413, 416, 422, 429, 503}
    assert kind.code == kind.code.lower()
    assert kind.code != WinnowError.code, f"{kind.__name__} needs a code of its own"


def test_the_table_is_read_from_the_special_to_the_general() -> None:
    for place, (kind, _) in enumerate(STATUS):
        assert not any(issubclass(kind, earlier) for earlier, _ in STATUS[:place])


def test_the_drawing_names_every_kind() -> None:
    for kind in (errors.Invalid, errors.Unauthenticated, errors.Forbidden, errors.Missing, errors.Conflict):
        assert kind.__name__ in (errors.__doc__ or "")


def test_a_problem_has_all_its_members(winnow: Winnow) -> None:
    answer = winnow.get("/v1/projects/none", headers={"X-Request-ID": "from-outside.1"})
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["detail"]
    del body["detail"]
    assert body == {
        "type": "/problems/not-found",
        "title": "Not found",
        "status": 404,
        "instance": "/v1/projects/none",
        "code": "not-found",
        "request_id": "from-outside.1",
    }


def test_bad_input_is_shown_where_it_stands(winnow: Winnow, project: str) -> None:
    answer = winnow.post(f"/v1/projects/{project}/predict", json={"items": [{"text": "fine"}, {"text": 7}]})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"loc": ["body", "items", 1, "text"], "msg": "Input should be a valid string"}]


def test_unknown_addresses_and_methods_are_problems_too(winnow: Winnow) -> None:
    for method, path, status, code in (
        ("GET", "/nowhere", 404, "not-found"),
        ("GET", "/v1/projects/x/nowhere", 404, "not-found"),
        ("PUT", "/v1/projects", 405, "method-not-allowed"),
    ):
        answer = winnow.call(method, path)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.headers["X-Request-ID"] == answer.json()["request_id"]


def test_where_it_happened_is_an_address(winnow: Winnow) -> None:
    for asked in ("/v1/projects/a%20b", "/v1/projects/%3Cscript%3E", "/v1/projects/a%00%0D%0Ab", "/v1/projects/%C3%A9"):
        assert winnow.get(asked).json()["instance"] == asked
    assert winnow.get("/v1/projects/a%3Fb%23c").json()["instance"] == "/v1/projects/a%3Fb%23c", "nothing is cut off"


def test_one_slash_too_many_leads_to_the_right_address_on_the_same_host(winnow: Winnow) -> None:
    headers = {"Host": "elsewhere.example"}
    for path, right in (
        ("/v1/projects/", "/v1/projects"),
        ("/v1/projects/?limit=1", "/v1/projects?limit=1"),
        ("/v1/projects/a%20b/", "/v1/projects/a%20b"),
        ("//v1/projects/", None),
        ("/nowhere/", None),
        ("//elsewhere.example/", None),
        ("/", None),
    ):
        answer = winnow.get(path, headers=headers, follow_redirects=False)
        assert answer.headers.get("location") == right
        assert answer.status_code == (404 if right is None else 307)
    assert winnow.post("/v1/projects/", json={"name": "x"}, follow_redirects=False).status_code == 307


def test_a_bug_tells_nothing_but_leaves_its_trace(winnow: Winnow, caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> None:
        raise RuntimeError("the secret inside")

    winnow.app.add_api_route("/broken", broken)
    answer = winnow.http.get("/broken")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.json()["code"] == "internal-error"
    assert answer.headers["X-Request-ID"] == answer.json()["request_id"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "the secret inside" in caplog.text
    assert answer.json()["request_id"] in caplog.text


def test_a_strange_request_id_is_replaced(winnow: Winnow) -> None:
    for given in ("a b", "x" * 65, "<script>", ""):
        answer = winnow.http.get("/healthz", headers={"X-Request-ID": given})
        assert answer.headers["X-Request-ID"] != given
        assert len(answer.headers["X-Request-ID"]) == 32


def test_a_problem_can_be_sent_whatever_it_quotes() -> None:
    answer = problem(
        422, "invalid", "\ud800", instance="/\udfff", request_id="x", problems=[Problem(("body", "\ud800"), "é\x00")]
    )
    assert json.loads(answer.body)["errors"] == [{"loc": ["body", "\ud800"], "msg": "é\x00"}]
    assert answer.body.isascii()
