"""The pages behind the `type` of a problem: what each code means. `docs/errors.md` says more, and what to do."""

import inspect
from collections.abc import Iterator
from dataclasses import dataclass

from api.errors import status_of
from models.errors import WinnowError


@dataclass(frozen=True, slots=True)
class Page:
    """One kind of error: the HTTP status it answers with, and what has happened."""

    status: int
    meaning: str


def pages() -> dict[str, Page]:
    """Every code there is."""
    known = {
        "bad-request": Page(400, "What came is no HTTP request. The connection is closed."),
        "head-too-large": Page(431, "The address and the headers are too long together. The connection is closed."),
        "method-not-allowed": Page(405, "The path is there, but not with this method."),
        "internal-error": Page(500, "A bug. The log of the API has the details under the request id."),
    }
    return known | {
        kind.code: Page(status_of(kind), inspect.getdoc(kind) or "")
        for kind in _kinds(WinnowError)
        if "code" in vars(kind)
    }


def _kinds(kind: type[WinnowError]) -> Iterator[type[WinnowError]]:
    for one in kind.__subclasses__():
        yield one
        yield from _kinds(one)
