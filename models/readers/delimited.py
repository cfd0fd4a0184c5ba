"""CSV and TSV as in RFC 4180, held strictly, so that a stray quote costs one row and not the rest of the file.

The `csv` module does the cutting. Around it: physical line numbers, and a second chance. When a row turns out to be
broken (a quote that never closes, text after a closing quote), only its first line is given up, and reading goes on
with the line after it.
"""

import csv
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

from models.errors import Invalid
from models.readers.encodings import MARK
from models.readers.lines import Flaw, flaw_of
from models.readers.records import ReadOptions, Row, RowError, excerpt

# The module's own bound (128 KiB) is below what a cell may hold; rows are bounded here instead.
csv.field_size_limit(min(sys.maxsize, 2**31 - 1))

_QUOTED = re.compile(r'"[^"]*+(?:""[^"]*+)*+"')


class DelimitedRows:
    """Rows of a delimited file, one `Row` or `RowError` each; blank lines are no rows.

    Attributes:
        headings: what the header says, as it stands there.
        columns: names of the columns. An empty name becomes `column_3`, a repeated one `name (2)`.
    """

    def __init__(
        self,
        lines: Iterator[str],
        flaws: list[Flaw],
        *,
        delimiter: str,
        encoding: str,
        options: ReadOptions,
        announced: bool = False,
    ) -> None:
        """Read the header.

        Args:
            announced: whether a line that says what parts the cells stands before it.

        Raises:
            Invalid: the header itself is broken.
        """
        self._lines, self._flaws, self._options = lines, flaws, options
        self._delimiter, self._encoding = delimiter, encoding
        self._taken: list[str] = []  # lines of the row in hand
        self._again: Iterator[str] = iter(())  # lines to be read once more
        self._count = 0  # physical lines given to the parser, those given back taken off
        self._cells: list[str] = []
        if announced:
            next(self._cut(), None)
        header = next(self._cut(), None)
        if isinstance(header, RowError):
            raise Invalid(f"Line {header.line}, column {header.column}, in the header: {header.message}")
        self.columns = _named(self._cells, options) if header is not None else []
        self.headings = self._cells[: len(self.columns)]

    def __iter__(self) -> Iterator[Row | RowError]:
        columns, wide = self.columns, len(self.columns)
        long = self._options.max_cell_chars
        for outcome in self._cut():
            if isinstance(outcome, RowError):
                yield outcome
                continue
            line, source = outcome
            cells = self._cells
            if len(cells) != wide:
                if len(cells) < wide or any(cells[wide:]):
                    yield self._ragged(line, source, len(cells))
                    continue
                del cells[wide:]  # spreadsheets leave empty cells at the end
            if len(source) > long and (at := next((i for i, cell in enumerate(cells) if len(cell) > long), -1)) >= 0:
                message = f"The cell under {columns[at]!r} is longer than {long:,} characters; shorten it."
                yield self._error(line, source, _starts(source, self._delimiter)[at], "cell-too-long", message)
                continue
            yield Row(line, dict(zip(columns, cells, strict=True)), source)

    def _cut(self) -> Iterator[tuple[int, str] | RowError]:
        """Line and source of each row, its cells being in `_cells`; or the error that stands for it."""
        taken, flaws = self._taken, self._flaws
        while True:
            reader = csv.reader(self._feed(), delimiter=self._delimiter, strict=True)
            try:
                for cells in reader:
                    source = taken[0] if len(taken) == 1 else "".join(taken)
                    line = self._count - len(taken) + 1
                    taken.clear()
                    if flaws:
                        yield flaws[0].error(source)
                        flaws.clear()
                    elif cells:
                        self._cells = cells
                        yield line, source
            except csv.Error:
                yield self._give_back()
            else:
                return

    def _feed(self) -> Iterator[str]:
        """Physical lines for the parser, until the row in hand is longer than a row may be."""
        taken, size = self._taken, 0
        for text in self._again:
            self._count += 1
            line = text.rstrip("\n")
            if flaw := flaw_of(line, self._count, self._encoding):
                self._flaws.append(flaw)
            size = size + len(text) if taken else len(text)
            taken.append(text)
            yield text
            if taken and size > self._options.max_row_chars:
                return
        for line in self._lines:
            self._count += 1
            size = size + len(line) + 1 if taken else len(line) + 1
            text = line + "\n"
            taken.append(text)
            yield text
            if taken and size > self._options.max_row_chars:
                return

    def _give_back(self) -> RowError:
        """The fault of the row in hand; all its lines but the first are to be read again."""
        taken = self._taken
        line = self._count - len(taken) + 1
        first = taken[0]
        fault, closed = _misquote("".join(taken), self._delimiter)
        error = self._flaws[0].error(first) if self._flaws and self._flaws[0].line == line else None
        if error is None:
            column = fault + 1
            if fault >= len(first):  # the quote that opened on the first line closes in a wrong place further on
                column = _last_open(first, self._delimiter) + 1
                closed = False
            message = (
                "After a closing quote the cell should end; double the quotes inside a quoted cell."
                if closed
                else "The quote that opens here is not closed properly; close it, or double it if it is text."
            )
            error = RowError(line, column, "unclosed-quote" if not closed else "stray-quote", message, excerpt(first))
        self._count = line
        self._again = chain(taken[1:], self._again)
        self._flaws.clear()
        self._taken.clear()
        return error

    def _ragged(self, line: int, source: str, found: int) -> RowError:
        wide = len(self.columns)
        starts = _starts(source, self._delimiter)
        at = starts[wide] if found > wide and len(starts) > wide else len(source.rstrip("\r\n"))
        message = (
            f"The row has {found:,} cells where the header names {wide:,}; quote cells that contain the delimiter."
        )
        error = self._error(line, source, at, "ragged-row", message)
        return replace(error, fields=dict(zip(self.columns, self._cells, strict=False)))

    def _error(self, line: int, source: str, at: int, code: str, message: str) -> RowError:
        """An error at a place in a row that may reach over several lines."""
        line += source.count("\n", 0, at)
        column = at - source.rfind("\n", 0, at)
        return RowError(line, column, code, message, excerpt(source.rstrip("\r\n").replace(MARK, "\ufffd")))


