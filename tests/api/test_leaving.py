"""A process that is told to end: it says so, serves on, lets connections go, and answers what it has begun."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from tests.api.conftest import SECRET
from tests.servers import free_port

PATIENCE = 120.0
BODY = b"username=nobody&password=nothing+at+all"


@dataclass(frozen=True)
class Process:
    popen: subprocess.Popen[bytes]
    port: int

    def connected(self) -> socket.socket:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
            except ConnectionRefusedError:
                assert time.monotonic() < deadline, "it does not listen"
                time.sleep(0.1)

    def ready(self) -> dict[str, bool]:
        """The parts of `/readyz`."""
        with httpx2.Client(trust_env=False, timeout=PATIENCE) as http:
            parts = http.get(f"http://127.0.0.1:{self.port}/readyz").json()["parts"]
        return {name: part["ok"] for name, part in parts.items()}


@pytest.fixture
def process(tmp_path: Path, sqlite_url: str, redis_url: str, encoder_cache: Path, encoder: object) -> Iterator[Process]:
    del encoder  # it is exported now
    port = free_port()
    environment = {
        **os.environ,
        "WINNOW_DATA_DIR": str(tmp_path / "data"),
        "WINNOW_DATABASE_URL": sqlite_url,
        "WINNOW_REDIS_URL": redis_url,
        "WINNOW_API_PORT": str(port),
        "WINNOW_SECRET_KEY": SECRET,
        "WINNOW_DRAIN_SECONDS": "600",
    }
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "encoders").symlink_to(encoder_cache)
    popen = subprocess.Popen([sys.executable, "-m", "api"], env=environment, stderr=subprocess.DEVNULL)
    try:
        yield Process(popen, port)
    finally:
        popen.kill()
        popen.wait()


def ask(line: socket.socket, path: str) -> None:
    line.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())


def begin(line: socket.socket) -> None:
    """A sign-in of which the body is still to come."""
    head = "POST /v1/auth/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    line.sendall(f"{head}Content-Length: {len(BODY)}\r\n\r\n".encode() + BODY[:5])


def answer(line: socket.socket) -> tuple[int, bool]:
    """Status, and whether it is the last of its connection."""
    head = b""
    while b"\r\n\r\n" not in head:
        more = line.recv(1)
        assert more, f"the connection ended after {head!r}"
        head += more
    lines = head.decode().lower().split("\r\n")
    length = next(int(one.partition(":")[2]) for one in lines if one.startswith("content-length:"))
    while length:
        length -= len(line.recv(length))
    return int(lines[0].split()[1]), "connection: close" in lines


@pytest.mark.timeout(600)
def test_it_says_so_serves_on_and_lets_connections_go(process: Process) -> None:
    process.connected().close()
    assert "process" not in process.ready()
    kept, begun = process.connected(), process.connected()
    ask(kept, "/healthz")
    assert answer(kept) == (200, False)
    begin(begun)

    process.popen.send_signal(signal.SIGTERM)
    deadline, last = time.monotonic() + PATIENCE, False
    while not last:  # the signal may take its time to arrive
        assert time.monotonic() < deadline, "it does not let the connection go"
        ask(kept, "/healthz")
        status, last = answer(kept)
        assert status == 200
    assert process.ready() == {"process": False}
    late = process.connected()
    ask(late, "/healthz")
    assert answer(late) == (200, True)
    assert late.recv(1) == b""
    begun.sendall(BODY[5:])
    status, last = answer(begun)
    assert (status, last) == (401, True)
    assert process.popen.poll() is None

    process.popen.send_signal(signal.SIGTERM)
    assert process.popen.wait(PATIENCE) in {0, -signal.SIGTERM}
    for line in (kept, begun, late):
        line.close()
