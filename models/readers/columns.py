"""Which columns are the text, the id and the label: as asked for, else as the names and the first rows suggest."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from models.errors import Invalid
from models.readers.records import ReadOptions, Suggested

_HEADINGS = ("title", "subject", "headline")
_BODIES = (
    "text",
    "body",
    "content",
    "message",
    "description",
    "comment",
    "review",
    "question",
    "sentence",
    "abstract",
)
_IDS = ("id", "external_id", "item_id", "record_id", "doc_id", "ticket_id", "uuid", "uid", "key")
_LABELS = ("label", "category", "class", "target", "topic", "intent", "tag")

_SEVERAL = 2
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:[.,][0-9]*)?|[.,][0-9]+)(?:[eE][+-]?[0-9]{1,3})?")


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns chosen for each role."""

    text_fields: tuple[str, ...]
    id_field: str | None
    label_field: str | None


def columns_of(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Names of all columns, in order of appearance."""
    return list(dict.fromkeys(name for row in rows for name in row))


def suggest(names: Sequence[str], rows: Sequence[dict[str, Any]]) -> Suggested:
    """Columns that look right for each role, by name, and for the text by length where no name fits.

    Records that are nothing but numbers are their own text: the longest number alone would say nothing.
    """
    by_name = {name.strip().lower(): name for name in reversed(names)}
    heading = next((by_name[name] for name in _HEADINGS if name in by_name), None)
    body = next((by_name[name] for name in _BODIES if name in by_name), None)
    text = tuple(name for name in (heading, body) if name is not None)
    if not text and names:
        text = (max(names, key=lambda name: sum(len(str(row.get(name) or "")) for row in rows)),)
    ids = next((by_name[name] for name in _IDS if name in by_name), None)
    if ids is not None:
        values = [str(row.get(ids)) for row in rows]
        ids = ids if len(set(values)) == len(values) and ids not in text else None
    label = next((by_name[name] for name in _LABELS if name in by_name and by_name[name] not in text), None)
    if heading is None and body is None and rows:
        values = [name for name in names if name not in {ids, label}]
        numbers = tuple(name for name in values if all(_is_number(row.get(name)) for row in rows))
        words = [name for name in values if name not in numbers]
        if label is None and len(words) == 1 and len(numbers) >= _SEVERAL:
            different = {str(row.get(words[0])) for row in rows}
            if _SEVERAL * len(different) <= len(rows):
                label = words[0]  # the same few words again and again, beside numbers
        if numbers and words in ([], [label]):
            text = numbers
    return Suggested(text, ids, label)


def _is_number(value: Any) -> bool:
    """Whether a cell is a number, or empty."""
    if isinstance(value, str):
        return not value.strip() or bool(_NUMBER.fullmatch(value.strip()))
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def choose(names: Sequence[str], rows: Sequence[dict[str, Any]], options: ReadOptions, *, complete: bool) -> Columns:
    """The columns to read.

    Args:
        names: columns of the file, as far as it was looked at.
        rows: the first rows.
        options: what the caller asked for.
        complete: whether no other column can turn up later.

    Raises:
        Invalid: a column that was asked for is not there.
    """
    wanted = [*options.text_fields, options.id_field, options.label_field if complete else None]
    unknown = [name for name in wanted if name is not None and name not in names]
    if unknown and names:
        there = ", ".join(name[:60] for name in names[:30])
        raise Invalid(f"The file has no column {unknown[0][:60]!r}; its columns are: {there}.")
    preferred = tuple(name for name in options.preferred_fields if name in names)
    rest = [name for name in names if name not in {options.id_field, options.label_field}]
    text = options.text_fields or preferred or suggest(rest or names, rows).text_fields
    return Columns(text, options.id_field, options.label_field)
