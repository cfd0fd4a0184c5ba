"""Files answered: the same rows in the same order and format, with columns added."""

import gzip
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from models.readers.columns import Columns
from models.readers.reading import Builder, Opened, open_rows
from models.readers.records import Format, ReadOptions, Record, Row, RowError
from models.writers.choosing import Writer, writer
from models.writers.rows import CsvWriter, JsonArrayWriter, JsonLinesWriter

Answers = Callable[[list[Record]], list[dict[str, Any]]]
COLUMNS = ("category", "confidence", "decision", "model_version")

_BATCH = 256
_TOOLS = frozenset({Format.LABEL_STUDIO, Format.PRODIGY})
_PACKING = 6
_ADDED_KINDS = {"confidence": "double", "model_version": "int64"}


@dataclass(frozen=True, slots=True)
class Piece:
    """Some bytes of the result.

    Attributes:
        rows: how many rows of the file are answered once these bytes are there; None where one cannot go on from here.
    """

    data: bytes
    rows: int | None


def augment(
    path: Path,
    filename: str,
    options: ReadOptions,
    answers: Answers,
    columns: Sequence[str] = COLUMNS,
) -> Iterator[bytes]:
    """The whole result of `augmented`, without the marks."""
    return (piece.data for piece in augmented(path, filename, options, answers, columns))


def augmented(
    path: Path,
    filename: str,
    options: ReadOptions,
    answers: Answers,
    columns: Sequence[str] = COLUMNS,
    *,
    begun: int = 0,
) -> Iterator[Piece]:
    """The rows of a file in the same order and format, gzipped if it was, with answers added.

    A column of the file that bears the name of an answer is kept as `input_<name>`. Every row of the file has a row in
    the result: one that could not be read has its fault in the column `error` and no answer.

    Args:
        path: the file.
        filename: the name it came with.
        options: how to read it.
        answers: gives one dictionary for each record of a batch.
        columns: names of the answers, in order.
        begun: rows that are answered already, as a piece has said: what comes now stands behind those bytes.

    Raises:
        Invalid: at the call, if nothing of the file can be read.
    """
    opened = open_rows(lambda: path.open("rb"), filename, options)
    pieces = _augmented(opened, Form.of(opened, options, columns), answers, begun)
    return (_packed(piece) for piece in pieces) if opened.layout.compressed else pieces


