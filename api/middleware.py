"""What surrounds every request, as plain ASGI: its id, its bounds, its headers, its numbers."""

import asyncio
import logging
import re
import secrets
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, cast

from fastapi import HTTPException
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from api.deprecation import DEPRECATED
from api.errors import PROBLEM_CODE, problem
from api.metrics import Metrics
from models import spans
from models.tracing import CausedBy

_REQUEST_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)
_LOG = logging.getLogger(__name__)
SECURITY = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)
"""Headers of every answer that has none of its own by that name."""

_EMPTY = 204  # nothing has no type
_PUT_OFF_SECONDS = 0.1
_HUNG_UP = 499  # what proxies write of a caller who did not wait for an answer; no fault of the server
_FORWARDED = frozenset({b"x-forwarded-for", b"x-forwarded-proto"})
BODY_LIMIT = "winnow.body_limit"
"""Where in the scope a route may raise the bound on its body, before it reads from it."""


class Envelope:
    """Gives each request its id and each answer its headers; a bug becomes a 500 that tells nothing.

    Args:
        leaving: once it is set, each answer is the last of its connection.
    """

    def __init__(self, app: ASGIApp, leaving: threading.Event) -> None:
        self.app = app
        self.leaving = leaving

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        named = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"x-request-id"), "")
        request_id = named if _REQUEST_ID.fullmatch(named) else secrets.token_hex(16)
        scope["request_id"] = request_id
        started = False

        async def sealed(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                given = [one for one in message["headers"] if message["status"] != _EMPTY or one[0] != b"content-type"]
                message["headers"] = [*given, *_headers(scope, request_id, given)]
                if self.leaving.is_set():
                    MutableHeaders(scope=message)["Connection"] = "close"
            await send(message)

        try:
            with CausedBy(request_id):
                await self.app(scope, receive, sealed)
        except ClientDisconnect:
            _LOG.info("request %s: %s %s: the caller hung up", request_id, scope["method"], scope["path"])
        except Exception:
            _LOG.exception("request %s: %s %s failed", request_id, scope["method"], scope["path"])
            if started:
                raise
            answer = problem(
                500,
                "internal-error",
                "Winnow made a mistake. Its log has the details under this request id.",
                instance=scope["path"],
                request_id=request_id,
            )
            await answer(scope, receive, sealed)


def _headers(scope: Scope, request_id: str, given: Iterable[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
    """What each answer says beside what it says itself; as bytes, for every request passes here."""
    yield b"x-request-id", request_id.encode()
    said = {name for name, _ in given}
    yield from (one for one in SECURITY if one[0] not in said)
    farewell = DEPRECATED.get((scope["method"], getattr(scope.get("route"), "path", "")))
    if farewell is not None:
        yield from Headers(farewell.headers()).raw
    standing = scope.get("state", {}).get("standing")
    if standing is not None:
        yield b"ratelimit-limit", b"%d" % standing.limit
        yield b"ratelimit-remaining", b"%d" % max(standing.remaining, 0)
        yield b"ratelimit-reset", b"%d" % standing.reset


class Traced:
    """Makes each request a span, a part of the caller's trace where it sends a `traceparent`."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not spans.wanted():
            await self.app(scope, receive, send)
            return
        parent = Headers(scope=scope).get("traceparent")
        known = {"http.request.method": scope["method"], "winnow.request_id": scope["request_id"]}
        with spans.span(scope["method"], "SERVER", parent, known) as span:

            async def watched(message: Message) -> None:
                if span is not None and message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                await send(message)

            try:
                await self.app(scope, receive, watched)
            finally:
                route = getattr(scope.get("route"), "path", None)
                if span is not None and route is not None:
                    span.update_name(f"{scope['method']} {route}")
                    span.set_attribute("http.route", route)


class BodyLimit:
    """Stops reading a body that is too large. Routes for uploads raise the bound for themselves."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self.app = app
        self.max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope[BODY_LIMIT] = self.max_bytes
        announced = Headers(scope=scope).get("content-length", "")
        seen = 0

        async def bounded() -> Message:
            nonlocal seen
            limit = scope[BODY_LIMIT]
            if announced.isdecimal() and int(announced[:20]) > limit:
                raise _too_large(limit)
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                raise _too_large(limit)
            return message

        await self.app(scope, bounded, send)


class Heads:
    """Answers HEAD wherever GET is answered: as that would be, without its body (RFC 9110, 9.3.2)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return
        asked = {**scope, "method": "GET"}

        async def bare(message: Message) -> None:
            if message["type"] == "http.response.start":
                scope.update(asked, method="HEAD")  # what was found out meanwhile is read from it outside
                await send(message)
                await send({"type": "http.response.body", "body": b""})
            elif message.get("more_body", False):
                raise _SaidAll

        with suppress(_SaidAll):
            await self.app(asked, receive, bare)


class _SaidAll(Exception):
    """Nobody waits for the rest of a streamed body. No error: it ends the work for it."""


class Forwarded:
    """Believes what a trusted proxy says of a caller; requests of which none says anything go straight on.

    Args:
        trusted: addresses of proxies, with commas between them.
    """

    def __init__(self, app: ASGIApp, trusted: str) -> None:
        self.app = app
        self._told = ProxyHeadersMiddleware(cast("Any", app), trusted)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        told = any(name in _FORWARDED for name, _ in scope.get("headers", ()))
        await (cast("ASGIApp", self._told) if told else self.app)(scope, receive, send)


def _too_large(limit: int) -> HTTPException:
    return HTTPException(413, f"The request is larger than {limit // 2**20} MB.")


class Metered:
    """Counts requests and their times by route template: the path as declared, never as asked.

    What can wait is counted a moment later, for whoever asked may ask again at once.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics
        self._due = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = 500
        begun = time.perf_counter()

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        self.metrics.in_flight.inc()
        try:
            await self.app(scope, receive, watched)
        except ClientDisconnect:
            status = _HUNG_UP
            raise
        finally:
            self.metrics.in_flight.dec()
            route = getattr(scope.get("route"), "path", "unknown")
            self.metrics.answered(route, scope["method"], status, time.perf_counter() - begun)
            if PROBLEM_CODE in scope:
                self.metrics.problem(scope[PROBLEM_CODE], route)
            if not self._due:
                self._due = True
                asyncio.get_running_loop().call_later(_PUT_OFF_SECONDS, self._catch_up)

    def _catch_up(self) -> None:
        self._due = False
        self.metrics.catch_up()
