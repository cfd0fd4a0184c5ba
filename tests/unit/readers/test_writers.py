"""Rows out: guarded for spreadsheets, and batch answers beside the rows they belong to."""

import codecs
import csv
import gzip
import json
from pathlib import Path

import pytest

from models.readers import ReadOptions, Record
from models.writers import augment, writer


def answers(records: list[Record]) -> list[dict[str, object]]:
    return [{"category": record.text.upper(), "confidence": 0.5} for record in records]


def test_formulas_are_guarded_and_numbers_are_not() -> None:
    out = writer("csv", ["a", "b"])
    assert out.row({"a": "=1+1", "b": "-5"}) == b"'=1+1,-5\r\n"


def test_augment_keeps_every_row_in_order_and_renames_a_clash(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"text;category\nx;old\nbroken\n;empty\n=y;new\n")
    data = b"".join(augment(path, path.name, ReadOptions(), answers)).decode()
    rows = list(csv.DictReader(data.splitlines(), delimiter=";"))
    assert [row["category"] for row in rows] == ["X", "", "", "=Y"]
    assert [row["input_category"] for row in rows] == ["old", "", "empty", "new"]
    assert rows[1]["text"] == "broken", "what could be read of it"
    assert rows[1]["error"].startswith("line 3, column 7:")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_augment_leaves_the_header_as_it_is(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("text, é ,text,,n\nx,1,y,,\nä,2,z,,\n".encode(encoding))
    data = b"".join(augment(path, path.name, ReadOptions(text_fields=("text",)), answers))
    assert data.startswith(codecs.BOM_UTF8) == (encoding in {"utf-8-sig", "utf-16"}), "Excel would take it for another"
    header, first, second = csv.reader(data.decode("utf-8-sig").splitlines())
    assert header == ["text", " é ", "text", "", "n", "category", "confidence", "decision", "model_version", "error"]
    assert first[:7] == ["x", "1", "y", "", "", "X", "0.5"]
    assert second[:6] == ["ä", "2", "z", "", "", "Ä"]


def test_augment_leaves_a_first_line_for_excel_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("\ufeffsep=;\ntext;n\nx;1\n".encode())
    data = b"".join(augment(path, path.name, ReadOptions(), answers)).decode("utf-8-sig")
    assert data.splitlines()[:2] == ["sep=;", "text;n;category;confidence;decision;model_version;error"]


def test_augment_gives_json_and_gzip_back_as_they_came(tmp_path: Path) -> None:
    path = tmp_path / "a.json.gz"
    path.write_bytes(gzip.compress(b'[{"text":"x","n":[1]},{"text":"y"}]'))
    rows = json.loads(gzip.decompress(b"".join(augment(path, path.name, ReadOptions(), answers))))
    assert rows[0] == {"text": "x", "n": [1], "category": "X", "confidence": 0.5}
    assert len(rows) == 2
