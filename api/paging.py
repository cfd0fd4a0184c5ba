"""Pages of lists by opaque cursors, and ids as they stand in addresses."""

import base64
import binascii
import math
import re
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, Query
from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticUseDefault

from api.schemas.base import Output
from models.errors import Invalid, Missing, Problem

MAX_LIMIT = 1000
_MAX_ID = 2**63 - 1
_MARK = "w1:"
_RANKED = "w2:"
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_MAX_SLUG_CHARS = 100
_HEX = re.compile(r"[0-9a-f]{32}")

T = TypeVar("T")


def _unless_empty(given: object) -> object:
    if given == "":
        raise PydanticUseDefault
    return given


MayBeEmpty = BeforeValidator(_unless_empty)
"""For what may be left out of an address: `?since=` is as if it were not there.

It stands last in an annotation: bounds before it are those of the type within, which the OpenAPI document names.
"""

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Rows on a page."), MayBeEmpty]
Cursor = Annotated[str | None, Query(max_length=100, description="`next_cursor` of the page before.")]


class Listing(Output, Generic[T]):
    """A page of a list; `next_cursor` is null at its end."""

    items: list[T]
    next_cursor: str | None = None


class Window:
    """Which page is asked for.

    Attributes:
        after: the id to go on after.
        limit: how many rows at most.
    """

    def __init__(self, limit: Limit = 50, cursor: Cursor = None) -> None:
        self.limit = limit
        self.after = read_cursor(cursor) if cursor else None


Paged = Annotated[Window, Depends(Window)]


class WideWindow(Window):
    """As `Window`, for lists that are short as a rule: whoever names no limit is given as much as a page can hold."""

    def __init__(self, limit: Limit = MAX_LIMIT, cursor: Cursor = None) -> None:
        super().__init__(limit, cursor)


Wide = Annotated[WideWindow, Depends(WideWindow)]


def cursor_after(after: int | None) -> str | None:
    """The cursor that goes on after this id."""
    if after is None:
        return None
    return _sealed(f"{_MARK}{after}")


class RankedWindow:
    """Which page of a list is asked for that is in the order of a number, the highest first.

    Attributes:
        after: the number and the id to go on after.
        limit: how many rows at most.
    """

    def __init__(self, limit: Limit = 50, cursor: Cursor = None) -> None:
        self.limit = limit
        self.after = _read_place(cursor) if cursor else None


Ranked = Annotated[RankedWindow, Depends(RankedWindow)]


class WideRankedWindow(RankedWindow):
    """What `WideWindow` is to `Window`."""

    def __init__(self, limit: Limit = MAX_LIMIT, cursor: Cursor = None) -> None:
        super().__init__(limit, cursor)


WideRanked = Annotated[WideRankedWindow, Depends(WideRankedWindow)]


class OrderedWindow:
    """Which page of a list is asked for that may be in either order.

    Attributes:
        after: the id to go on after, or the number and the id.
        limit: how many rows at most.
    """

    def __init__(self, limit: Limit = 50, cursor: Cursor = None) -> None:
        self.limit = limit
        self.after: int | tuple[float, int] | None = None
        if cursor:
            self.after = _read_place(cursor) if _opened(cursor, _RANKED) else read_cursor(cursor)


Ordered = Annotated[OrderedWindow, Depends(OrderedWindow)]


def cursor_at(place: int | tuple[float, int] | None) -> str | None:
    """The cursor that goes on after this number and this id, or after this id."""
    return _sealed(f"{_RANKED}{place[0].hex()}:{place[1]}") if isinstance(place, tuple) else cursor_after(place)


def _read_place(cursor: str) -> tuple[float, int]:
    number, _, row = _opened(cursor, _RANKED).partition(":")
    try:
        place = float.fromhex(number)
    except (ValueError, OverflowError):
        raise _not_given() from None
    if not math.isfinite(place) or not is_id(row):
        raise _not_given()
    return place, int(row)


def read_cursor(cursor: str) -> int:
    """The id in a cursor.

    Raises:
        Invalid: Winnow never gave that one.
    """
    number = _opened(cursor, _MARK)
    if not is_id(number, least=0):
        raise _not_given()
    return int(number)


def _sealed(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _opened(cursor: str, mark: str) -> str:
    """What a cursor says behind its mark; nothing where it is none of that kind."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        text = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
    except (UnicodeError, binascii.Error):
        return ""
    return text.removeprefix(mark) if text.startswith(mark) else ""


def _not_given() -> Invalid:
    rule = "is not one that a list has given"
    return Invalid(f"The cursor {rule}.", problems=[Problem(("query", "cursor"), rule)])


def _row_id(given: Any) -> int:
    if not is_id(str(given)):
        raise Missing("There is nothing with this id.")
    return int(given)


def is_id(text: str, least: int = 1) -> bool:
    """Whether a text is a number that a row could bear."""
    return text.isascii() and text.isdigit() and len(text) < len(str(_MAX_ID)) + 1 and least <= int(text) <= _MAX_ID


def slug_of(given: Any) -> str:
    """A slug that a project could have. Raises Missing."""
    text = str(given)
    if len(text) > _MAX_SLUG_CHARS or _SLUG.fullmatch(text) is None:
        raise Missing("There is no such project.")
    return text


RowId = Annotated[int, BeforeValidator(_row_id), WithJsonSchema({"type": "string", "examples": ["17"]})]
"""An id in an address: opaque outside, a number inside; what cannot be one is not there (404)."""

Slug = Annotated[str, BeforeValidator(slug_of), WithJsonSchema({"type": "string", "examples": ["support-tickets"]})]
"""A project's slug in an address."""


def _hex_id(given: Any) -> str:
    text = str(given)
    if _HEX.fullmatch(text) is None:
        raise Missing("There is nothing with this id.")
    return text


JobId = Annotated[
    str,
    BeforeValidator(_hex_id),
    WithJsonSchema({"type": "string", "examples": ["0f8fad5bd9cb469fa16570867728950e"]}),
]
"""A job's id in an address."""

PredictionId = Annotated[
    str,
    BeforeValidator(_hex_id),
    WithJsonSchema({"type": "string", "examples": ["7c9e6679f7ee4ab3a0f4a6e2a1b3c5d7"]}),
]
"""A prediction's id in an address."""
