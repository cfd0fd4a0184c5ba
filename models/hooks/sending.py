"""One attempt to hand a message over: bounded in time and in what is read, to checked addresses, without redirects."""

import socket
import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpcore2
import httpx2

from models.errors import AddressRefused
from models.hooks.addresses import Lookup, resolve

KEPT_BYTES = 1_000
"""So much of an answer is kept for the log; no more of it is read."""

_OK = range(200, 300)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an attempt.

    Attributes:
        status: of the answer; None where there was none.
        body: its beginning, as text.
        error: what went wrong, in a sentence; None if it was acknowledged.
        seconds: how long it took.
    """

    status: int | None
    body: str | None
    error: str | None
    seconds: float

    @property
    def acknowledged(self) -> bool:
        """Whether the receiver has it."""
        return self.error is None


class Sender:
    """Sends messages.

    Args:
        seconds: how long one attempt may take as a whole.
        allow_private: whether it may go to addresses that are not public.
        lookup: finds the addresses of a name.
    """

    def __init__(self, *, seconds: float, allow_private: bool, lookup: Lookup = socket.getaddrinfo) -> None:
        self._seconds = seconds
        self._allow_private = allow_private
        self._lookup = lookup

    def send(self, url: str, body: bytes, headers: Mapping[str, str]) -> Outcome:
        """POST the message. Never raises for what the receiver or the network does."""
        started = time.monotonic()
        network = _Network(started + self._seconds, allow_private=self._allow_private, lookup=self._lookup)
        status, kept, error = None, None, None
        try:
            with (
                httpx2.Client(transport=_Transport(network), timeout=self._seconds, trust_env=False) as client,
                client.stream("POST", url, content=body, headers=dict(headers)) as response,
            ):
                status = response.status_code
                kept = _beginning(response)
        except AddressRefused as refused:
            error = refused.detail
        except httpx2.TimeoutException:
            error = f"no whole answer within {self._seconds:g} seconds"
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, UnicodeError) as failure:
            error = f"{type(failure).__name__}: {failure}"[:500]
        if error is None and status not in _OK:
            error = f"answered {status}"
        return Outcome(status, kept, error, round(time.monotonic() - started, 3))


class _Transport(httpx2.HTTPTransport):
    """HTTP over a network of our own; no proxies, nothing from the environment but its certificates."""

    def __init__(self, network: httpcore2.NetworkBackend) -> None:
        # The pool is all that the parent holds; its own would connect wherever a name points.
        self._pool = httpcore2.ConnectionPool(ssl_context=_certificates(), network_backend=network)


class _Network(httpcore2.SyncBackend):
    """Connects to addresses that were checked, and lets nothing go on after the deadline."""

    def __init__(self, deadline: float, *, allow_private: bool, lookup: Lookup) -> None:
        self._deadline = deadline
        self._allow_private = allow_private
        self._lookup = lookup

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """A connection to one of the host's addresses. Raises AddressRefused before any packet is sent."""
        del timeout
        try:
            addresses = resolve(host, port, allow_private=self._allow_private, lookup=self._lookup)
        except OSError as error:
            raise httpcore2.ConnectError(f"{host} is not known: {error}") from error
        failure: Exception = httpcore2.ConnectError(f"{host} has no address")
        for address in addresses:
            try:
                stream = super().connect_tcp(address, port, self._left(), local_address, socket_options)
            except httpcore2.ConnectError as error:
                failure = error
            else:
                return _Stream(stream, self._deadline)
        raise failure

    def _left(self) -> float:
        return _left(self._deadline, httpcore2.ConnectTimeout)


class _Stream(httpcore2.NetworkStream):
    """A connection on which every wait ends at the deadline, however slowly the other side drips."""

    def __init__(self, stream: httpcore2.NetworkStream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Some bytes. Raises ReadTimeout at the deadline."""
        del timeout
        return self._stream.read(max_bytes, _left(self._deadline, httpcore2.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all. Raises WriteTimeout at the deadline."""
        del timeout
        self._stream.write(buffer, _left(self._deadline, httpcore2.WriteTimeout))

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        """The same connection, encrypted; the certificate is checked against the name, not the address."""
        del timeout
        left = _left(self._deadline, httpcore2.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left), self._deadline)

    def close(self) -> None:
        """Hang up."""
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        """What the connection knows about itself."""
        return self._stream.get_extra_info(info)


def _left(deadline: float, late: type[Exception]) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise late
    return left


def _beginning(response: httpx2.Response) -> str:
    """The first bytes of the answer as text that any database takes; what is compressed stays unread."""
    if response.headers.get("content-encoding", "identity") != "identity":
        return ""
    kept = bytearray()
    for piece in response.iter_raw():
        kept += piece
        if len(kept) >= KEPT_BYTES:
            break
    return bytes(kept[:KEPT_BYTES]).decode("utf-8", "replace").replace("\x00", "\N{SYMBOL FOR NULL}")


@cache
def _certificates() -> ssl.SSLContext:
    return httpx2.create_ssl_context()
