"""JSON values: decoded by the standard library, held to what a database can keep."""

import json
import math
from typing import Any, NoReturn

from models.readers.records import ReadOptions, Row, RowError, excerpt

_NAN = "is not a JSON number; write null instead"


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} {_NAN}")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"{digits[:20]} is too large a number")
    return number


DECODER = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite)
"""Strict about what Python's own is lax about: no NaN, no infinities."""


def reason(error: ValueError | RecursionError, options: ReadOptions) -> tuple[str, str]:
    """Code and sentence for what the decoder refused."""
    if isinstance(error, RecursionError):
        return "too-deep", f"The value is nested more than {options.max_depth} deep; flatten it."
    if isinstance(error, json.JSONDecodeError):
        return "not-json", f"This is not valid JSON: {error.msg}."
    text = str(error)
    return "not-json", f"This is not valid JSON: {text if _NAN in text else 'a number is too large'}."


def row_of(value: Any, line: int, column: int, source: str, options: ReadOptions) -> Row | RowError:
    """A decoded value as a row: an object is its fields, a string its text, anything else an error."""
    if isinstance(value, dict):
        fields: dict[str, Any] = value
    elif isinstance(value, str):
        fields = {"text": value}
    else:
        message = "An object or a string should stand here, one for each row."
        return RowError(line, column, "not-an-object", message, excerpt(source))
    fault = _fault(fields, source, options)
    if fault is not None:
        return RowError(line, column, *fault, excerpt(source))
    return Row(line, fields, source)


def _fault(fields: dict[str, Any], source: str, options: ReadOptions) -> tuple[str, str] | None:
    """Code and message of what makes decoded fields unfit to keep. Cheap for the ordinary row."""
    nested = source.count("{") + source.count("[") > options.max_depth
    if not nested and "\\u" not in source and len(source) <= options.max_cell_chars:
        return None
    if len(fields) > options.max_columns:
        return "too-many-columns", f"The object has more than {options.max_columns} fields."
    stack: list[tuple[Any, int]] = [(fields, 1)]
    while stack:
        value, depth = stack.pop()
        if isinstance(value, str):
            if (fault := _string_fault(value, options)) is not None:
                return fault
        elif isinstance(value, dict | list):
            if depth > options.max_depth:
                return reason(RecursionError(), options)
            if isinstance(value, dict):
                stack.extend((key, depth + 1) for key in value)
                stack.extend((inner, depth + 1) for inner in value.values())
            else:
                stack.extend((inner, depth + 1) for inner in value)
    return None


def _string_fault(value: str, options: ReadOptions) -> tuple[str, str] | None:
    if len(value) > options.max_cell_chars:
        return "cell-too-long", f"A value is longer than {options.max_cell_chars:,} characters; shorten it."
    if "\x00" in value:
        return "nul-character", "A value has a NUL character (\\u0000) in it; remove it."
    if not value.isascii():
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            return (
                "not-decodable",
                "A value has half of a surrogate pair (\\ud800 to \\udfff) in it; remove it.",
            )
    return None
