"""What holds for the readers whatever the file: nothing lost, nothing invented, nothing unforeseen."""

import gzip
import tempfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import Invalid
from models.readers import Format, ReadOptions, Record, RowError, preview, read
from models.writers import writer

words = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), min_size=1, max_size=30).filter(
    str.strip
)
formats = st.sampled_from([Format.CSV, Format.TSV, Format.JSON, Format.JSONL])
hostile = st.lists(
    st.sampled_from(
        [
            b'"',
            b",",
            b"\n",
            b"\r",
            b"{",
            b"}",
            b"[",
            b"]",
            b"\\",
            b"\xff",
            b"\x00",
            b"a",
            b'{"text":"b"}',
            b"id,text\n",
            b":",
            b"\x1f\x8b",
        ]
    )
    | st.binary(max_size=8),
    max_size=60,
).map(b"".join)


def outcomes(data: bytes, name: str, options: ReadOptions) -> list[Record | RowError]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "upload"
        path.write_bytes(data)
        return list(read(path, name, options))


@settings(max_examples=150, deadline=None)
@given(rows=st.lists(st.tuples(words, words), min_size=1, max_size=20), kind=formats, packed=st.booleans())
def test_what_is_written_is_read_back(rows: list[tuple[str, str]], kind: Format, *, packed: bool) -> None:
    out = writer(kind, ["key", "text"], guard=False)
    records = [{"key": key, "text": text} for key, text in rows]
    data = out.header() + b"".join(map(out.row, records)) + out.footer()
    options = ReadOptions(
        format=kind, text_fields=("text",), encoding="utf-8", delimiter="\t" if kind == "tsv" else ","
    )
    back = outcomes(gzip.compress(data) if packed else data, "f", options)
    assert [row.fields for row in back if isinstance(row, Record)] == records
    assert [row.text for row in back if isinstance(row, Record)] == [text for _, text in rows]


@settings(max_examples=300, deadline=None)
@given(data=hostile, kind=st.none() | st.sampled_from(list(Format)), packed=st.booleans())
def test_any_bytes_give_rows_or_a_clear_refusal(data: bytes, kind: Format | None, *, packed: bool) -> None:
    options = ReadOptions(format=kind, max_row_chars=200, max_cell_chars=50)
    data = gzip.compress(data) if packed else data
    found: list[Record | RowError] = []
    refusal = "none given"
    try:
        found = outcomes(data, "f.csv", options)
        preview(data, "f.csv", options)
    except Invalid as refused:
        refusal = refused.detail
    assert refusal
    for row in found:
        assert row.line >= 1
        if isinstance(row, RowError):
            assert row.column >= 1
            row.row.encode()
            assert row.code
            assert row.message
        else:
            assert row.text.strip()
            assert "\x00" not in row.text
            row.text.encode()


@settings(max_examples=100, deadline=None)
@given(
    good=st.lists(st.booleans(), min_size=1, max_size=50), kind=st.sampled_from([Format.CSV, Format.JSONL, Format.TEXT])
)
def test_every_row_is_a_record_or_an_error_on_its_own_line(good: list[bool], kind: Format) -> None:
    rows = {
        Format.CSV: (b"1,fine\n", b"bad\n", b"id,text\n"),
        Format.JSONL: (b'{"text":"fine"}\n', b"{bad\n", b""),
        Format.TEXT: (b"fine\n", b"b\x00d\n", b""),
    }
    right, wrong, header = rows[kind]
    data = header + b"".join(right if one else wrong for one in good)
    if data.count(b"\x00") * 20 > len(data):
        good, data = [*good, *[True] * 400], data + right * 400
    found = outcomes(data, "f", ReadOptions(format=kind, encoding="utf-8", text_fields=("text",) if any(good) else ()))
    assert [isinstance(row, Record) for row in found] == good
    assert [row.line for row in found] == list(range(1 + len(header) // 8, 1 + len(header) // 8 + len(good)))


def _file(path: Path, rows: int) -> Iterator[Record | RowError]:
    with path.open("wb") as file:
        file.write(b"id,text\n")
        for number in range(rows // 1000):
            file.write(b"".join(b"%d,some words of row %d\n" % (number, i) for i in range(1000)))
    return read(path, "f.csv", ReadOptions(text_fields=("text",)))


@pytest.mark.parametrize("rows", [10_000, 100_000])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, rows: int) -> None:
    tracemalloc.start()
    try:
        assert sum(1 for _ in _file(tmp_path / "f", rows)) == rows
        assert tracemalloc.get_traced_memory()[1] < 6 * 2**20
    finally:
        tracemalloc.stop()
