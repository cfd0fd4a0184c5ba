"""Parquet in and out, checked with pyarrow itself."""

import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models.errors import Invalid
from models.readers import ReadOptions, Record, RowError, preview, read
from models.writers import ParquetWriter, augment
from models.writers.parquet import GROUP_ROWS


def saved(path: Path, table: dict[str, Any], **more: Any) -> Path:
    pq.write_table(pa.table(table), path, **more)
    return path


def outcomes(path: Path, **options: Any) -> list[Record | RowError]:
    return list(read(path, path.name, ReadOptions(**options)))


def test_rows_are_read_with_values_as_json_has_them(tmp_path: Path) -> None:
    at = datetime(2026, 5, 3, 12, tzinfo=UTC)
    path = saved(
        tmp_path / "a.parquet",
        {
            "key": [7, 8],
            "body": ["charged twice", "cannot sign in"],
            "topic": ["Billing", None],
            "at": [at, None],
            "price": [Decimal("1.50"), None],
            "score": [float("nan"), 0.5],
            "tags": [["a", "b"], []],
            "raw": [b"bytes", None],
            "nested": [{"x": {"y": 1}}, None],
        },
    )
    first, second = outcomes(path, id_field="key", label_field="topic")
    assert isinstance(first, Record)
    assert isinstance(second, Record)
    assert (first.line, first.text, first.external_id, first.label) == (1, "charged twice", "7", "Billing")
    assert (second.line, second.text, second.external_id, second.label) == (2, "cannot sign in", "8", None)
    assert first.fields == {
        "key": 7,
        "body": "charged twice",
        "topic": "Billing",
        "at": "2026-05-03T12:00:00Z",
        "price": "1.50",
        "tags": ["a", "b"],
        "raw": "bytes",
        "nested": {"x": {"y": 1}},
    }
    json.dumps(second.fields, allow_nan=False)


