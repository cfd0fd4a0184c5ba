"""What comes over the wire and is no request, or has no end, over a real connection."""

import json
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from api.wire import MAX_HEAD, Protocol
from tests.servers import free_port

PATIENCE = 60.0
SOME = b"GET /v1/me HTTP/1.1\r\nHost: here\r\n"


async def lengths(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with how long the body was."""
    assert scope["type"] == "http"
    length, more = 0, True
    while more:
        message = await receive()
        length, more = length + len(message.get("body", b"")), message.get("more_body", False)
    said = str(length).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(said))]})
    await send({"type": "http.response.body", "body": said})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    port = free_port()
    config = uvicorn.Config(lengths, port=port, http=Protocol, ws="none", lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield port
    server.should_exit = True
    thread.join()


def say(port: int, *pieces: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the answer, which comes before all was said where that is too much."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as line:
        try:
            for piece in pieces:
                line.sendall(piece)
                time.sleep(0.02)  # to be taken piece by piece
        except ConnectionError:
            pass
        heard = b""
        while b"\r\n\r\n" not in heard:
            more = line.recv(65_536)
            assert more, heard
            heard += more
        head, _, body = heard.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = dict(one.lower().split(": ", 1) for one in lines)
        while len(body) < int(headers["content-length"]):
            body += line.recv(65_536)
    return int(first.split()[1]), headers, body


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /v1/projects/a b HTTP/1.1\r\nHost: here\r\n\r\n",
        b"BREW /v1/me HTTP/1.1\r\nHost: here\r\n\r\n",
        b"POST /v1/me HTTP/1.1\r\nHost: here\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST /v1/me HTTP/1.1\r\nHost: here\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
def test_what_is_no_request_is_answered_as_every_error_is(port: int, sent: bytes) -> None:
    status, headers, body = say(port, sent)
    told = json.loads(body)
    assert status == told["status"] == 400
    assert headers["content-type"] == "application/problem+json"
    assert headers["x-request-id"] == told["request_id"]
    assert headers["cache-control"] == "no-store"
    assert headers["connection"] == "close"
    assert told["code"] == "bad-request"
    assert told["type"] == "/problems/bad-request"


@pytest.mark.parametrize(
    "pieces",
    [
        [SOME + b"X-Long: " + b"a" * MAX_HEAD + b"\r\n\r\n"],
        [SOME, *[b"X-Many: a\r\n" * 1000] * 8, b"\r\n"],
        [SOME + b"X-Endless: ", *[b"a" * 30_000] * 12],
        [b"GET /", *[b"a" * 30_000] * 12],
    ],
    ids=["long", "many", "endless", "address"],
)
def test_a_head_without_end_is_refused(port: int, pieces: list[bytes]) -> None:
    status, headers, body = say(port, *pieces)
    told = json.loads(body)
    assert status == told["status"] == 431
    assert headers["x-request-id"] == told["request_id"]
    assert told["code"] == "head-too-large"


def test_nor_may_what_stands_beside_a_body_be_endless(port: int) -> None:
    chunked = b"POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n"
    assert say(port, chunked + b"0\r\nX-Trailer: ", *[b"a" * 30_000] * 12)[0] == 431
    assert say(port, chunked + b"1;extension=", *[b"a" * 30_000] * 12)[0] == 431


def test_bodies_are_not_meant(port: int) -> None:
    length = 40 * 30_000
    head = b"POST / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n"
    pieces = [b"a" * 30_000] * 40
    assert say(port, head + b"Content-Length: %d\r\n\r\n" % length, *pieces)[2] == b"%d" % length
    chunks = [b"1\r\na\r\n" * 10_000] * 4  # six bytes for each
    assert say(port, head + b"Transfer-Encoding: chunked\r\n\r\n", *chunks, b"0\r\n\r\n")[2] == b"40000"


def test_a_head_may_be_as_long_as_that(port: int) -> None:
    assert say(port, SOME + b"X-Long: " + b"a" * (MAX_HEAD - 100) + b"\r\n\r\n")[0] == 200


def test_many_requests_at_once_are_not_meant(port: int) -> None:
    asked = SOME + b"X-Long: " + b"a" * 20_000 + b"\r\n\r\n"
    status, _, _ = say(port, asked * 10)
    assert status == 200


def test_nobody_changes_to_another_protocol(port: int) -> None:
    upgrade = (
        b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAA\r\n\r\n"
    )
    assert say(port, SOME + upgrade)[0] == 200
