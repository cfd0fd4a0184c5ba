"""Load over HTTP that costs the machine little: raw sockets, requests made beforehand, run in a process of its own.

    python benchmarks/_load.py PORT PATH HEADERS.json BODIES.json CLIENTS SECONDS

Each client sends its next request as soon as it has the answer. Prints requests a second and milliseconds as JSON.
"""

import asyncio
import json
import socket
import sys
import time
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Tally:
    """What came of the requests of all clients."""

    until: float
    times: list[float] = field(default_factory=list)
    failed: int = 0


class Client(asyncio.Protocol):
    """One connection that is never without a request."""

    def __init__(self, requests: "Iterator[bytes]", tally: Tally) -> None:
        self._requests = requests
        self._tally = tally
        self._answer = b""
        self._began = 0.0
        self._transport: asyncio.Transport | None = None
        self.over = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._answer += data
        if not is_whole(self._answer):
            return
        now = time.perf_counter()
        if self._answer[9:12] in {b"200", b"201"}:
            self._tally.times.append(now - self._began)
        else:
            self._tally.failed += 1
        if now < self._tally.until:
            self._ask()
        elif self._transport is not None:
            self._transport.close()

    def connection_lost(self, _: Exception | None) -> None:
        if time.perf_counter() < self._tally.until:
            self._tally.failed += 1
        if not self.over.done():
            self.over.set_result(None)

    def _ask(self) -> None:
        self._answer = b""
        self._began = time.perf_counter()
        if self._transport is not None:
            self._transport.write(next(self._requests))


def is_whole(answer: bytes) -> bool:
    """Whether an answer with a Content-Length, or in chunks, has come to its end."""
    head, end, body = answer.partition(b"\r\n\r\n")
    if not end:
        return False
    head = head.lower()
    if b"transfer-encoding: chunked" in head:
        return body.endswith(b"0\r\n\r\n")
    length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
    return len(body) >= int(length or 0)


def made(path: str, headers: dict[str, str], body: object) -> bytes:
    """A request as it goes over the wire."""
    content = json.dumps(body).encode()
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {len(content)}", "", ""]
    return "\r\n".join(lines).encode() + content


def asked(line: socket.socket, request: bytes) -> bytes:
    """The answer to one request over a connection that stays open."""
    line.sendall(request)
    answer = b""
    while not is_whole(answer):
        more = line.recv(65_536)
        if not more:
            message = "the server hung up"
            raise ConnectionError(message)
        answer += more
    return answer


async def load(port: int, requests: list[bytes], clients: int, seconds: float) -> dict[str, float]:
    """Ask for some seconds."""
    began = time.perf_counter()
    tally = Tally(began + seconds)
    turns = cycle(requests)
    loop = asyncio.get_running_loop()
    open_ones = [await loop.create_connection(lambda: Client(turns, tally), "127.0.0.1", port) for _ in range(clients)]
    await asyncio.gather(*(client.over for _, client in open_ones))
    taken = time.perf_counter() - began
    times = sorted(tally.times)
    if not times:
        return {"rate": 0.0, "p50": 0.0, "p95": 0.0, "answers": 0, "failed": tally.failed}
    return {
        "rate": round(len(times) / taken, 1),
        "p50": round(times[len(times) // 2] * 1000, 2),
        "p95": round(times[int(0.95 * (len(times) - 1))] * 1000, 2),
        "answers": len(times),
        "failed": tally.failed,
    }


def main() -> None:
    """Load as the arguments say."""
    port, path, headers, bodies, clients, seconds = sys.argv[1:]
    told = json.loads(Path(headers).read_text())
    requests = [made(path, told, body) for body in json.loads(Path(bodies).read_text())]
    print(json.dumps(asyncio.run(load(int(port), requests, int(clients), float(seconds)))))


if __name__ == "__main__":
    main()