def test_the_content_counts_and_not_the_name(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.csv", {"text": ["one"]})
    assert [one.text for one in outcomes(path) if isinstance(one, Record)] == ["one"]
    seen = preview(path.read_bytes(), "a.csv", ReadOptions())
    assert (seen.format, seen.columns, seen.rows) == ("parquet", ["text"], [{"text": "one"}])


def test_a_list_of_labels_is_several_labels(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.parquet", {"text": ["one"], "category": [["A", "B"]]})
    (record,) = outcomes(path, label_field="category")
    assert isinstance(record, Record)
    assert record.label == ("A", "B")


def test_bad_rows_are_set_aside_and_the_rest_goes_on(tmp_path: Path) -> None:
    path = saved(
        tmp_path / "a.parquet",
        {"text": ["good", None, "x" * 101, "nul\x00", "also good"], "raw": [None, None, None, None, b"\xff"]},
    )
    found = outcomes(path, max_cell_chars=100)
    codes = [getattr(one, "code", "record") for one in found]
    assert codes == ["record", "empty-text", "cell-too-long", "nul-character", "not-decodable"]
    assert [one.line for one in found] == [1, 2, 3, 4, 5]


def test_what_is_no_whole_file_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.parquet", {"text": ["one"] * 100})
    whole = path.read_bytes()
    for broken in (whole[:-20], b"PAR1", whole[: len(whole) // 2] + b"PAR1"):
        path.write_bytes(broken)
        with pytest.raises(Invalid, match="no whole Parquet file"):
            outcomes(path)
    with pytest.raises(Invalid, match="no whole Parquet file"):
        preview(whole[:50], "a.parquet", ReadOptions())
    path.write_text("text\none\n")
    with pytest.raises(Invalid, match="no Parquet file"):
        outcomes(path, format="parquet")
    with pytest.raises(Invalid, match="empty"):
        outcomes(saved(tmp_path / "b.parquet", {"text": pa.array([], pa.string())}))


def test_a_damaged_page_ends_the_file_with_an_error_and_keeps_what_came_before(tmp_path: Path) -> None:
    texts = [f"text number {n} " + "x" * (n % 50) for n in range(2_000)]
    path = saved(tmp_path / "a.parquet", {"text": texts}, row_group_size=500, compression="zstd", use_dictionary=False)
    start = pq.ParquetFile(path).metadata.row_group(2).column(0).data_page_offset
    data = bytearray(path.read_bytes())
    data[start + 60 : start + 120] = bytes(60)
    path.write_bytes(data)
    found = outcomes(path)
    assert isinstance(found[-1], RowError)
    assert found[-1].code == "broken-file"
    assert [one.text for one in found[:-1] if isinstance(one, Record)] == texts[: len(found) - 1]
    assert len(found) > 500


def test_a_bomb_is_refused_by_what_it_says_of_itself(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.parquet", {"text": ["0" * 1_000_000] * 80}, compression="zstd", use_dictionary=False)
    assert path.stat().st_size < 200_000
    with pytest.raises(Invalid, match="unpacks to"):
        outcomes(path)


def test_a_value_repeated_by_a_dictionary_stands_in_memory_once(tmp_path: Path) -> None:
    once = pa.DictionaryArray.from_arrays(pa.array([0] * 3_000, pa.int32()), ["y" * 900_000])
    path = saved(tmp_path / "a.parquet", {"text": once})
    before = pa.total_allocated_bytes()
    rows = read(path, path.name, ReadOptions())
    first = [next(rows) for _ in range(300)]
    assert pa.total_allocated_bytes() - before < 100_000_000
    assert {getattr(one, "code", "") for one in first} == {"text-too-long"}


def test_reading_can_go_on_from_where_it_stopped(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.parquet", {"text": [f"t{n}" for n in range(700)]})
    rest = list(read(path, path.name, ReadOptions(), skip=650))
    assert [one.text for one in rest if isinstance(one, Record)] == [f"t{n}" for n in range(650, 700)]


def test_the_writer_gives_row_groups_as_they_fill() -> None:
    kinds = {"id": "string", "text": "string", "n": "int64", "p": "double", "ok": "bool", "at": "time", "c": "strings"}
    out = ParquetWriter(kinds)
    pieces = [out.header()]
    row = {"id": "1", "text": {"not": "text"}, "n": 3, "p": 0.5, "ok": True, "at": "2026-05-03T12:00:00Z", "c": ["A"]}
    pieces += [out.row(row) for _ in range(GROUP_ROWS + 1)]
    assert [number for number, piece in enumerate(pieces) if piece] == [0, GROUP_ROWS]
    pieces.append(out.footer())
    table = pq.read_table(io.BytesIO(b"".join(pieces)))
    assert table.num_rows == GROUP_ROWS + 1
    at = datetime(2026, 5, 3, 12, tzinfo=UTC)
    assert table.to_pylist()[-1] == {**row, "text": '{"not": "text"}', "at": at}
    assert out_of_nothing() == 0


def out_of_nothing() -> int:
    out = ParquetWriter({"a": "string"})
    return int(pq.read_table(io.BytesIO(out.header() + out.footer())).num_rows)


def test_batch_answers_come_in_parquet_with_the_columns_as_they_were(tmp_path: Path) -> None:
    at = datetime(2026, 5, 3, 12, tzinfo=UTC)
    columns = {"text": ["one", ""], "n": [1, 2], "x": [0.5, None], "at": [at, at], "category": ["old", None]}
    path = saved(tmp_path / "a.parquet", columns)
    data = b"".join(
        augment(path, path.name, ReadOptions(), lambda block: [{"category": "A", "confidence": 0.9} for _ in block])
    )
    first, second = pq.read_table(io.BytesIO(data)).to_pylist()
    assert (first["text"], first["n"], first["x"], first["input_category"]) == ("one", 1, 0.5, "old")
    assert (first["category"], first["confidence"], first["error"]) == ("A", 0.9, None)
    assert second["category"] is None
    assert "no text" in second["error"]


def test_batch_answers_leave_the_types_of_the_columns(tmp_path: Path) -> None:
    at = datetime(2026, 5, 3, 12, 30, 0, 7, tzinfo=UTC)
    given = {
        "text": pa.array(["one", "two", None]),
        "day": pa.array([at.date(), None, at.date()]),
        "clock": pa.array([at.time(), None, at.time()]),
        "at": pa.array([at, at, None], pa.timestamp("us", tz="Europe/Berlin")),
        "nanoseconds": pa.array([1, None, 10**18 + 5], pa.timestamp("ns")),
        "price": pa.array([Decimal("1.10"), None, Decimal("-2000.05")], pa.decimal128(10, 2)),
        "numbers": pa.array([[1, 2], None, []], pa.list_(pa.int32())),
        "pairs": pa.array([[("k", "v")], None, []], pa.map_(pa.string(), pa.string())),
        "record": pa.array([{"a": 1, "b": ["x"]}, None, {"a": None, "b": []}]),
        "word": pa.array(["x", None, "x"]).dictionary_encode(),
        "big": pa.array([2**64 - 1, None, 0], pa.uint64()),
        "small": pa.array([1, None, -1], pa.int8()),
        "float": pa.array([0.5, None, 1], pa.float32()),
        "raw": pa.array([b"a", None, "ä".encode()]),
        "empty": pa.nulls(3),
    }
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table(given), path)
    answers = augment(path, path.name, ReadOptions(), lambda block: [{"category": "A"} for _ in block])
    found, was = pq.read_table(io.BytesIO(b"".join(answers))), pq.read_table(path)
    for name in given:
        assert str(found.schema.field(name).type).split(" ('")[0] == str(was.schema.field(name).type).split(" ('")[0]
        assert found[name].to_pylist() == was[name].to_pylist(), name


def test_columns_of_one_name_are_all_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.Table.from_arrays([pa.array(["one"]), pa.array(["two"])], names=["text", "text"]), path)
    (record,) = outcomes(path)
    assert isinstance(record, Record)
    assert record.fields == {"text": "one", "text (2)": "two"}
    answers = augment(path, path.name, ReadOptions(), lambda block: [{"category": "A"} for _ in block])
    assert pq.read_table(io.BytesIO(b"".join(answers))).to_pylist()[0]["text (2)"] == "two"
