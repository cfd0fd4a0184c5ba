"""Problem documents become exceptions that say what happened."""

import pytest

from tests.unit.winnow_client.conftest import Answer
from winnow import Client, errors

PROBLEM = "application/problem+json"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.InvalidRequest),
        (401, errors.Unauthenticated),
        (403, errors.Forbidden),
        (404, errors.NotFound),
        (409, errors.Conflict),
        (413, errors.InvalidRequest),
        (418, errors.ApiError),
        (422, errors.InvalidRequest),
        (500, errors.ServerError),
    ],
)
def test_each_status_has_its_exception(server, status, kind):
    body = {"type": "/problems/too-bad", "title": "Too bad", "status": status, "detail": "It went wrong."}
    server.answers(Answer(body, status, {"X-Request-ID": "abc"}, PROBLEM))

    with Client(server.url) as client, pytest.raises(errors.ApiError) as caught:
        client.me()

    assert type(caught.value) is kind
    assert (caught.value.code, caught.value.detail) == ("too-bad", "It went wrong.")
    assert (caught.value.status, caught.value.request_id) == (status, "abc")
    assert str(caught.value) == "It went wrong."


def test_places_in_the_request_are_kept_and_told(server):
    faults = [{"loc": ["body", "items", n, "text"], "msg": "is empty"} for n in range(7)]
    body = {"title": "Invalid", "detail": "Items are wrong", "code": "invalid", "errors": faults}
    server.answers(Answer(body, 422, kind=PROBLEM))

    with Client(server.url) as client, pytest.raises(errors.InvalidRequest) as caught:
        client.add_items("tickets", ["", ""])

    assert caught.value.problems[6] == errors.Problem(("body", "items", 6, "text"), "is empty")
    assert str(caught.value).startswith("Items are wrong: body.items.0.text: is empty; ")
    assert str(caught.value).endswith("(and 2 more)")


@pytest.mark.parametrize("body", [b"<html>Bad gateway</html>", b"", b"[1]"])
def test_an_answer_that_is_no_problem_document_is_an_error_all_the_same(server, body):
    server.answers(Answer(body, 500, kind="application/json" if body == b"[1]" else "text/html"))

    with Client(server.url) as client, pytest.raises(errors.ServerError) as caught:
        client.me()

    assert caught.value.code == "http-500"
    assert str(caught.value)
