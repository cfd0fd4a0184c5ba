"""Exports of Winnow that come in again: nothing that was kept about an item becomes a field of it."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from models.errors import Invalid
from models.readers import ReadOptions, Record, RowError, own, preview, read
from models.steps.export import COLUMNS
from models.writers import ExportFormat, augment, export_writer

FIELDS = {"subject": "charged", "price": 3, "confidence": "mine", "category": "its own", "id": "N-9"}
DECIDED: dict[str, Any] = {
    "id": "1",
    "external_id": "+49 1",
    "text": "=charged twice",
    "state": "decided",
    "category": "-Billing|Money",
    "decided_by": "user:1",
    "source": "review",
    "decided_at": "2026-11-22T20:00:00Z",
    "predicted_category": "Login",
    "confidence": 0.9,
    "model_version": 3,
    "fields": FIELDS,
}
NOTHING = dict.fromkeys(("external_id", "category", "decided_by", "source", "decided_at"))
UNDECIDED = {**DECIDED, **NOTHING, "id": "2", "text": "'no formula", "state": "undecided", "fields": {}}
OURS = [ExportFormat.CSV, ExportFormat.JSONL, ExportFormat.PARQUET]


def exported(tmp_path: Path, form: ExportFormat, *rows: dict[str, Any]) -> Path:
    out = export_writer(form, COLUMNS, categories=["-Billing|Money"], several=False)
    path = tmp_path / f"out.{form.suffix}"
    path.write_bytes(out.header() + b"".join(map(out.row, rows or (DECIDED, UNDECIDED))) + out.footer())
    return path


def outcomes(path: Path, **options: Any) -> list[Record | RowError]:
    return list(read(path, path.name, ReadOptions(**options)))


def test_the_columns_are_those_of_an_export() -> None:
    assert set(COLUMNS) == own.COLUMNS


@pytest.mark.parametrize("form", OURS)
@pytest.mark.parametrize("preferred", [(), ("subject",)])
def test_what_an_item_is_comes_in_and_nothing_else(tmp_path: Path, form: ExportFormat, preferred: Any) -> None:
    path = exported(tmp_path, form)
    first, second = outcomes(path, preferred_fields=preferred)
    assert isinstance(first, Record)
    assert isinstance(second, Record)
    assert (first.text, first.external_id, first.label) == ("=charged twice", "+49 1", ("-Billing|Money",))
    assert first.fields == FIELDS
    assert (second.text, second.external_id, second.label, second.fields) == ("'no formula", None, None, {})
    shown = preview(path.read_bytes(), path.name, ReadOptions(preferred_fields=preferred))
    assert shown.note == own.NOTE
    assert (shown.suggested.text_fields, shown.suggested.id_field, shown.suggested.label_field) == (
        ("text",),
        "external_id",
        "category",
    )
    assert not {"decided_by", "state", "model_version"} & set(shown.columns)


@pytest.mark.parametrize("form", OURS)
def test_what_is_named_goes_before(tmp_path: Path, form: ExportFormat) -> None:
    named = {"text_fields": ("subject",), "id_field": "model_version", "label_field": "predicted_category"}
    (first,) = outcomes(exported(tmp_path, form, DECIDED), **named)
    assert isinstance(first, Record)
    assert (first.text, first.external_id, first.label, first.fields) == ("charged", "3", "Login", FIELDS)
    with pytest.raises(Invalid, match="no column 'prediction'"):
        outcomes(exported(tmp_path, form), label_field="prediction")


def test_ones_own_column_of_such_a_name_is_a_field(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("text,category,confidence,model_version,state\ncharged twice,Billing,0.9,3,new\n")
    (found,) = outcomes(path, label_field="category")
    assert isinstance(found, Record)
    assert found.fields["confidence"] == "0.9"
    assert preview(path.read_bytes(), path.name, ReadOptions()).note is None


def test_a_spreadsheet_may_have_saved_it_with_a_column_of_its_own(tmp_path: Path) -> None:
    rows = [*csv.reader(io.StringIO(exported(tmp_path, ExportFormat.CSV, DECIDED).read_text()))]
    kept = [place for place, name in enumerate(rows[0]) if name not in {"id", "state"}]
    text = io.StringIO()
    csv.writer(text, delimiter=";").writerows(
        [[row[place] for place in kept] + [more] for row, more in zip(rows, ["priority", "high"], strict=True)]
    )
    path = tmp_path / "saved.csv"
    path.write_text(text.getvalue())
    (found,) = outcomes(path)
    assert isinstance(found, Record)
    assert found.fields == {**FIELDS, "priority": "high"}


@pytest.mark.parametrize(
    ("cell", "code"),
    [('{"a": ', "not-json"), ("[1]", "not-an-object"), ('{"a": "\\u0000"}', "nul-character")],
)
def test_fields_that_are_damaged_cost_their_row(tmp_path: Path, cell: str, code: str) -> None:
    path = exported(tmp_path, ExportFormat.CSV, {**DECIDED, "fields": cell}, UNDECIDED)
    fault, good = outcomes(path)
    assert isinstance(fault, RowError)
    assert fault.code == code
    assert isinstance(good, Record)


def test_answers_stand_beside_the_rows_as_they_came(tmp_path: Path) -> None:
    path = exported(tmp_path, ExportFormat.CSV)
    before = [*csv.DictReader(io.StringIO(path.read_text()))]
    said: list[Record] = []

    def answers(records: list[Record]) -> list[dict[str, Any]]:
        said.extend(records)
        return [{"category": "Billing", "confidence": 1.0, "decision": "accept", "model_version": 4} for _ in records]

    after = [*csv.DictReader(io.StringIO(b"".join(augment(path, path.name, ReadOptions(), answers)).decode()))]
    assert [one.fields for one in said] == [FIELDS, {}]
    assert [one["text"] for one in after] == ["'=charged twice", "'no formula"]
    assert [one["input_category"] for one in after] == [one["category"] for one in before]
    assert json.loads(after[0]["fields"]) == FIELDS


def test_an_export_for_prodigy_brings_no_prediction_in(tmp_path: Path) -> None:
    first, second = outcomes(exported(tmp_path, ExportFormat.PRODIGY))
    assert isinstance(first, Record)
    assert isinstance(second, Record)
    assert set(first.fields) == {"text", "external_id", "label"}
    assert set(second.fields) == {"text"}
    theirs = {"text": "a", "_task_hash": 1, "meta": {"id": 7, "score": 0.5, "source": "mail"}}
    path = tmp_path / "theirs.jsonl"
    path.write_text(json.dumps(theirs))
    (found,) = outcomes(path)
    assert isinstance(found, Record)
    assert found.fields == {"text": "a", "id": 7, "score": 0.5, "source": "mail"}