@dataclass(frozen=True, slots=True)
class Form:
    """How the answered rows of a file are written: what each part of it needs to know of the whole.

    Attributes:
        format: of the result, one of `Format`.
        delimiter: between cells, where the format has cells.
        columns: names of the file's columns.
        kinds: what Parquet keeps in them.
        chosen: the columns of text, id and label.
        options: how the file is read.
        answers: names of the answers.
        headings: the columns as the file's own header spells them.
        marked: whether the file begins with a byte order mark; without one spreadsheets do not see that it is UTF-8.
        announced: whether a line before the header says what parts the cells.
    """

    format: str
    delimiter: str | None
    columns: tuple[str, ...]
    kinds: dict[str, str]
    chosen: Columns
    options: ReadOptions
    answers: tuple[str, ...] = COLUMNS
    headings: tuple[str, ...] = ()
    marked: bool = False
    announced: bool = False

    @classmethod
    def of(cls, opened: Opened, options: ReadOptions, answers: Sequence[str] = COLUMNS) -> "Form":
        """The form of a file that is open, in its own format."""
        layout, kinds = opened.layout, dict(opened.kinds)
        return cls(
            layout.format,
            layout.delimiter,
            tuple(opened.columns),
            kinds,
            opened.chosen,
            options,
            tuple(answers),
            tuple(opened.headings),
            layout.marked,
            layout.announced,
        )

    def as_format(self, format: str) -> "Form":
        """The same rows in another format."""
        return self if format == self.format else replace(self, format=format, delimiter=None)

    def packed(self) -> str:
        """As text, to be sent."""
        return json.dumps(asdict(self))

    @classmethod
    def unpacked(cls, sent: str) -> "Form":
        """The form that was packed."""
        told = json.loads(sent)
        chosen, options = told.pop("chosen"), told.pop("options")
        return cls(
            columns=tuple(told.pop("columns")),
            answers=tuple(told.pop("answers")),
            headings=tuple(told.pop("headings", ())),  # jobs of the release before have none
            chosen=Columns(**{**chosen, "text_fields": tuple(chosen["text_fields"])}),
            options=ReadOptions(**options),
            **told,
        )

    def writer(self) -> Writer:
        """A writer of answered rows."""
        added = self._added
        names = [_renamed(name, added) for name in self.columns]
        kinds = {_renamed(name, added): kind for name, kind in self.kinds.items()} | _ADDED_KINDS
        if self.headings and self.delimiter is not None:
            spelt = [
                heading if name == new else new
                for heading, name, new in zip(self.headings, self.columns, names, strict=True)
            ]
            return CsvWriter(
                [*names, *added],
                delimiter=self.delimiter,
                headings=[*spelt, *added],
                marked=self.marked,
                announced=self.announced,
            )
        return writer(self.format, [*names, *added], delimiter=self.delimiter, guard=False, kinds=kinds)

    def answered(self, rows: Sequence[Row | RowError], answers: Answers) -> list[dict[str, Any]]:
        """The rows with their answers, or with why there is none."""
        builder = Builder(self.chosen, self.options)
        batch = [builder.build(row) for row in rows]
        found = iter(answers([outcome for outcome in batch if isinstance(outcome, Record)]))
        told = [_told(outcome, found) for outcome in batch]
        if self.format not in _TOOLS:
            return [_beside(_as_it_came(row), said, self._added) for row, said in zip(rows, told, strict=True)]
        return [_in_its_place(row, said, self._added) for row, said in zip(rows, told, strict=True)]

    @property
    def _added(self) -> tuple[str, ...]:
        return (*self.answers, "error")


def _augmented(opened: Opened, form: Form, answers: Answers, begun: int) -> Iterator[Piece]:
    out = form.writer()
    by_rows = isinstance(out, CsvWriter | JsonLinesWriter | JsonArrayWriter)
    rows: Iterator[Row | RowError] = islice(opened.rows, begun, None)
    if begun and isinstance(out, JsonArrayWriter):
        out.go_on()
    if not begun:
        yield Piece(out.header(), None)
    done = begun
    while batch := list(islice(rows, _BATCH)):
        answered = form.answered(batch, answers)
        done += len(batch)
        yield Piece(b"".join(out.row(row) for row in answered), done if by_rows else None)
    yield Piece(out.footer(), None)


def _told(outcome: Record | RowError, found: Iterator[dict[str, Any]]) -> dict[str, Any]:
    if isinstance(outcome, Record):
        return next(found)
    return {"error": f"line {outcome.line}, column {outcome.column}: {outcome.message}"}


def _beside(fields: Mapping[str, Any], told: Mapping[str, Any], added: Sequence[str]) -> dict[str, Any]:
    return {_renamed(name, added): value for name, value in fields.items()} | dict(told)


def _in_its_place(row: Row | RowError, told: Mapping[str, Any], added: Sequence[str]) -> dict[str, Any]:
    """A tool's own row with the answer: in a task of Label Studio under `data`, which it shows as columns."""
    original = _as_it_came(row)
    if "error" in told or not isinstance(original.get("data"), dict):
        return _beside(original, told, added)
    return {**original, "data": _beside(original["data"], told, added)}


def _as_it_came(row: Row | RowError) -> Mapping[str, Any]:
    original = row.original if isinstance(row, Row) else None
    return original or row.fields or {}


def _renamed(name: str, added: Sequence[str]) -> str:
    return f"input_{name}" if name in added else name


def _packed(piece: Piece) -> Piece:
    """A piece as a gzip member of its own: whoever unpacks the file sees none of the seams."""
    return Piece(gzip.compress(piece.data, _PACKING, mtime=0) if piece.data else b"", piece.rows)
