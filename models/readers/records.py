"""What a reader takes and gives: options in; records, errors and previews out."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple, TypeAlias

EXCERPT_CHARS = 2_000
"""So much of a bad row is kept for the list of rejects."""


Label: TypeAlias = str | tuple[str, ...]
"""What a row is labelled with: a word as it stands there, or several that the file keeps apart."""


class Format(StrEnum):
    """The kinds of file that can be read; each but Parquet may also be gzipped."""

    TEXT = "text"
    CSV = "csv"
    TSV = "tsv"
    JSON = "json"
    JSONL = "jsonl"
    PARQUET = "parquet"
    LABEL_STUDIO = "label-studio"
    PRODIGY = "prodigy"
    FASTTEXT = "fasttext"


@dataclass(frozen=True, slots=True)
class Record:
    """A row that can become an item.

    Attributes:
        line: physical line on which the row begins, from 1.
        text: what is to be categorised: the text fields, joined by line breaks.
        fields: the whole row by column name; values are what JSON can hold (strings, for CSV and text).
        external_id: the caller's own id, if a column of ids was named and this row has one.
        label: the category that the row arrives with, if a column of labels was named and this row has one; a tuple
            where the file itself holds a list of them.
        chars: how long the row is in the file.
    """

    line: int
    text: str
    fields: dict[str, Any]
    external_id: str | None = None
    label: Label | None = None
    chars: int = 0


@dataclass(frozen=True, slots=True)
class RowError:
    """A row that was set aside.

    Attributes:
        line: physical line of the fault, from 1.
        column: character of that line where the fault is, from 1.
        code: stable name of the fault, for programs, e.g. `not-decodable`.
        message: what is wrong and what to do, in a sentence.
        row: the beginning of the row as it stands in the file, at most `EXCERPT_CHARS` characters.
        fields: the row by column name where it could be taken apart, else None.
    """

    line: int
    column: int
    code: str
    message: str
    row: str
    fields: Mapping[str, Any] | None = None


class Row(NamedTuple):
    """A row taken apart but not yet judged: what each format's parser gives.

    Attributes:
        line: physical line on which it begins, from 1.
        fields: its values by column name.
        source: the row as it stands in the file.
        original: a tool's own row, before it was made plain.
        kept: what becomes the record's fields, where that is not all of `fields`.
    """

    line: int
    fields: dict[str, Any]
    source: str
    original: Mapping[str, Any] | None = None
    kept: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What the caller knows or wishes; everything left out is found by looking at the file.

    Attributes:
        format: one of `Format`, or None to go by the name and the content.
        text_fields: columns that make the text. They must be there.
        preferred_fields: columns that make the text where the file has them (the project's own text fields).
        id_field: column of the caller's ids.
        label_field: column of categories.
        encoding: any text encoding that Python knows by name.
        delimiter: one character, or `tab`.
        max_text_chars: longest text of an item, in characters.
        max_cell_chars: longest single value, in characters.
        max_row_chars: longest row, in characters; also bounds how far an unclosed quote is followed.
        max_id_chars: longest id or label, in characters.
        max_columns: most columns of a file.
        max_depth: deepest nesting of a JSON value.
        max_unpacked_bytes: most bytes that a compressed file may unpack to.
        max_ratio: highest compression ratio that is believed.
    """

    format: str | None = None
    text_fields: tuple[str, ...] = ()
    preferred_fields: tuple[str, ...] = ()
    id_field: str | None = None
    label_field: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    max_text_chars: int = 100_000
    max_cell_chars: int = 1_000_000
    max_row_chars: int = 4_000_000
    max_id_chars: int = 255
    max_columns: int = 4_096
    max_depth: int = 64
    max_unpacked_bytes: int = 8 * 2**30
    max_ratio: int = 200


@dataclass(frozen=True, slots=True)
class Suggested:
    """Columns that look right for each role; empty or None where none does."""

    text_fields: tuple[str, ...]
    id_field: str | None
    label_field: str | None


@dataclass(frozen=True, slots=True)
class Preview:
    """What the first rows of a file look like.

    Attributes:
        format: the format it is read as.
        encoding: the encoding it is read in.
        delimiter: the character between cells; None for formats without one.
        compressed: whether it is gzipped.
        columns: names of the columns, in order of appearance.
        suggested: columns that look right for text, id and label.
        rows: the first rows by column name.
        errors: the rows among them that would be set aside.
        note: what is particular about the file, in a sentence or two; None where nothing is.
    """

    format: Format
    encoding: str
    delimiter: str | None
    compressed: bool
    columns: list[str]
    suggested: Suggested
    rows: list[dict[str, Any]]
    errors: list[RowError]
    note: str | None = None


def excerpt(source: str) -> str:
    """The beginning of a row, fit to be stored: bounded, and without what no database takes."""
    short = source[:EXCERPT_CHARS]
    return short.encode("utf-8", "replace").decode("utf-8").replace("\x00", "\N{SYMBOL FOR NULL}")
