"""What is no answer of Winnow's, or only half of one: each is an error of the client's own, and says what to do."""

import os

import pytest

from models.settings import Settings
from tests.unit.winnow_client.conftest import HANG_UP, Answer
from winnow import (
    ApiError,
    Client,
    ConnectionFailed,
    InvalidRequest,
    NoFile,
    NotFound,
    Unauthenticated,
    UnusableAnswer,
)
from winnow import connection as connections
from winnow.calls import operations

PROJECT = {"slug": "tickets", "name": "Tickets"}
PAGE = Answer(b"<html>", kind="text/html; charset=utf-8")
JOB = {"id": "7", "kind": "import", "progress": {"done": 1, "total": None}}
QUEUED, RUNNING, DONE = ({**JOB, "status": status} for status in ("queued", "running", "succeeded"))


def cut(status=200):
    """An answer that ends before its end."""
    return Answer(b'{"slug', status, {"Content-Length": "100", "Connection": "close"})


@pytest.fixture
def client(server):
    with Client(server.url, api_key="k") as connected:
        yield connected


@pytest.mark.parametrize("name", ["", ".", "..", "\ud800"])
def test_what_names_nothing_is_not_asked_for(server, client, name):
    """Deleting the item `..` of a project would be deleting the project."""
    server.behaviour = lambda _asked: Answer(status=204)

    for call in (client.delete_project, client.stats, lambda it: client.delete_item("tickets", it)):
        with pytest.raises(NotFound, match="is no name or id"):
            call(name)
    assert server.asked == []


@pytest.mark.parametrize("call", ["project", "delete_project", "items", "ready"])
def test_another_program_at_the_address_is_named(server, client, call):
    server.behaviour = lambda _asked: PAGE if call != "delete_project" else Answer(b"", 302, {"Location": "/login"})
    made = getattr(client, call)

    if call == "delete_project":
        with pytest.raises(ApiError, match="sends on to /login"):
            made("tickets")
        return
    with pytest.raises(UnusableAnswer, match="text/html"):
        list(made("tickets")) if call == "items" else made(*([] if call == "ready" else ["tickets"]))


@pytest.mark.parametrize("body", [b'{"slug": "a", ', b"null", b"[]", b'{"name": "a"}', b"7"])
def test_an_answer_of_another_form_is_said(server, client, body):
    server.behaviour = lambda _asked: Answer(body)

    with pytest.raises(UnusableAnswer, match="another release"):
        client.project("tickets")


@pytest.mark.parametrize("body", [b"{", b"null", b"{}", b'{"items": [7]}', b'{"items": 7}', b'"items"'])
def test_a_page_of_another_form_is_said(server, client, body):
    server.behaviour = lambda _asked: Answer(body)

    with pytest.raises(UnusableAnswer, match="another release"):
        client.projects()


def test_a_redirect_is_no_success_and_names_where_it_goes(server, client):
    server.behaviour = lambda _asked: Answer(b"", 308, {"Location": "https://winnow.example/v1"})

    with pytest.raises(ApiError, match=r"sends on to https://winnow\.example/v1"):
        client.predict("tickets", "x")
    with pytest.raises(ApiError, match="sends on"):
        client.delete_item("tickets", "7")


def test_an_answer_that_breaks_off_is_asked_for_again(server, client):
    server.answers(cut(), cut(422), Answer(PROJECT))

    assert client.project("tickets").name == "Tickets"


@pytest.mark.parametrize("status", [200, 202, 422])
def test_what_breaks_off_in_the_end_is_an_error_of_the_client(server, status):
    server.behaviour = lambda _asked: cut(status)

    with Client(server.url, retries=0) as client:
        for call in (lambda: client.project("tickets"), client.ready, lambda: list(client.export("tickets"))):
            with pytest.raises(ConnectionFailed, match="broke"):
                call()


def test_what_cannot_be_unpacked_is_an_error_of_the_client(server):
    server.behaviour = lambda _asked: Answer(b"no gzip", headers={"Content-Encoding": "gzip"})

    with Client(server.url, retries=0) as client:
        for call in (lambda: client.project("tickets"), lambda: list(client.export("tickets"))):
            with pytest.raises(ConnectionFailed):
                call()


