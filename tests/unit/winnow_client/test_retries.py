"""What is sent again, and what never is."""

import io
import socket

import httpx2
import pytest

from tests.unit.winnow_client.conftest import HANG_UP, Answer, LoopbackServer
from winnow import Client, ConnectionFailed, RateLimited, ServerError

PROJECT = {"slug": "tickets", "name": "Tickets"}
PREDICTIONS = {"model_version": 0, "predictions": []}


@pytest.fixture
def client(server: LoopbackServer):
    with Client(server.url, api_key="k") as connected:
        yield connected


@pytest.mark.parametrize("status", [502, 503, 504, HANG_UP])
def test_reading_is_tried_again_after_a_passing_fault(server, client, status):
    server.answers(Answer(status=status), Answer(status=status), Answer(PROJECT))

    assert client.project("tickets").name == "Tickets"
    assert len(server.asked) == 3


@pytest.mark.parametrize("status", [503, HANG_UP])
def test_creating_is_tried_again_with_the_same_key_and_body(server, client, status):
    server.answers(Answer(status=status), Answer(PROJECT, 201))

    client.create_project("Tickets", categories=["Billing"])

    first, second = server.asked
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    assert first.body == second.body


def test_two_creations_have_different_keys(server, client):
    server.answers(Answer(PROJECT, 201), Answer(PROJECT, 201))

    client.create_project("Tickets")
    client.create_project("Tickets")

    first, second = server.asked
    assert first.headers["idempotency-key"] != second.headers["idempotency-key"]


def test_a_file_is_sent_whole_the_second_time_too(server, client):
    server.answers(Answer(status=503), Answer({"id": "1", "job_id": "2"}, 202))
    content = b"first line\n" * 20_000

    client.import_file("tickets", io.BytesIO(content), filename="t.txt", text_fields=["subject", "body"])

    first, second = server.asked
    assert first.body == second.body
    assert content in second.body
    assert second.body.count(b'name="text_fields"') == 2


@pytest.mark.parametrize("status", [503, HANG_UP])
def test_what_has_no_key_is_not_sent_twice(server, client, status):
    server.answers(Answer(status=status), Answer({"version": 1, "status": "serving"}))

    with pytest.raises((ServerError, ConnectionFailed)):
        client.rollback("tickets")
    assert len(server.asked) == 1


def test_a_plain_prediction_is_asked_again_without_a_key(server, client):
    server.answers(Answer(status=503), Answer(PREDICTIONS))

    client.predict("tickets", "charged twice")

    assert len(server.asked) == 2
    assert "idempotency-key" not in server.asked[0].headers


def test_a_prediction_that_queues_has_a_key(server, client):
    server.answers(Answer(PREDICTIONS))

    client.predict("tickets", [{"id": "7", "text": "charged twice"}], review="uncertain")

    assert "idempotency-key" in server.asked[0].headers
    assert server.asked[0].json["items"] == [{"id": "7", "text": "charged twice"}]


def test_an_error_of_the_server_itself_is_not_tried_again(server, client):
    server.answers(Answer(status=500), Answer(PROJECT))

    with pytest.raises(ServerError):
        client.project("tickets")
    assert len(server.asked) == 1


def test_tries_come_to_an_end(server):
    server.behaviour = lambda _asked: Answer(status=503)

    with Client(server.url, retries=2) as client, pytest.raises(ServerError):
        client.project("tickets")
    assert len(server.asked) == 3


def test_a_rate_limit_is_waited_out_for_any_request(server, client):
    limited = Answer(status=429, headers={"Retry-After": "0"})
    server.answers(limited, Answer({"version": 1, "status": "serving"}))

    assert client.rollback("tickets").version == 1


def test_a_rate_limit_that_lasts_long_is_said_at_once(server, client):
    server.answers(Answer(status=429, headers={"Retry-After": "3600"}), Answer(PROJECT))

    with pytest.raises(RateLimited) as caught:
        client.project("tickets")
    assert caught.value.retry_after == 3600
    assert len(server.asked) == 1


def test_nobody_listening_is_a_sentence_with_the_address():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with Client(url, retries=1) as client, pytest.raises(ConnectionFailed, match=url):
            client.me()


def test_unreadiness_is_an_answer(server, client):
    parts = {"redis": {"ok": False, "detail": "refused"}, "workers": {"ok": True, "count": 2}}
    server.answers(Answer({"status": "unready", "parts": parts}, 503))

    readiness = client.ready()

    assert not readiness.ready
    assert readiness.parts["workers"].count == 2


def test_a_given_http_client_keeps_its_base_url_and_stays_open(server):
    server.answers(Answer(PROJECT), Answer(PROJECT))
    with httpx2.Client(base_url=server.url) as http:
        with Client("http://nowhere.invalid", http=http) as client:
            assert client.base_url == server.url
            client.project("tickets")
        assert not http.is_closed
        Client(server.url, http=http).project("a/b")
    assert server.asked[1].path == "/v1/projects/a%2Fb"