def _named(cells: list[str], options: ReadOptions) -> list[str]:
    if len(cells) > options.max_columns:
        raise Invalid(f"The header names {len(cells):,} columns; at most {options.max_columns:,} can be read.")
    names: dict[str, None] = {}
    while cells and not cells[-1].strip():
        cells.pop()
    for number, cell in enumerate(cells, 1):
        plain = cell.strip() or f"column_{number}"
        name, again = plain, 2
        while name in names:
            name, again = f"{plain} ({again})", again + 1
        names[name] = None
    return list(names)


def _walk(source: str, delimiter: str) -> Iterator[tuple[int, int, bool]]:
    """Start of each cell, where it ends, and whether a quote that opens it closes."""
    at, size = 0, len(source)
    while at <= size:
        start = at
        if source.startswith('"', at):
            match = _QUOTED.match(source, at)
            if match is None:
                yield start, start, False
                return
            at = match.end()
            yield start, at, True
            if not source.startswith(delimiter, at):
                return
        else:
            end = source.find(delimiter, at)
            line_end = source.find("\n", at)
            if end < 0 or 0 <= line_end < end:
                yield start, size if line_end < 0 else line_end, True
                return
            at = end
            yield start, at, True
        at += 1


def _starts(source: str, delimiter: str) -> list[int]:
    return [start for start, _, _ in _walk(source, delimiter)]


def _misquote(source: str, delimiter: str) -> tuple[int, bool]:
    """Where the parser stumbles, and whether a quote had been closed there."""
    start, end, closed = list(_walk(source, delimiter))[-1]
    return (end, True) if closed and source.startswith('"', start) else (start, False)


def _last_open(first: str, delimiter: str) -> int:
    """Where the last cell of the first line begins: the one whose quote runs on."""
    return _starts(first, delimiter)[-1]