def test_a_problem_with_strange_places_is_an_error_all_the_same(server, client):
    server.behaviour = lambda _asked: Answer({"detail": "bad", "errors": [{"loc": 5, "msg": "m"}, 3]}, 422)

    with pytest.raises(InvalidRequest, match="bad"):
        client.project("tickets")


@pytest.mark.parametrize("address", ["127.0.0.1:8000", "", "ftp://x"])
def test_an_address_without_http_is_said_at_once(address, monkeypatch):
    monkeypatch.setattr(connections.time, "sleep", lambda _seconds: pytest.fail("it is no use to wait"))

    with Client(address) as client, pytest.raises(ConnectionFailed, match="begin it with http://"):
        client.me()


def test_a_port_that_is_none_is_said():
    with Client("http://127.0.0.1:abc") as client, pytest.raises(ConnectionFailed, match="cannot be used"):
        client.me()


def test_a_key_as_it_stands_in_a_file_is_good(server):
    server.behaviour = lambda _asked: Answer(PROJECT)

    with Client(server.url, api_key="wnw_x\n") as client:
        client.project("tickets")
    assert server.asked[0].headers["x-api-key"] == "wnw_x"


@pytest.mark.parametrize("given", [{"api_key": "wnw_ä"}, {"api_key": "wnw\nsecret"}, {"access_token": "to\nken"}])
def test_a_key_that_cannot_be_sent_is_refused_and_not_repeated(server, given):
    with Client(server.url, **given) as client, pytest.raises(Unauthenticated) as caught:
        client.me()
    assert "secret" not in str(caught.value)
    assert server.asked == []


def test_what_comes_through_a_pipe_is_sent_whole_also_the_second_time(server, client):
    server.answers(Answer(status=503), Answer({"id": "1", "job_id": "2"}, 202))
    out, into = os.pipe()
    os.write(into, b"first line\n" * 100)
    os.close(into)

    with os.fdopen(out, "rb") as pipe:
        client.import_file("tickets", pipe, filename="t.txt")

    assert [asked.body.count(b"first line") for asked in server.asked] == [100, 100]


@pytest.mark.parametrize("job", [QUEUED, DONE, {**DONE, "result": {"versions": 1}}])
def test_a_job_without_a_file_is_said(server, client, job):
    server.behaviour = lambda _asked: Answer(job)

    with pytest.raises(NoFile, match="has no file"):
        list(client.download(client.job("7")))


@pytest.mark.parametrize("away", [HANG_UP, 502, 503])
def test_a_job_is_waited_for_while_the_server_is_away(server, away):
    server.answers(Answer(RUNNING), Answer(status=away), Answer(status=away), Answer(RUNNING), Answer(DONE))

    with Client(server.url, retries=0) as client:
        assert client.wait("7").status == "succeeded"
    assert len(server.asked) == 5


def test_a_server_that_does_not_come_back_is_not_waited_for_for_ever(server, monkeypatch):
    monkeypatch.setattr(operations, "_LONGEST_ABSENCE", 0.0)
    server.answers(Answer(RUNNING), Answer(status=503), Answer(status=503), Answer(DONE))

    with Client(server.url, retries=0) as client, pytest.raises(ApiError):
        client.wait("7")


def test_a_server_that_is_away_from_the_beginning_is_said_at_once(server):
    server.behaviour = lambda _asked: Answer(status=HANG_UP)

    with Client(server.url, retries=0) as client, pytest.raises(ConnectionFailed):
        client.wait("7")
    assert len(server.asked) == 1


def test_the_client_has_more_patience_than_the_server():
    """Else it would ask again, and again, while the server still works on what it asked first."""
    settings = Settings(_env_file=None)
    longest = settings.wait_seconds + settings.encode_seconds + settings.statement_seconds
    with Client() as client:
        assert client._http.timeout.read > longest
