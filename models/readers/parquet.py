"""Parquet: rows from its row groups, a few at a time, within bounds on what they may unpack to."""

import base64
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from models.errors import Invalid
from models.readers.layout import Source
from models.readers.records import ReadOptions, Row, RowError, excerpt
from models.readers.values import row_of

MAGIC = b"PAR1"
_BATCH_ROWS = 256
_QUICK_BYTES = 16 * 2**20
_BIG_RATIO_BYTES = 64 * 2**20
_SIMPLE = {pa.string(): "string", pa.int64(): "int64", pa.float64(): "double", pa.bool_(): "bool"}

ARROW = "arrow:"
"""Before the description of a type for which `models.writers.parquet` has no short name."""

WORDED = (pa.types.is_date, pa.types.is_time, pa.types.is_timestamp, pa.types.is_decimal)
"""The types whose values are kept as words that Arrow reads again."""


def is_parquet(source: Source) -> bool:
    """Whether a file begins as one."""
    with source() as file:
        return file.read(len(MAGIC)) == MAGIC


def kinds_of(source: Source, options: ReadOptions) -> dict[str, str]:
    """Names of the columns, each with what `models.writers.parquet` would keep in it.

    Raises:
        Invalid: the file is broken or cut off, or it unpacks to more than honest data would.
    """
    with source() as file:
        try:
            opened = pq.ParquetFile(file)
            schema, described = opened.schema_arrow, opened.metadata
        except (pa.ArrowException, OSError, ValueError) as error:
            message = "This is no whole Parquet file: its description stands at its end, and is missing or broken."
            raise Invalid(message) from error
        packed = file.seek(0, 2)
    unpacked = _unpacked(described)
    if unpacked > options.max_unpacked_bytes or unpacked > max(options.max_ratio * packed, _BIG_RATIO_BYTES):
        raise Invalid(f"The file of {packed:,} bytes unpacks to {unpacked:,}; split it and import the parts.")
    if described.num_rows == 0:
        raise Invalid("The file is empty: it has no rows to import.")
    if len(schema.names) > options.max_columns:
        raise Invalid(f"The file has {len(schema.names):,} columns; at most {options.max_columns:,} can be read.")
    return {name: _kind(field.type) for name, field in zip(_named(schema.names), schema, strict=True)}


def parquet_rows(source: Source, options: ReadOptions) -> Iterator[Row | RowError]:
    """One `Row` or `RowError` for each row, counted from 1; the last one an error where the file is damaged."""
    number = 0
    with source() as file:
        opened = pq.ParquetFile(file, read_dictionary=_texts(file))
        try:
            for batch in opened.iter_batches(batch_size=_BATCH_ROWS):
                columns = dict(zip(_named(batch.schema.names), map(_quick, batch.columns), strict=True))
                for place in range(batch.num_rows):
                    number += 1
                    yield _row(columns, place, number, options)
        except (pa.ArrowException, OSError) as error:
            message = f"The file is damaged after row {number}: {str(error)[:200]}"
            yield RowError(number + 1, 1, "broken-file", message, "")


def _named(names: Sequence[str]) -> list[str]:
    """The names of columns, a repeated one as `name (2)`."""
    given: dict[str, None] = {}
    for name in names:
        new, again = name, 2
        while new in given:
            new, again = f"{name} ({again})", again + 1
        given[new] = None
    return list(given)


def _quick(column: Any) -> Any:
    """The column as a list, where that is safe: its values are no longer than many rows of them may be."""
    if pa.types.is_dictionary(column.type):
        longest = pc.max(pc.binary_length(column.dictionary)).as_py() or 0
        if longest * len(column) > _QUICK_BYTES:
            return column
        column = column.dictionary_decode()
    try:
        return column.to_pylist()
    except (ValueError, OverflowError, pa.ArrowException):
        return column  # one of the values cannot be read: find out which


def _row(columns: Mapping[str, Any], place: int, number: int, options: ReadOptions) -> Row | RowError:
    fields: dict[str, Any] = {}
    for name, column in columns.items():
        try:
            value = column[place]
            value = _plain(value.as_py() if isinstance(value, pa.Scalar) else value)
        except (ValueError, OverflowError):
            message = f"The value under {name[:60]!r} cannot be read."
            return RowError(number, 1, "not-decodable", message, "")
        if value is None:
            continue
        if isinstance(value, str) and len(value) > options.max_cell_chars:
            message = f"The value under {name[:60]!r} is longer than {options.max_cell_chars:,} characters; shorten it."
            return RowError(number, 1, "cell-too-long", message, excerpt(value))
        fields[name] = value
    source = json.dumps(fields, ensure_ascii=False)
    if "\x00" in source or "\\u0000" in source:
        message = "A value has a NUL character in it; remove it."
        return RowError(number, 1, "nul-character", message, excerpt(source))
    return row_of(fields, number, 1, source, options)


def _plain(value: Any) -> Any:
    """A value as JSON can hold it: times as RFC 3339, numbers that are none as nothing, bytes as text."""
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str | bool | int) or value is None:
        return value
    return _worded(value)


def _worded(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8")
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date | time) else str(value)


def _texts(file: Any) -> list[str]:
    """The columns of text. Kept as dictionaries in memory, a value repeated a million times is there once."""
    schema = pq.ParquetFile(file).schema_arrow
    file.seek(0)
    return [field.name for field in schema if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)]


def _unpacked(described: Any) -> int:
    return sum(described.row_group(group).total_byte_size for group in range(described.num_row_groups))


def _kind(kept: Any) -> str:
    """What is written back of such a column: its own type, where values as JSON has them can be turned back to it."""
    if kept in _SIMPLE:
        return _SIMPLE[kept]
    within = kept.value_type if pa.types.is_dictionary(kept) else kept
    pairs = pa.types.is_map(kept) and pa.types.is_string(kept.key_type) and _is_json(kept.item_type)
    if pairs or _is_json(within) or any(is_worded(within) for is_worded in WORDED) or pa.types.is_binary(within):
        packed = pa.schema([pa.field("", kept)]).serialize().to_pybytes()
        return ARROW + base64.b64encode(packed).decode("ascii")
    return "string"


def _is_json(kept: Any) -> bool:
    """Whether JSON has the values of a type as they are."""
    if pa.types.is_struct(kept):
        return all(_is_json(kept.field(place).type) for place in range(kept.num_fields))
    if any(is_list(kept) for is_list in (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)):
        return _is_json(kept.value_type)
    plain = (
        pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating, pa.types.is_string, pa.types.is_large_string,
        pa.types.is_null,
    )  # fmt: skip
    return any(is_plain(kept) for is_plain in plain)
