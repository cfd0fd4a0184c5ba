"""Rows as Parquet, a row group at a time."""

import base64
import io
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, time
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from models.readers.parquet import ARROW, WORDED

GROUP_ROWS = 5_000
"""Rows that stand in memory before they are written."""

GROUP_CHARS = 16_000_000
"""Or so much text, whichever is reached first."""

_TYPES: dict[str, Callable[[], Any]] = {
    "string": pa.string,
    "strings": lambda: pa.list_(pa.string()),
    "int64": pa.int64,
    "double": pa.float64,
    "bool": pa.bool_,
    "time": lambda: pa.timestamp("us", tz="UTC"),
}


class ParquetWriter:
    """Rows of one set of columns.

    Args:
        columns: for each column what it keeps: `string` (other values are written as JSON), `strings` (a list of
            them), `int64`, `double`, `bool`, `time` (given as RFC 3339 text), or what `models.readers.parquet` says of
            a column that it has read. Missing values are null.
    """

    def __init__(self, columns: Mapping[str, str]) -> None:
        self._columns = dict(columns)
        self._schema = pa.schema([pa.field(name, _type(kind)) for name, kind in columns.items()])
        self._out = _Drain()
        self._file: Any = None
        self._pending: list[list[Any]] = []
        self._chars = 0

    def header(self) -> bytes:
        """The magic bytes."""
        self._file = pq.ParquetWriter(self._out, self._schema, compression="zstd")
        return self._out.drain()

    def row(self, row: Mapping[str, Any]) -> bytes:
        """Nothing, or the row group that this row completes."""
        values = [_value(row.get(name), kind) for name, kind in self._columns.items()]
        self._pending.append(values)
        self._chars += sum(len(value) for value in values if isinstance(value, str))
        if len(self._pending) < GROUP_ROWS and self._chars < GROUP_CHARS:
            return b""
        return self._group()

    def footer(self) -> bytes:
        """The last row group and the description of the file."""
        last = self._group()
        self._file.close()
        return last + self._out.drain()

    def _group(self) -> bytes:
        if self._pending:
            columns = [
                _column(values, field.type)
                for values, field in zip(zip(*self._pending, strict=True), self._schema, strict=True)
            ]
            self._file.write_table(pa.Table.from_arrays(columns, schema=self._schema))
            self._pending, self._chars = [], 0
        return self._out.drain()


def _type(kind: str) -> Any:
    if kind.startswith(ARROW):
        packed = base64.b64decode(kind.removeprefix(ARROW))
        return pa.ipc.read_schema(pa.py_buffer(packed)).field(0).type
    return _TYPES[kind]()


def _column(values: Sequence[Any], kept: Any) -> Any:
    """The values as Arrow has them. Those of a column that was read are as JSON has them."""
    within = kept.value_type if pa.types.is_dictionary(kept) else kept
    if any(isinstance(value, str) for value in values):
        if pa.types.is_time(within):  # which Arrow does not read
            values = [time.fromisoformat(value) if isinstance(value, str) else value for value in values]
        elif any(is_worded(within) for is_worded in WORDED):
            return pa.array(values, type=pa.string()).cast(within).cast(kept)
        elif pa.types.is_binary(within):
            values = [value.encode() if isinstance(value, str) else value for value in values]
    if pa.types.is_map(kept):
        values = [None if value is None else [tuple(pair) for pair in value] for value in values]
    return pa.array(values, type=kept)


class _Drain(io.RawIOBase):
    """A file that is written on one side and taken away on the other: only what is in between is in memory."""

    def __init__(self) -> None:
        super().__init__()
        self._taken = 0
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._held += data
        return len(data)

    def tell(self) -> int:
        return self._taken + len(self._held)

    def drain(self) -> bytes:
        piece = bytes(self._held)
        self._taken += len(piece)
        self._held.clear()
        return piece


def _value(value: Any, kind: str) -> Any:
    if value is None:
        return None
    if kind == "time":
        return datetime.fromisoformat(value)
    if kind == "string" and not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return value
