"""Readers: files of text, CSV, TSV, JSON and JSON Lines, gzipped or not, to records and row errors, as streams."""

from models.readers.half_read import HalfRead
from models.readers.reading import open_rows, preview, read, records
from models.readers.records import Format, Label, Preview, ReadOptions, Record, RowError, Suggested

__all__ = [
    "Format",
    "HalfRead",
    "Label",
    "Preview",
    "ReadOptions",
    "Record",
    "RowError",
    "Suggested",
    "open_rows",
    "preview",
    "read",
    "records",
]
