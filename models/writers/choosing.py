"""Which writer a format has."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Protocol

from models.readers.records import Format
from models.writers.parquet import ParquetWriter
from models.writers.rows import CsvWriter, JsonArrayWriter, JsonLinesWriter
from models.writers.tools import FastTextWriter, LabelStudioWriter, ProdigyWriter


class Writer(Protocol):
    """What every writer can do; the pieces one after the other are the file."""

    def header(self) -> bytes:
        """What stands before the first row."""
        ...

    def row(self, row: Mapping[str, Any]) -> bytes:
        """One row, or nothing yet where a format writes many at once."""
        ...

    def footer(self) -> bytes:
        """What stands after the last row."""
        ...


class ExportFormat(StrEnum):
    """What an export may be."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"
    LABEL_STUDIO = "label-studio"
    PRODIGY = "prodigy"
    FASTTEXT = "fasttext"

    @property
    def media_type(self) -> str:
        """How HTTP names it."""
        return _MEDIA[self]

    @property
    def suffix(self) -> str:
        """What the file's name ends in, without the dot."""
        return _SUFFIX[self]


_MEDIA = {
    ExportFormat.CSV: "text/csv",
    ExportFormat.JSONL: "application/jsonl",
    ExportFormat.PARQUET: "application/vnd.apache.parquet",
    ExportFormat.LABEL_STUDIO: "application/json",
    ExportFormat.PRODIGY: "application/jsonl",
    ExportFormat.FASTTEXT: "text/plain",
}
_SUFFIX = {
    ExportFormat.CSV: "csv",
    ExportFormat.JSONL: "jsonl",
    ExportFormat.PARQUET: "parquet",
    ExportFormat.LABEL_STUDIO: "json",
    ExportFormat.PRODIGY: "jsonl",
    ExportFormat.FASTTEXT: "txt",
}


def writer_suffix(kind: str) -> str:
    """What the name of a file ends in that `writer` makes for a format."""
    chosen = Format(kind)
    if chosen in {Format.PARQUET, Format.CSV}:
        return chosen.value
    if chosen in {Format.JSON, Format.LABEL_STUDIO}:
        return "json"
    return "jsonl" if chosen in {Format.JSONL, Format.PRODIGY} else "tsv"


def writer(
    kind: str,
    columns: Sequence[str],
    *,
    delimiter: str | None = None,
    guard: bool = True,
    kinds: Mapping[str, str] | None = None,
) -> Writer:
    """A writer of rows for a format that can be read.

    Args:
        kind: one of `Format`. Text and fastText are written as tab-separated values, since answers need columns;
            Label Studio tasks as JSON and Prodigy's examples as JSON Lines.
        columns: what CSV, TSV, text and Parquet have; JSON takes every field of a row.
        delimiter: between cells; a comma, or a tab for TSV and text, if None.
        guard: whether strings that a spreadsheet would run as formulas are made harmless.
        kinds: what Parquet keeps in a column; see `ParquetWriter`.
    """
    chosen = Format(kind)
    if chosen is Format.PARQUET:
        return ParquetWriter({name: (kinds or {}).get(name, "string") for name in columns})
    if chosen in {Format.JSON, Format.LABEL_STUDIO}:
        return JsonArrayWriter()
    if chosen in {Format.JSONL, Format.PRODIGY}:
        return JsonLinesWriter()
    default = "," if chosen is Format.CSV else "\t"
    return CsvWriter(columns, delimiter=delimiter or default, guard=guard)


def export_writer(
    chosen: ExportFormat, columns: Mapping[str, str], *, categories: Sequence[str], several: bool
) -> Writer:
    """A writer of a project's items.

    Args:
        chosen: the format.
        columns: what each row has, with what Parquet keeps there; see `ParquetWriter`.
        categories: the names there are to choose from.
        several: whether an item may have several of them.
    """
    if chosen is ExportFormat.PARQUET:
        return ParquetWriter(columns)
    if chosen is ExportFormat.LABEL_STUDIO:
        return LabelStudioWriter()
    if chosen is ExportFormat.PRODIGY:
        return ProdigyWriter(categories, several=several)
    if chosen is ExportFormat.FASTTEXT:
        return FastTextWriter()
    return writer(chosen.value, list(columns))
