"""Writers: rows out in the formats that people and tools read, a piece at a time; text is always UTF-8."""

from models.writers.augmenting import Piece, augment, augmented
from models.writers.choosing import ExportFormat, Writer, export_writer, writer, writer_suffix
from models.writers.parquet import ParquetWriter
from models.writers.rows import CsvWriter, JsonArrayWriter, JsonLinesWriter

__all__ = [
    "CsvWriter",
    "ExportFormat",
    "JsonArrayWriter",
    "JsonLinesWriter",
    "ParquetWriter",
    "Piece",
    "Writer",
    "augment",
    "augmented",
    "export_writer",
    "writer",
    "writer_suffix",
]
