"""Rows as CSV, TSV, JSON Lines and JSON.

Cells of a CSV made for people may run as formulas when a spreadsheet opens them. With `guard`, strings that begin like
a formula get an apostrophe before them.
"""

import codecs
import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import to_json

from models.readers.guarding import guarded


class CsvWriter:
    """Rows of one set of columns, with a header. Nested values are written as JSON.

    Args:
        columns: their names in the rows.
        delimiter: between cells.
        guard: whether what a spreadsheet would run as a formula is made harmless.
        headings: what the header says instead of the names.
        marked: whether a byte order mark stands before it.
        announced: whether a line before it says what parts the cells.
    """

    def __init__(
        self,
        columns: Sequence[str],
        *,
        delimiter: str = ",",
        guard: bool = False,
        headings: Sequence[str] | None = None,
        marked: bool = False,
        announced: bool = False,
    ) -> None:
        self._columns, self._guard = list(columns), guard
        self._headings = self._columns if headings is None else list(headings)
        self._marked = marked
        self._before = f"sep={delimiter}\r\n".encode() if announced else b""
        self._buffer = io.StringIO()
        self._csv = csv.writer(self._buffer, delimiter=delimiter)

    def header(self) -> bytes:
        """The names of the columns."""
        line = self._before + self._line([guarded(name) for name in self._headings] if self._guard else self._headings)
        return codecs.BOM_UTF8 + line if self._marked else line

    def row(self, row: Mapping[str, Any]) -> bytes:
        """One row; what is not among the columns is left out."""
        cells = [_cell(row.get(name)) for name in self._columns]
        return self._line([guarded(cell) for cell in cells] if self._guard else cells)

    def footer(self) -> bytes:
        """Nothing: the format needs none."""
        return b""

    def _line(self, cells: Sequence[str]) -> bytes:
        self._csv.writerow(cells)
        line = self._buffer.getvalue()
        self._buffer.seek(0)
        self._buffer.truncate()
        return line.encode("utf-8")


class JsonLinesWriter:
    """An object on each line, whatever its fields."""

    def header(self) -> bytes:
        """Nothing: the format needs none."""
        return b""

    def row(self, row: Mapping[str, Any]) -> bytes:
        """One row."""
        return as_json(row) + b"\n"

    def footer(self) -> bytes:
        """Nothing: the format needs none."""
        return b""


class JsonArrayWriter:
    """One array with an object on each line."""

    def __init__(self) -> None:
        self._between = b"\n"

    def go_on(self) -> None:
        """Rows are there already: the next one stands behind a comma."""
        self._between = b",\n"

    def header(self) -> bytes:
        """The opening bracket."""
        return b"["

    def row(self, row: Mapping[str, Any]) -> bytes:
        """One row."""
        between, self._between = self._between, b",\n"
        return between + as_json(row)

    def footer(self) -> bytes:
        """The closing bracket."""
        return b"\n]\n"


def as_json(row: Mapping[str, Any]) -> bytes:
    """A row as an object, in UTF-8."""
    return to_json(row, inf_nan_mode="constants")


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)
