"""Exports of Winnow that come in again: what an item is comes in, what was kept about it does not.

Who decided and what the machine said must not become fields: a version would learn the answer from them. An export is
known by columns that no other file has together; one of them alone is a column like any other.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from models.readers.guarding import unguarded
from models.readers.records import ReadOptions, Row, RowError, excerpt
from models.readers.tools import as_label
from models.readers.values import DECODER, reason, row_of

TEXT, ID, LABEL = "text", "external_id", "category"
_FIELDS = "fields"
_MARKS = frozenset({TEXT, "decided_by", "decided_at", "predicted_category", "confidence", "model_version"})
COLUMNS = _MARKS | {ID, LABEL, _FIELDS, "id", "state", "source"}
"""All that Winnow writes of an item."""

NOTE = (
    "This file is an export of Winnow: texts, fields, external ids and categories come in. What else it says of an "
    "item, such as who decided and what was predicted, does not become fields."
)


def is_own(columns: Collection[str]) -> bool:
    """Whether a file with these columns is an export of Winnow."""
    return _MARKS.issubset(columns)


def plainly(asked: Collection[str], options: ReadOptions, *, cells: bool) -> Callable[[Row], Row | RowError]:
    """What makes a row of an export plain: its fields beside the text, the external id and the category.

    Args:
        asked: columns named by the caller, which are there whatever they hold.
        cells: whether the file holds cells, of which those that a spreadsheet would run were guarded.
    """

    def plain(row: Row) -> Row | RowError:
        told = {name: _bare(value) for name, value in row.fields.items()} if cells else row.fields
        inner = _inner(told.get(_FIELDS), row, options)
        if isinstance(inner, RowError):
            return inner
        kept = {**inner, **{name: value for name, value in told.items() if name not in COLUMNS}}
        known = {TEXT: told.get(TEXT), ID: told.get(ID), LABEL: _label(told.get(LABEL))}
        wanted = {name: told[name] for name in asked if name in told and name not in known}
        return row._replace(fields={**kept, **known, **wanted}, original=row.fields, kept=kept)

    return plain


def _inner(value: Any, row: Row, options: ReadOptions) -> Mapping[str, Any] | RowError:
    """The fields of an item, which CSV and Parquet hold as JSON."""
    if value is None or value == "":
        return {}
    if isinstance(value, str):
        try:
            value = DECODER.decode(value)
        except (ValueError, RecursionError) as error:
            code, message = reason(error, options)
            return RowError(row.line, 1, code, f"Under {_FIELDS!r}: {message}", excerpt(row.source), row.fields)
        found = row_of(value, row.line, 1, str(row.fields[_FIELDS]), options)
        if isinstance(found, RowError):
            return found
    if isinstance(value, dict):
        return value
    message = f"Under {_FIELDS!r} an object should stand, as an export of Winnow has it."
    return RowError(row.line, 1, "not-an-object", message, excerpt(row.source), row.fields)


def _label(value: Any) -> Any:
    """One name stays one also where it has a `|`; in a cell, several are a list in JSON."""
    return as_label([value]) if isinstance(value, str) and value and not value.startswith("[") else value


def _bare(value: Any) -> Any:
    return unguarded(value) if isinstance(value, str) else value
