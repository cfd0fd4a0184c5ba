"""What an answer tells, in the form in which it was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from winnow.errors import UnusableAnswer
from winnow.schemas import Edited, Schema

if TYPE_CHECKING:
    import httpx2

S = TypeVar("S", bound=Schema)


def told(answer: httpx2.Response, schema: type[S]) -> S:
    """What an answer tells, with its ETag where it is something that several people may change.

    Raises:
        UnusableAnswer: where it has another form.
    """
    try:
        found = schema.model_validate_json(answer.content)
    except ValidationError as error:
        raise _unusable(answer) from error
    tag = answer.headers.get("ETag")
    return found.model_copy(update={"etag": tag}) if tag is not None and isinstance(found, Edited) else found


def page(answer: httpx2.Response, schema: type[S]) -> tuple[list[S], str | None]:
    """The elements of a page, and the cursor of the next. Raises like `told`."""
    try:
        body = answer.json()
        if isinstance(body, list):
            return [schema.model_validate(row) for row in body], None
        return [schema.model_validate(row) for row in body["items"]], body.get("next_cursor")
    except (ValueError, TypeError, KeyError) as error:  # no JSON, or not of that form
        raise _unusable(answer) from error


def _unusable(answer: httpx2.Response) -> UnusableAnswer:
    kind = answer.headers.get("Content-Type", "").partition(";")[0] or "nothing"
    asked = f"{answer.request.method} {answer.url}"
    if "json" in kind:
        return UnusableAnswer(f"{asked}: the answer has not the form that this client knows. Is it of another release?")
    return UnusableAnswer(f"{asked} is answered with {kind}, not as Winnow's API does. Is the address that of the API?")
