"""A first look at a file: is it text at all, in which encoding, which format, which delimiter."""

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePath
from typing import BinaryIO, TypeAlias

from models.errors import Invalid
from models.readers import encodings
from models.readers.records import Format, ReadOptions
from models.readers.streams import GZIP_MAGIC, Bomb, BrokenStream, blocks

Source: TypeAlias = Callable[[], AbstractContextManager[BinaryIO]]
"""Opens a file anew, for reading bytes."""

HEAD_BYTES = 256 * 1024
_SURVEY_BYTES = 64 * 2**20
_EVIDENCE_BYTES = 256 * 1024
_TAIL_BYTES = 64 * 1024
_FEW = 2
_DELIMITERS = ",\t;|"
_SUFFIXES = {
    ".txt": Format.TEXT,
    ".text": Format.TEXT,
    ".csv": Format.CSV,
    ".tsv": Format.TSV,
    ".tab": Format.TSV,
    ".json": Format.JSON,
    ".jsonl": Format.JSONL,
    ".ndjson": Format.JSONL,
    ".jsonlines": Format.JSONL,
}
_WRITTEN_AS = {
    Format.LABEL_STUDIO: Format.JSON,
    Format.PRODIGY: Format.JSONL,
    Format.FASTTEXT: Format.TEXT,
}
_KINDS = (
    (b"PK\x03\x04", "an Excel workbook or a zip archive; save the sheet as CSV, or unpack the archive"),
    (b"\xd0\xcf\x11\xe0", "an old Office document; save it as CSV or text"),
    (b"%PDF-", "a PDF; export its text"),
    (b"PAR1", "a Parquet file inside a compressed one; unpack it once"),
    (b"SQLite format 3", "a database; export the table as CSV"),
    (b"BZh", "compressed with bzip2; unpack it, or use gzip"),
    (b"\xfd7zXZ", "compressed with xz; unpack it, or use gzip"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd; unpack it, or use gzip"),
    (GZIP_MAGIC, "compressed twice; unpack it once"),
    (b"\x89PNG", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"GIF8", "an image"),
    (b"\x7fELF", "a program"),
)
_ANNOUNCED = re.compile(r'\s*"?sep=([^"\r\n])"?[ \r]*', re.IGNORECASE)
"""How Excel has a file say what parts its cells, in a line before the header."""

_CONTROL = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1b"))


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file is to be read.

    Attributes:
        format: how it is written; a tool's format shows only in what the rows hold.
        encoding: its encoding, as Python names it.
        newline: what ends a line.
        delimiter: what parts the cells of CSV and TSV, else None.
        compressed: whether it is gzipped.
        marked: whether it begins with a byte order mark.
        announced: whether a line before the header says what parts the cells.
    """

    format: Format
    encoding: str
    newline: str
    delimiter: str | None
    compressed: bool
    marked: bool = False
    announced: bool = False


def survey(source: Source, filename: str, options: ReadOptions) -> Layout:
    """Look at the first part of a file, in bounded time and memory.

    Args:
        source: opens the file anew, for reading bytes.
        filename: its name; the suffix hints at the format.
        options: what the caller says goes before what is found.

    Raises:
        Invalid: it is empty, binary, a bomb, or the options do not fit any file.
    """
    with source() as file:
        compressed = file.read(2) == GZIP_MAGIC
    head, not_ascii, count = _evidence(source, options, more=options.encoding is None)
    if not head.strip(b" \t\r\n\xef\xbb\xbf\xff\xfe"):
        raise Invalid("The file is empty: it has no rows to import.")
    wide = encodings.by_mark(head) or encodings.by_zeros(head)
    if options.encoding is None:
        _refuse_binary(head, wide)
        encoding = wide or encodings.by_lines(not_ascii, count)
    else:
        encoding = encodings.named(options.encoding, head)
    text = "".join(encodings.decoded([head], encoding))
    newline = "\r" if "\r" in text and "\n" not in text else "\n"
    chosen = _format(text, newline, filename, options.format)
    delimiter, announced = None, False
    if chosen in {Format.CSV, Format.TSV}:
        said = _announced(text, newline)
        delimiter, announced = _delimiter(text, newline, chosen, options.delimiter or said), said is not None
    return Layout(chosen, encoding, newline, delimiter, compressed, encodings.by_mark(head) is not None, announced)


def _evidence(source: Source, options: ReadOptions, *, more: bool) -> tuple[bytes, list[bytes], int]:
    """The first bytes, lines with bytes above 127, and how many lines were seen."""
    head = bytearray()
    found: list[bytes] = []
    seen = count = size = 0
    rest = b""
    with source() as file:
        try:
            for block in blocks(file, options):
                seen += len(block)
                if len(head) < HEAD_BYTES:
                    head += block[: HEAD_BYTES - len(head)]
                if size < _EVIDENCE_BYTES:
                    whole, newline, rest = (rest + block).rpartition(b"\n")
                    rest = rest[-_TAIL_BYTES:]
                    count += whole.count(b"\n") + len(newline)
                    if not whole.isascii():
                        new = [line for line in whole.split(b"\n") if not line.isascii()]
                        size += sum(map(len, new))
                        found += new
                if seen > _SURVEY_BYTES or not (more or len(head) < HEAD_BYTES):
                    break
            else:
                count += bool(rest)
                if not rest.isascii():
                    found.append(rest)
        except Bomb:
            raise
        except BrokenStream:
            if not head:
                raise
    return bytes(head), found, count


def _refuse_binary(head: bytes, wide: str | None) -> None:
    for magic, kind in _KINDS:
        if head.startswith(magic):
            raise Invalid(f"This is no text file but {kind}.")
    if wide is not None and wide != "utf-8":
        return
    control = len(head) - len(head.translate(None, _CONTROL))
    if control > _FEW and control * 20 > len(head):
        raise Invalid("This is a binary file; Winnow reads text, CSV, TSV, JSON, JSON Lines and Parquet.")


def named_format(name: str) -> Format:
    """The format of this name. Raises Invalid where there is none."""
    try:
        return Format(name.strip().lower())
    except ValueError:
        known = ", ".join(Format)
        raise Invalid(f"There is no format named {name[:40]!r}; choose one of {known}.") from None


def _format(text: str, newline: str, filename: str, wanted: str | None) -> Format:
    name = PurePath(filename.lower())
    suffix = PurePath(name.stem).suffix if name.suffix in {".gz", ".gzip"} else name.suffix
    if wanted:
        asked = named_format(wanted)
        chosen = _WRITTEN_AS.get(asked, asked)
    else:
        chosen = _SUFFIXES.get(suffix) or _by_content(text, newline)
    start = text.lstrip()
    if chosen is Format.JSON and not start.startswith("["):
        first = start.split("\n", 1)[0].rstrip()
        if first.startswith("{") and first.endswith("}"):
            return Format.JSONL
        line = text[: len(text) - len(start)].count("\n") + 1
        raise Invalid(f"Line {line}, column 1: a JSON file should hold one array of objects, [{{…}}, {{…}}].")
    return chosen


def _by_content(text: str, newline: str) -> Format:
    start = text.lstrip()
    if re.match(r"\[\s*[\[{\"\]]", start):
        return Format.JSON
    if re.match(r"\{\s*[\"}]", start):
        return Format.JSONL
    if _announced(text, newline) is not None:
        return Format.CSV
    delimiter, share = _best_delimiter(text, newline)
    if share < 1:
        return Format.TEXT
    return Format.TSV if delimiter == "\t" else Format.CSV


def _announced(text: str, newline: str) -> str | None:
    """What the first line says that parts the cells; None where it is a line like any other."""
    found = _ANNOUNCED.fullmatch(text.split(newline, 1)[0])
    return found.group(1) if found else None


def _delimiter(text: str, newline: str, chosen: Format, wanted: str | None) -> str:
    if not wanted:
        return "\t" if chosen is Format.TSV else _best_delimiter(text, newline)[0]
    delimiter = "\t" if wanted.lower() in {"tab", "\\t"} else wanted
    if len(delimiter) != 1 or delimiter in '"\r\n\x00' or (not delimiter.isprintable() and delimiter != "\t"):
        raise Invalid(f"The delimiter must be one character, or `tab`; {wanted[:20]!r} is not.")
    return delimiter


def _best_delimiter(text: str, newline: str) -> tuple[str, float]:
    """The character that cuts most of the first rows into the same number (above one) of cells, and that share."""
    best, best_score = ",", (0.0, 0)
    first = [line + "\n" for line in text[:_TAIL_BYTES].split(newline) if line.strip()]
    if len(text) > _TAIL_BYTES:
        first = first[:-1] or first
    for delimiter in _DELIMITERS:
        widths = Counter(_widths(first, delimiter))
        if not widths:
            continue
        width, rows = widths.most_common(1)[0]
        score = (rows / widths.total(), width)
        if width > 1 and widths.total() > 1 and score > best_score:
            best, best_score = delimiter, score
    if not best_score[0]:  # one row only, or no two rows alike: go by the header
        best = max(_DELIMITERS, key=first[0].count) if first else ","
    return best, best_score[0]


def _widths(rows: list[str], delimiter: str) -> Iterator[int]:
    reader = csv.reader(rows, delimiter=delimiter)
    try:
        for row in islice(reader, 20):
            yield len(row)
    except csv.Error:
        return
