"""The short way, for the route that programs ask most: past the framework, in one thread from the body to the answer.

FastAPI finds a route, reads a body, solves what an endpoint depends on and puts its answer into words in many small
steps, and finding the caller first takes a thread of its own. Beside an encoder that takes a few milliseconds all of
this is felt. So a short request of a key that was let in before is done here: who calls is asked anew, the request is
counted, the body is read, and the answer is made. Whatever is not in order goes the long way, which finds out why.
"""

from collections.abc import Callable, Mapping
from inspect import unwrap
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from pydantic_core import to_json
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.types import ASGIApp, ExceptionHandler, Message, Receive, Scope, Send

from api.context import Context
from api.deps import Cost, TokenGate, caller_and_project
from api.idempotency import Once
from api.paging import slug_of
from models.errors import Missing, Unauthenticated
from models.steps.accounts import digest_of_key

WORTH_PACKING = 1024
"""Shorter answers are not packed."""

_JSON = (b"content-type", b"application/json")
_SHORT = 65_536
_PLAIN = frozenset({b"application/json", b"application/json; charset=utf-8"})


class Direct:
    """Answers one route for whom it can, and leaves everything else to the application.

    Args:
        route: its endpoint takes `caller`, `slug`, `body`, `charge`, `context`, `once`, `seen` and works in one thread.
        handlers: what makes answers of errors, as the application has them.
        pack: what packs long answers for whoever takes that, as in the application.
    """

    def __init__(
        self,
        app: ASGIApp,
        route: APIRoute,
        handlers: Mapping[Any, ExceptionHandler],
        pack: Callable[[ASGIApp], ASGIApp],
    ) -> None:
        self.app = app
        self._route = route
        self._gate = next(one.call for one in route.dependant.dependencies if isinstance(one.call, TokenGate))
        self._endpoint: Callable[..., object] = unwrap(route.endpoint)  # here it needs no thread of its own
        self._schema: type[BaseModel] = self._endpoint.__annotations__["body"]
        self._handlers = handlers
        self._faults = tuple(one for one in handlers if isinstance(one, type) and issubclass(one, Exception))
        self._pack = pack

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        asked = self._route.path_regex.match(scope["path"]) if scope["type"] == "http" else None
        headers = {} if asked is None else dict(reversed(scope["headers"]))  # of several the first counts, as elsewhere
        secret = headers.get(b"x-api-key")
        if asked is None or secret is None or scope["method"] != "POST" or scope.get("root_path"):
            await self.app(scope, receive, send)
            return
        mark = digest_of_key(secret.decode("latin-1"))
        context: Context = scope["app"].state.context
        known = context.known.get(mark)
        if known is None or not _is_plain(headers):
            await self.app(scope, receive, send)
            caller = scope.get("state", {}).get("caller")
            if caller is not None:
                context.known.put(mark, caller.key)
            return
        scope["route"], scope["path_params"] = self._route, asked.groupdict()
        content = await _body(receive)
        if content is None:
            return
        answer: ASGIApp
        try:
            async with context.slots.taken_by(known):
                said = await context.hands.do(self._work, context, Request(scope), mark, content)
        except self._faults as error:
            answer = ExceptionMiddleware(_raising(error), handlers=self._handlers)
        else:
            answer = self.app if said is None else self._saying(said)
        await answer(scope, _again(content, receive), send)

    def _saying(self, said: bytes) -> ASGIApp:
        if len(said) >= WORTH_PACKING:
            return self._pack(Response(said, media_type="application/json"))

        async def say(_scope: Scope, _receive: Receive, send: Send) -> None:
            headers = [(b"content-length", b"%d" % len(said)), _JSON]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": said})

        return say

    def _work(self, context: Context, request: Request, mark: bytes, content: bytes) -> bytes | None:
        try:
            slug = slug_of(request.path_params["slug"])
        except Missing:
            return None
        try:
            caller, seen = caller_and_project(context, mark, slug)
            self._gate.let_in(context, request, caller)
        except Unauthenticated:
            context.known.drop(mark)
            raise
        try:
            body = self._schema.model_validate_json(content)
        except ValidationError:
            return None
        cost, once = Cost(request), Once(None, request, content)
        out = self._endpoint(caller=caller, slug=slug, body=body, charge=cost, context=context, once=once, seen=seen)
        return to_json(out)


def _is_plain(headers: Mapping[bytes, bytes]) -> bool:
    """Whether a request is short JSON, and asks for nothing to be remembered of it."""
    if b"idempotency-key" in headers:
        return False
    announced = headers.get(b"content-length", b"")
    return headers.get(b"content-type", b"").lower() in _PLAIN and announced.isdigit() and int(announced[:9]) <= _SHORT


async def _body(receive: Receive) -> bytes | None:
    """What was sent; None where the caller has gone."""
    parts = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def _raising(error: Exception) -> ASGIApp:
    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise error

    return app


def _again(content: bytes, receive: Receive) -> Receive:
    """What gives a body that was read already, and then what comes after it."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": content, "more_body": False}

    return again
