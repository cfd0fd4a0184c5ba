"""One attempt, against real servers on loopback."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from models.hooks.sending import KEPT_BYTES, Outcome, Sender
from tests.unit.winnow_client.conftest import HANG_UP, Answer, LoopbackServer


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    running = LoopbackServer()
    yield running
    running.close()


def send(url: str, *, seconds: float = 60, allow_private: bool = True, **more: Any) -> Outcome:
    sender = Sender(seconds=seconds, allow_private=allow_private, **more)
    return sender.send(url, b'{"a":1}', {"webhook-id": "msg_1", "content-type": "application/json"})


@contextmanager
def raw_server(behave: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that says to one caller whatever it likes."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            caller, _ = listening.accept()
            with caller:
                caller.recv(65536)
                try:
                    behave(caller)
                except OSError:
                    return  # the caller had enough

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        socket.create_connection(listening.getsockname()).close()  # or it waits for one who gave up before they called
        thread.join()


def test_the_message_arrives_as_it_was_signed(server: LoopbackServer) -> None:
    server.answers(Answer({"ok": True}, 201))
    outcome = send(server.url + "/hook?x=1")
    assert outcome.acknowledged
    assert (outcome.status, outcome.body, outcome.error) == (201, '{"ok": true}', None)
    asked = server.asked[0]
    assert (asked.method, asked.path, asked.query, asked.body) == ("POST", "/hook", {"x": ["1"]}, b'{"a":1}')
    assert asked.headers["webhook-id"] == "msg_1"


def test_redirects_are_answers_not_ways(server: LoopbackServer) -> None:
    server.answers(Answer(b"", 307, {"Location": server.url + "/elsewhere"}), Answer({}))
    outcome = send(server.url + "/hook")
    assert (outcome.acknowledged, outcome.status, outcome.error) == (False, 307, "answered 307")
    assert [asked.path for asked in server.asked] == ["/hook"]


@pytest.mark.parametrize("status", [400, 404, 410, 429, 500, 503])
def test_any_other_answer_is_no_acknowledgement(server: LoopbackServer, status: int) -> None:
    server.answers(Answer({"why": "not"}, status))
    outcome = send(server.url)
    assert (outcome.acknowledged, outcome.status, outcome.body) == (False, status, '{"why": "not"}')


def test_a_private_address_is_not_even_connected_to(server: LoopbackServer) -> None:
    outcome = send(server.url, allow_private=False)
    assert outcome.error == "127.0.0.1 stands for 127.0.0.1, which is not a public address."
    assert server.asked == []


def test_the_checked_address_is_the_one_connected_to(server: LoopbackServer) -> None:
    port = int(server.url.rpartition(":")[2])
    looked_up = []

    def lookup(host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        looked_up.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    server.answers(Answer({}))
    assert send(f"http://receiver.example:{port}/hook", lookup=lookup).acknowledged
    assert looked_up == ["receiver.example"]
    assert server.asked[0].headers["host"] == f"receiver.example:{port}"


def test_a_name_that_turns_private_is_refused_at_the_attempt(server: LoopbackServer) -> None:
    port = int(server.url.rpartition(":")[2])

    def lookup(_host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    outcome = send(f"http://receiver.example:{port}/", allow_private=False, lookup=lookup)
    assert outcome.error == "receiver.example stands for 127.0.0.1, which is not a public address."
    assert server.asked == []


def test_a_long_answer_is_cut_and_not_read_to_its_end() -> None:
    sent = []

    def behave(caller: socket.socket) -> None:
        caller.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        while sum(sent) < 1_000_000_000:
            sent.append(caller.send(b"x" * 65536))

    with raw_server(behave) as url:
        outcome = send(url)
    assert outcome.acknowledged
    assert outcome.body == "x" * KEPT_BYTES
    assert sum(sent) < 100_000_000


def test_what_no_database_takes_is_taken_out_of_the_answer(server: LoopbackServer) -> None:
    server.answers(Answer(b"a\x00\xff", 500))
    assert send(server.url).body == "a\N{SYMBOL FOR NULL}\N{REPLACEMENT CHARACTER}"


def test_a_compressed_answer_is_not_unpacked(server: LoopbackServer) -> None:
    server.answers(Answer(b"\x1f\x8b" + bytes(100), 200, {"Content-Encoding": "gzip"}))
    outcome = send(server.url)
    assert (outcome.acknowledged, outcome.body) == (True, "")


def test_a_server_that_drips_is_cut_off_at_the_deadline() -> None:
    def behave(caller: socket.socket) -> None:
        caller.sendall(b"HTTP/1.1 200 OK\r\n")
        over = threading.Event()
        while True:  # until the caller hangs up
            caller.sendall(b"X: y\r\n")
            over.wait(0.05)

    with raw_server(behave) as url:
        outcome = send(url, seconds=0.5)
    assert outcome.error == "no whole answer within 0.5 seconds"


def test_no_answer_is_an_outcome_not_an_error(server: LoopbackServer) -> None:
    server.answers(Answer(status=HANG_UP))
    hung_up = send(server.url)
    assert (hung_up.status, hung_up.acknowledged) == (None, False)
    assert hung_up.error
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused, and nobody else gets the port
        refused = send(f"http://127.0.0.1:{taken.getsockname()[1]}/")
    assert refused.status is None
    assert "ConnectError" in (refused.error or "")
    assert "not known" in (send("http://no-such-host.invalid/").error or "")
