"""Conditional requests: nobody overwrites what somebody else changed meanwhile, and nothing is sent twice.

An `ETag` is a hash of the answer. `If-Match` with one makes a change happen only where the thing still is what the
caller had seen (else 412); `If-None-Match` has it sent only where it is another by now (else 304, without a body).

What changes without being edited, such as the version that serves a project, is in a second part of the hash, which
`If-Match` does not look at: a promotion spoils nobody's change of the settings, and yet is not answered with 304.
"""

import hashlib
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Header, Request, Response

from api.errors import PreconditionFailed
from api.schemas.base import Output

_TAG_CHARS = 32
_READS = frozenset({"GET", "HEAD"})

Answer = TypeVar("Answer", bound=Output)


class NotModified(Exception):
    """The caller has it already. No error: `api.app` answers 304."""

    def __init__(self, tag: str) -> None:
        super().__init__(tag)
        self.tag = tag


class Condition:
    """What a request makes itself depend on."""

    def __init__(
        self,
        request: Request,
        response: Response,
        if_match: Annotated[str | None, Header(description="Change it only if its ETag is still one of these.")] = None,
        if_none_match: Annotated[str | None, Header(description="Send it only if its ETag is another.")] = None,
    ) -> None:
        self._reads = request.method in _READS
        self._response = response
        self._wanted = if_match
        self._known = if_none_match

    def check(self, present: Output) -> None:
        """Before a change, with the thing as it is. Raises PreconditionFailed where the caller had seen another."""
        if (
            self._wanted is not None
            and self._wanted.strip() != "*"
            and _edition(tag_of(present)) not in map(_edition, _tags(self._wanted))
        ):
            raise PreconditionFailed("Somebody changed it since you looked: look again, and decide anew.")

    def tag(self, answer: Answer) -> Answer:
        """The answer, with its ETag in the headers. Raises NotModified where the caller has this very answer."""
        tag = tag_of(answer)
        if self._reads and self._known is not None:
            given = {one.removeprefix("W/") for one in _tags(self._known)}
            if tag in given or "*" in given:
                raise NotModified(tag)
        self._response.headers["ETag"] = tag
        return answer


def tagged(response: Response, answer: Answer) -> Answer:
    """What was just made, with its ETag in the headers: its first change can depend on it."""
    response.headers["ETag"] = tag_of(answer)
    return answer


If = Annotated[Condition, Depends(Condition)]
"""For routes that show or change a thing that people edit."""


def tag_of(answer: Output) -> str:
    """The ETag of an answer."""
    parts = [_hash(answer.model_dump_json(exclude=set(answer.unedited | answer.told_once)))]
    if answer.unedited:
        parts.append(_hash(answer.model_dump_json(include=set(answer.unedited))))
    return f'"{"-".join(parts)}"'


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_TAG_CHARS]


def _edition(tag: str) -> str:
    """The part of a tag that says what somebody edited."""
    return tag.strip('"').partition("-")[0]


def document(told: dict[str, Any]) -> None:
    """Say in the OpenAPI document which routes may answer 304."""
    for path in told["paths"].values():
        reads = path.get("get", {})
        if any(one["name"] == "if-none-match" for one in reads.get("parameters", [])):
            reads["responses"]["304"] = {"description": "With `If-None-Match`: the caller has it already."}


def _tags(header: str) -> set[str]:
    return {one.strip() for one in header.split(",")}
