"""From errors to answers: RFC 9457 problem documents.

The table below is all there is to it. A built-in exception is not mapped, unless it says that the disk takes nothing:
it is a bug, is logged with its traceback by `api.middleware`, and answers 500 without a word of it.
"""

import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.routing import Match

from models.absence import NO_ROOM, NO_ROOM_FOR_ROWS, absence
from models.errors import (
    Conflict,
    Forbidden,
    Invalid,
    Missing,
    Problem,
    TooLarge,
    Unauthenticated,
    Unavailable,
    WinnowError,
)

_LOG = logging.getLogger(__name__)
_PROBLEMS_SHOWN = 100
_LOC_CHARS = 200
_IN_PATHS = "/:@!$&'()*+,;=~"  # what may stand in a path as it is (RFC 3986, 3.3)
_BUSY = "The database is away or busy: try again."
_NOT_SAID = "The body is not said to be JSON: send it with the header Content-Type: application/json."
_UNREADABLE = "The body cannot be read: it is not UTF-8, is nested too deeply, or has a number of too many digits."
_NO_ROWS = f"{NO_ROOM_FOR_ROWS} Nothing was stored: try again when there is."


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a caller stands in the present window; `reset` is in seconds from now."""

    limit: int
    remaining: int
    reset: int


class TooManyRequests(WinnowError):
    """The caller asks more often than it may. Raised by `api.throttle` alone."""

    code = "rate-limited"

    def __init__(self, detail: str, standing: Standing) -> None:
        super().__init__(detail)
        self.standing = standing


class PreconditionFailed(WinnowError):
    """It is not any more what the caller had seen. Raised by `api.conditional` alone."""

    code = "precondition-failed"


class RangeNotSatisfiable(WinnowError):
    """The part of a file that is asked for lies behind its end. Raised by `api.downloads` alone."""

    code = "range-not-satisfiable"

    def __init__(self, detail: str, *, size: int = 0) -> None:
        super().__init__(detail)
        self.size = size


STATUS: tuple[tuple[type[WinnowError], int], ...] = (
    (TooLarge, 413),
    (Invalid, 422),
    (Unauthenticated, 401),
    (Forbidden, 403),
    (Missing, 404),
    (Conflict, 409),
    (PreconditionFailed, 412),
    (RangeNotSatisfiable, 416),
    (TooManyRequests, 429),
    (Unavailable, 503),
)
"""Which kind answers with which status; the first that fits."""

_CODES = {404: "not-found", 405: "method-not-allowed", 413: "too-large"}
_INVALID = 422
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_READS = frozenset({"GET", "HEAD"})

PROBLEM_CODE = "winnow.problem_code"
"""Where in the scope the code of an answered error stands, for whoever counts them."""


def install(app: FastAPI) -> None:
    """Make the application answer errors as problems."""
    app.add_exception_handler(WinnowError, _winnow_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_exception_handler(DBAPIError, _database_error)
    app.add_exception_handler(PoolTimeout, _pool_timeout)
    app.add_exception_handler(OSError, _system_error)


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    instance: str,
    request_id: str,
    problems: Iterable[Problem] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """An error as an answer. Plain ASCII, so that it can be sent whatever the request held.

    Args:
        instance: the path that was asked, unpacked.
    """
    body: dict[str, Any] = {
        "type": f"/problems/{code}",
        "title": code.replace("-", " ").capitalize(),
        "status": status,
        "detail": detail,
        "instance": quote(instance, safe=_IN_PATHS, errors="replace"),
        "code": code,
        "request_id": request_id,
    }
    listed = [{"loc": [_short(part) for part in one.loc], "msg": one.msg} for one in problems]
    if listed:
        body["errors"] = listed[:_PROBLEMS_SHOWN]
    text = json.dumps(body, ensure_ascii=True, allow_nan=False)
    return Response(text, status, dict(headers or {}), media_type="application/problem+json")


def status_of(error: WinnowError | type[WinnowError]) -> int:
    """The status that an error answers with."""
    given = error if isinstance(error, type) else type(error)
    return next((status for kind, status in STATUS if issubclass(given, kind)), 500)


def _answer(
    request: Request,
    status: int,
    code: str,
    detail: str,
    problems: Sequence[Problem] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    request.scope[PROBLEM_CODE] = code
    if status == _INVALID and not problems:
        problems = [Problem(("query" if request.method in _READS else "body",), detail)]
    return problem(
        status,
        code,
        detail,
        instance=request.scope["path"],
        request_id=request.scope.get("request_id", ""),
        problems=problems,
        headers=headers,
    )


def _winnow_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, WinnowError):
        raise error
    headers = {}
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = getattr(request.state, "challenge", "Bearer")
    if isinstance(error, TooManyRequests):
        headers["Retry-After"] = str(error.standing.reset)
        request.state.standing = error.standing
    if isinstance(error, RangeNotSatisfiable):
        headers["Content-Range"] = f"bytes */{error.size}"
    if isinstance(error, Unavailable):
        headers["Retry-After"] = "1"
    return _answer(request, status_of(error), error.code, error.detail, error.problems, headers)


def _invalid_request(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    if isinstance(error.body, bytes):  # it was not even looked at as JSON
        return _answer(request, _INVALID, Invalid.code, _unread(request, _NOT_SAID))
    problems = [Problem(tuple(fault["loc"]), _message(fault)) for fault in error.errors()]
    return _answer(request, _INVALID, Invalid.code, "The request breaks a rule.", problems)


def _message(fault: Mapping[str, Any]) -> str:
    message = str(fault["msg"]).removeprefix("Value error, ")
    if fault["type"] == "json_invalid":
        message = f"{message}: {fault.get('ctx', {}).get('error', '')}"
    return message


def _http_exception(request: Request, error: Exception) -> Response:
    """What the framework itself refuses: no such route, no such method, a body that cannot be parsed."""
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code == HTTPStatus.BAD_REQUEST:
        is_json = "json" in request.headers.get("content-type", "").lower()
        detail = _unread(request, _UNREADABLE if is_json else str(error.detail))
        return _answer(request, _INVALID, Invalid.code, detail)
    if error.status_code == HTTPStatus.NOT_FOUND and _is_there_without_slash(request):
        return _without_slash(request)
    code = _CODES.get(error.status_code, f"http-{error.status_code}")
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_allowed(request))
    return _answer(request, error.status_code, code, str(error.detail), (), headers)


def _allowed(request: Request, path: str | None = None) -> Iterator[str]:
    """The methods that a path takes: of all its routes, where the framework knows of the first only."""
    asked = {"type": "http", "path": path or request.scope["path"], "root_path": request.scope.get("root_path", "")}
    for method in _METHODS:
        scope = {**asked, "method": "GET" if method == "HEAD" else method}
        if any(route.matches(scope)[0] is Match.FULL for route in request.app.routes):
            yield method


def _is_there_without_slash(request: Request) -> bool:
    path = request.scope["path"].rstrip("/")
    return path != request.scope["path"] and bool(path) and any(_allowed(request, path))


def _without_slash(request: Request) -> Response:
    """The same address without its last slash. The framework would name a host: the one that the caller named."""
    path = "/" + quote(request.scope["path"].strip("/"), safe=_IN_PATHS)
    query = request.scope["query_string"].decode("latin-1")
    return Response(status_code=307, headers={"Location": f"{path}?{query}" if query else path})


def _unread(request: Request, otherwise: str) -> str:
    """Why a body is not read: it is packed, or what else it is."""
    packed = request.headers.get("content-encoding", "")
    if packed.lower() in {"", "identity"}:
        return otherwise
    return f"The body is packed (Content-Encoding: {packed[:_LOC_CHARS]}): send it as it is."


def _database_error(request: Request, error: Exception) -> Response:
    """What only the database can see: a race between two requests, a value out of its range, its absence."""
    if isinstance(error, IntegrityError):
        _LOG.warning("two requests met: %s", error.orig)
        detail = "Somebody else changed the same thing at the same moment: look again and retry."
        return _answer(request, 409, Conflict.code, detail)
    if isinstance(error, DataError):
        _LOG.warning("a value cannot be stored: %s", error.orig)
        return _answer(request, _INVALID, Invalid.code, "A value in the request cannot be stored.")
    away = absence(error)
    if away is None and not isinstance(error, OperationalError):
        raise error
    _LOG.error("the database is away or busy: %s", getattr(error, "orig", error))
    return _unavailable(request, _NO_ROWS if away == NO_ROOM_FOR_ROWS else _BUSY)


def _system_error(request: Request, error: Exception) -> Response:
    away = absence(error)
    if away is None:
        raise error
    _LOG.error("the disk takes nothing: %s", error)
    until = "when there is" if away == NO_ROOM else "when it can"
    return _unavailable(request, f"{away} Nothing was stored: try again {until}.")


def _pool_timeout(request: Request, error: Exception) -> Response:
    _LOG.error("every database connection is in use: %s", error)
    return _unavailable(request, "Winnow has too much to do at the moment: try again.")


def _unavailable(request: Request, detail: str) -> Response:
    return _answer(request, 503, Unavailable.code, detail, (), {"Retry-After": "1"})


def _short(part: str | int) -> str | int:
    return part if isinstance(part, int) else part[:_LOC_CHARS]


def _documented(sentence: str) -> dict[str, Any]:
    return {
        "description": sentence,
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "examples": ["/problems/too-little-to-learn"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "code": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "loc": {"type": "array", "items": {"type": ["string", "integer"]}},
                    "msg": {"type": "string"},
                },
            },
        },
    },
}
"""The shape of a problem, for the OpenAPI document."""

DOCUMENTED: dict[int | str, dict[str, Any]] = {
    401: _documented("Nobody knows who is calling."),
    403: _documented("The caller's role does not reach."),
    404: _documented("Not there, or not there for this caller."),
    409: _documented("The state of things stands against the request."),
    412: _documented("With `If-Match`: it is not any more what the caller had seen."),
    413: _documented("The request is too large."),
    422: _documented("The request breaks a rule; `errors` says where."),
    429: _documented("Too many requests: wait for `Retry-After` seconds."),
    503: _documented("A part that Winnow needs is away."),
}
"""What any route may answer, for the OpenAPI document."""
