"""HTTP as it comes over the wire: what is no request is answered like any other error, and what is no body has bounds.

The parser puts a header together anew with each piece of it, in the one thread that all requests share: a header
without end would keep the process from answering anybody, and nobody has said yet who sends it.
"""

import secrets
from typing import Any
from urllib.parse import unquote

import httptools
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from api.errors import problem
from api.middleware import SECURITY

MAX_HEAD = 65_536
"""The most bytes of a request's first line and headers together."""

_PATH_CHARS = 200
_TOO_LARGE = f"The address and the headers of the request have more than {MAX_HEAD} bytes together."


class Protocol(HttpToolsProtocol):
    """uvicorn's, with bounds, and with problems (RFC 9457) for what it refuses itself."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.url = b""
        self._idle = 0  # bytes since the last that led anywhere: a head, a piece of a body, an end
        self._moved = self._too_large = False

    @override
    def data_received(self, data: bytes) -> None:
        """Take what came. Closes the connection where it is no HTTP, or leads nowhere for too long."""
        self._moved = False
        super().data_received(data)
        self._idle = 0 if self._moved else self._idle + len(data)
        if self._idle > MAX_HEAD and not self.transport.is_closing():
            self._too_large = True
            self.send_400_response(_TOO_LARGE)

    @override
    def on_headers_complete(self) -> None:
        """A head is there."""
        self._moved = True
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > MAX_HEAD:
            self._too_large = True
            raise httptools.HttpParserError(_TOO_LARGE)
        super().on_headers_complete()

    @override
    def on_body(self, body: bytes) -> None:
        """A piece of a body is there."""
        self._moved = True
        super().on_body(body)

    def on_chunk_complete(self) -> None:
        """A piece of a body is whole."""
        self._moved = True

    @override
    def on_message_complete(self) -> None:
        """A request is whole."""
        self._moved = True
        super().on_message_complete()

    @override
    def send_400_response(self, msg: str) -> None:
        """Say what is wrong, unless another answer is under way, and hang up."""
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self.transport.write(self._refusal(msg))
        self.transport.close()

    def _refusal(self, msg: str) -> bytes:
        request_id = secrets.token_hex(16)
        path = unquote(self.url.partition(b"?")[0].decode("ascii", "replace"))[:_PATH_CHARS]
        if self._too_large:
            answer = problem(431, "head-too-large", _TOO_LARGE, instance=path, request_id=request_id)
        else:
            answer = problem(400, "bad-request", msg, instance=path, request_id=request_id)
        headers = [
            *answer.raw_headers,
            *SECURITY,
            (b"x-request-id", request_id.encode()),
            (b"connection", b"close"),
        ]
        head = b"".join(b"%b: %b\r\n" % one for one in headers)
        return STATUS_LINE[answer.status_code] + head + b"\r\n" + bytes(answer.body)
