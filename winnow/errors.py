"""What a call may raise.

WinnowError
├── ApiError             the server answered with an error (RFC 9457 problem)
│   ├── Unauthenticated  401: no valid credential
│   ├── Forbidden        403: the role does not reach
│   ├── NotFound         404: not there, or not there for this caller
│   ├── Conflict         409: well formed, but not now
│   │   └── ChangedMeanwhile  412: somebody changed it since it was looked at
│   ├── InvalidRequest   400, 413, 422: breaks a rule; `problems` says where
│   ├── RateLimited      429: too many requests; `retry_after` says when
│   └── ServerError      5xx
├── ConnectionFailed     no answer at all, or none to its end
├── UnusableAnswer       an answer, but not one of Winnow's: another program listens there, or another release
├── NoFile               a job that was to be downloaded has made no file, or not yet
├── JobFailed            a job that was waited for failed or was cancelled
└── WaitTimedOut         a job that was waited for is still going on
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx2

    from winnow.schemas import Job

_FIRST_SERVER_STATUS = 500
_PROBLEMS_SHOWN = 5


class WinnowError(Exception):
    """Anything this package raises on purpose; `str()` of it is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault in a request.

    Attributes:
        loc: the way to it in the request, e.g. `("body", "items", 0, "text")`.
        msg: what is wrong, in a sentence.
    """

    loc: tuple[str | int, ...]
    msg: str


class ApiError(WinnowError):
    """The server answered with an error.

    Attributes:
        status: the HTTP status.
        code: stable name of the error, e.g. `"too-little-to-learn"`.
        title: the kind of error in a few words.
        detail: a sentence: what happened and what to do.
        problems: the places in the request, where there are several.
        request_id: what to look for in the server's logs.
        retry_after: seconds after which to try again, where the server says so.
    """

    def __init__(
        self,
        *,
        status: int,
        code: str,
        title: str,
        detail: str,
        problems: tuple[Problem, ...] = (),
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(_sentence(detail or title, problems))
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
        self.problems = problems
        self.request_id = request_id
        self.retry_after = retry_after


class Unauthenticated(ApiError):
    """No valid credential (401)."""


class Forbidden(ApiError):
    """The caller is known, but its role does not reach (403)."""


class NotFound(ApiError):
    """Not there, or not there for this caller (404)."""


class Conflict(ApiError):
    """The state of things stands against the request (409)."""


class ChangedMeanwhile(Conflict):
    """Somebody changed it since the caller looked (412): nothing was changed; look again, and decide anew."""


class InvalidRequest(ApiError):
    """The request breaks a rule (400, 413, 422)."""


class RateLimited(ApiError):
    """Too many requests (429)."""


class ServerError(ApiError):
    """The server failed, or a part it needs is away (5xx)."""


class ConnectionFailed(WinnowError):
    """No answer: nobody listens at the address, or the connection broke."""


class UnusableAnswer(WinnowError):
    """What answers does not speak as Winnow's API does: another program, or a release of another shape."""


class JobFailed(WinnowError):
    """A job ended without success.

    Attributes:
        job: the job as it was last seen.
    """

    def __init__(self, job: Job) -> None:
        super().__init__(f"The {job.kind} job {job.id} {job.status}: {job.error or 'no reason given'}")
        self.job = job


class NoFile(WinnowError):
    """A job has no file to download.

    Attributes:
        job: the job as it was given.
    """

    def __init__(self, job: Job) -> None:
        advice = "it makes none" if job.ended else "wait for its end first"
        super().__init__(f"The {job.kind} job {job.id} is {job.status} and has no file: {advice}")
        self.job = job


class WaitTimedOut(WinnowError):
    """A job went on for longer than the caller wanted to wait; it still goes on.

    Attributes:
        job: the job as it was last seen.
    """

    def __init__(self, job: Job, seconds: float) -> None:
        super().__init__(f"The {job.kind} job {job.id} is still {job.status} after {seconds:g} s")
        self.job = job


_BY_STATUS: dict[int, type[ApiError]] = {
    400: InvalidRequest,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    412: ChangedMeanwhile,
    413: InvalidRequest,
    422: InvalidRequest,
    429: RateLimited,
}


def from_response(response: httpx2.Response) -> ApiError:
    """The exception for an error answer whose body has been read.

    Takes a body that is no problem document (a proxy's HTML page, say) as well as one that is.
    """
    body = _problem_document(response)
    kind = _BY_STATUS.get(response.status_code)
    if kind is None:
        kind = ServerError if response.status_code >= _FIRST_SERVER_STATUS else ApiError
    detail = str(body.get("detail") or "")
    if not detail and response.has_redirect_location:
        detail = f"{response.url} sends on to {response.headers['Location']}: give the client the address behind that"
    title = str(body.get("title") or response.reason_phrase or f"HTTP {response.status_code}")
    return kind(
        status=response.status_code,
        code=_code(body, response.status_code),
        title=title,
        detail=detail,
        problems=_problems(body.get("errors")),
        request_id=response.headers.get("X-Request-ID"),
        retry_after=seconds_to_wait(response),
    )


def seconds_to_wait(response: httpx2.Response) -> float | None:
    """The seconds of `Retry-After`, or None where there are none (a date counts as none)."""
    given = response.headers.get("Retry-After", "")
    return float(given) if given.isascii() and given.isdigit() else None


def _problem_document(response: httpx2.Response) -> dict[str, Any]:
    if "json" not in response.headers.get("Content-Type", ""):
        return {}
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _code(body: dict[str, Any], status: int) -> str:
    """The stable name: the `code` member, else the end of the problem's type address."""
    if code := body.get("code"):
        return str(code)
    kind = str(body.get("type") or "about:blank")
    if kind == "about:blank":
        return f"http-{status}"
    return kind.replace("#", "/").replace(":", "/").rstrip("/").rsplit("/", 1)[-1]


def _problems(errors: object) -> tuple[Problem, ...]:
    if not isinstance(errors, list):
        return ()
    return tuple(
        Problem(_place(error.get("loc")), str(error.get("msg", ""))) for error in errors if isinstance(error, dict)
    )


def _place(loc: object) -> tuple[str | int, ...]:
    return tuple(loc) if isinstance(loc, list) else ()


def _sentence(text: str, problems: tuple[Problem, ...]) -> str:
    problems = tuple(problem for problem in problems if problem.msg != text)  # the whole of it is wrong, as it says
    if not problems:
        return text
    shown = problems[:_PROBLEMS_SHOWN]
    places = "; ".join(f"{'.'.join(map(str, problem.loc))}: {problem.msg}" for problem in shown)
    more = f" (and {len(problems) - len(shown)} more)" if len(problems) > len(shown) else ""
    return f"{text}: {places}{more}" if text else places + more
