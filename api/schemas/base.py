"""What all schemas have in common: input is bounded and can be stored, output is plain."""

import math
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    field_validator,
)

from models.store.types import utc_now

_MAX_DEPTH = 32
_MAX_ID = 2**63 - 1
_LAST_YEAR = 9000


class Schema(BaseModel):
    """Input: unknown fields are refused, and so is what no database takes."""

    model_config = ConfigDict(extra="forbid")

    @field_validator("*", mode="after")
    @classmethod
    def _storable(cls, value: Any) -> Any:
        refuse_unstorable(value)
        return value


class Output(BaseModel):
    """What is answered.

    Attributes:
        unedited: fields that change without anybody editing the thing; see `api.conditional`.
        told_once: fields that only the answer has which made them, and that are no part of the thing as it is shown.
    """

    model_config = ConfigDict(extra="forbid")
    unedited: ClassVar[frozenset[str]] = frozenset()
    told_once: ClassVar[frozenset[str]] = frozenset()


def refuse_unstorable(value: Any, depth: int = 0) -> None:
    """Raise ValueError for NUL characters, lone surrogates, non-finite numbers, and nesting without end."""
    if depth > _MAX_DEPTH:
        message = f"is nested deeper than {_MAX_DEPTH} levels"
        raise ValueError(message)
    if isinstance(value, str):
        _refuse_unstorable_text(value)
    elif isinstance(value, float) and not math.isfinite(value):
        message = "must not hold NaN or an infinite number"
        raise ValueError(message)
    elif isinstance(value, dict):
        for key, inner in value.items():
            _refuse_unstorable_text(str(key))
            refuse_unstorable(inner, depth + 1)
    elif isinstance(value, list | tuple):
        for inner in value:
            refuse_unstorable(inner, depth + 1)


def _refuse_unstorable_text(text: str) -> None:
    if "\x00" in text:
        message = "must not hold NUL characters"
        raise ValueError(message)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        message = "must not hold lone surrogates"
        raise ValueError(message) from error


def _known_id(given: Any) -> Any:
    if isinstance(given, str) and given.isascii() and given.isdigit() and len(given) <= len(str(_MAX_ID)):
        number = int(given)
        if 1 <= number <= _MAX_ID:
            return number
    message = "is not an id"
    raise ValueError(message)


def _in_the_future(moment: datetime) -> datetime:
    if not utc_now() < moment or moment.year > _LAST_YEAR:
        message = f"must lie in the future, and before the year {_LAST_YEAR}"
        raise ValueError(message)
    return moment


def _z(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


InputId = Annotated[int, BeforeValidator(_known_id, json_schema_input_type=str)]
"""An id in a body: a string of digits outside, a number inside."""

OutputId = Annotated[str, BeforeValidator(str)]
"""An id in an answer: always a string."""

Future = Annotated[AwareDatetime, AfterValidator(_in_the_future)]
"""A time in a body that is yet to come, and that any database can keep."""

Moment = Annotated[datetime, PlainSerializer(_z, when_used="json", return_type=str)]
"""A time in an answer: RFC 3339, UTC, with `Z`."""
