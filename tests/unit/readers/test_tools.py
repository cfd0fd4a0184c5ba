"""Label Studio, Prodigy and fastText files: read as those tools write them, written as they read them, and round."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from models.readers import Label, ReadOptions, Record, RowError, preview, read
from models.writers import ExportFormat, augment, export_writer

COLUMNS = {"id": "string", "external_id": "string", "text": "string", "category": "string"}

# As Label Studio's own JSON export has it (task format of its documentation), cut to what is not the reader's concern.
TASKS = [
    {
        "id": 1,
        "data": {"text": "charged twice", "ticket": 7},
        "annotations": [
            {
                "id": 1001,
                "completed_by": 1,
                "was_cancelled": False,
                "ground_truth": False,
                "lead_time": 4.2,
                "result": [
                    {
                        "id": "Dx_aB91ISN",
                        "from_name": "topic",
                        "to_name": "text",
                        "type": "choices",
                        "origin": "manual",
                        "value": {"choices": ["Billing"]},
                    },
                    {
                        "id": "x2",
                        "from_name": "tone",
                        "to_name": "text",
                        "type": "choices",
                        "value": {"choices": ["Angry"]},
                    },
                ],
            }
        ],
        "predictions": [],
        "drafts": [],
        "meta": {},
        "project": 83,
    },
    {"id": 2, "data": {"text": "nobody looked"}, "annotations": [], "predictions": []},
    {
        "id": 3,
        "data": {"text": "skipped"},
        "annotations": [
            {"was_cancelled": True, "result": [{"type": "choices", "value": {"choices": ["Billing"]}}]},
        ],
        "predictions": [{"result": [{"type": "choices", "value": {"choices": ["Login"]}}], "score": 0.9}],
    },
    {
        "id": 4,
        "data": {"text": "two minds", "label": "its own"},
        "annotations": [
            {"ground_truth": True, "result": [{"type": "choices", "value": {"choices": ["Login", "Billing"]}}]},
            {"result": [{"type": "choices", "value": {"choices": ["Shipping"]}}]},
        ],
        "predictions": [],
    },
    {
        "id": 5,
        "data": {"text": "a tree"},
        "annotations": [
            {"result": [{"type": "taxonomy"}, {"type": "choices", "value": {"choices": [["Money", "Refund"]]}}]},
        ],
        "predictions": [],
    },
]

EXAMPLES = [
    {
        "text": "charged twice",
        "options": [{"id": "Billing", "text": "Billing"}, {"id": "Login", "text": "Login"}],
        "accept": ["Billing"],
        "answer": "accept",
        "meta": {"source": "mail"},
        "_input_hash": -1886288234,
        "_task_hash": 1540817497,
        "_session_id": None,
        "_view_id": "choice",
        "config": {"choice_style": "single"},
    },
    {"text": "ignored", "options": [{"id": "A", "text": "A"}], "accept": ["A"], "answer": "ignore", "_task_hash": 2},
    {"text": "rejected", "label": "Billing", "answer": "reject", "_input_hash": 3, "_task_hash": 3},
    {"text": "binary", "label": "Login", "answer": "accept", "_input_hash": 4, "_task_hash": 4},
    {"text": "several", "options": [{"id": 1, "text": "x"}], "accept": [1, "B"], "answer": "accept", "_task_hash": 5},
]


def records(path: Path, **options: Any) -> list[Record]:
    found = list(read(path, path.name, ReadOptions(**options)))
    assert not [one for one in found if isinstance(one, RowError)], found
    return [one for one in found if isinstance(one, Record)]


def brief(found: Sequence[Record]) -> list[tuple[str, Label | None]]:
    return [(one.text, one.label) for one in found]


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    path = tmp_path / "export.json"
    path.write_text(json.dumps(TASKS))
    return path


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    path = tmp_path / "db-out.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in EXAMPLES))
    return path


@pytest.mark.parametrize("name", [None, "label-studio"])
def test_label_studio_tasks(tasks: Path, name: str | None) -> None:
    found = records(tasks, format=name)
    assert brief(found) == [
        ("charged twice", "Billing"),
        ("nobody looked", None),
        ("skipped", None),
        ("two minds", ("Login", "Billing")),
        ("a tree", "Refund"),
    ]
    assert found[0].fields == {"text": "charged twice", "ticket": 7, "label": "Billing"}
    assert found[3].fields["input_label"] == "its own"


def test_tasks_that_nobody_judged_are_known_beside_others(tmp_path: Path) -> None:
    """As Label Studio's import takes them."""
    path = tmp_path / "tasks.json"
    path.write_text(json.dumps([{"data": {"text": "alone"}}, {"id": 2, "data": {"text": "numbered"}}, TASKS[0]]))
    assert brief(records(path)) == [("alone", None), ("numbered", None), ("charged twice", "Billing")]


def test_another_choices_tag_can_be_named(tasks: Path) -> None:
    assert records(tasks, label_field="tone")[0].label == "Angry"
    assert records(tasks, label_field="topic")[0].label == "Billing"


def test_read_as_plain_json_where_that_is_asked(tasks: Path) -> None:
    assert set(records(tasks, format="json", text_fields=("data",))[0].fields) >= {"data", "annotations"}


def test_a_row_that_is_no_task_is_set_aside_when_the_format_was_named(tmp_path: Path) -> None:
    path = tmp_path / "mixed.json"
    path.write_text(json.dumps([TASKS[0], {"text": "flat"}, "just text"]))
    found = list(read(path, path.name, ReadOptions(format="label-studio")))
    assert [getattr(one, "code", "record") for one in found] == ["record", "not-a-task", "not-a-task"]


SCORED: list[tuple[dict[str, Any], Label | None]] = [
    ({"cats": {"Billing": 1.0, "Login": 0.0}}, "Billing"),
    ({"cats": {"Billing": True, "Login": 1}, "meta": {"source": "mail"}}, ("Billing", "Login")),
    ({"cats": {"Billing": 0.0}}, None),
    ({"cats": {"Billing": 0.97, "Login": 0.03}}, None),
    ({"cats": {}}, None),
    ({"cats": {"Billing": 1.0}, "answer": "accept"}, "Billing"),
    ({"cats": {"Billing": 1.0}, "answer": "reject"}, None),
    ({"cats": {"Billing": 1.0}, "answer": "ignore"}, None),
    ({"cats": {"Billing": 1.0}, "answer": "accept", "accept": ["Login"]}, "Login"),
    ({"cats": {"Billing": 1.0}, "answer": "accept", "label": "Login"}, "Login"),
]


def test_categories_as_spacy_has_them(tmp_path: Path) -> None:
    path = tmp_path / "textcat.jsonl"
    path.write_text("".join(json.dumps({"text": f"t{n}", **one}) + "\n" for n, (one, _) in enumerate(SCORED)))
    found = records(path)
    assert [one.label for one in found] == [label for _, label in SCORED]
    assert {name for one in found for name in one.fields} == {"text", "label", "source"}
    assert preview(path.read_bytes(), path.name, ReadOptions()).format == "prodigy"


@pytest.mark.parametrize("cats", [{"tom": 7}, {"tom": "black"}, "two", ["tom"]])
def test_ones_own_cats_are_a_field(tmp_path: Path, cats: Any) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps({"text": "a", "cats": cats}))
    assert records(path)[0].fields["cats"] == cats
    path.write_text(json.dumps({"text": "a", "cats": cats, "_task_hash": 1}))
    assert records(path)[0].fields["cats"] == cats


def test_ordinary_files_are_not_taken_for_a_tools(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps([{"data": {"x": 1}, "text": "one"}, {**TASKS[0], "text": "two"}]))
    assert records(path)[0].fields["data"] == {"x": 1}
    lines = tmp_path / "a.jsonl"
    lines.write_text('{"text": "one", "answer": "accept", "options": []}\n')
    assert records(lines)[0].fields["answer"] == "accept"
    plain = tmp_path / "a.txt"
    plain.write_text("one\n__label__x two\n")
    assert [one.text for one in records(plain)] == ["one", "__label__x two"]


@pytest.mark.parametrize("name", [None, "prodigy"])
def test_prodigy_examples(examples: Path, name: str | None) -> None:
    found = records(examples, format=name)
    assert brief(found) == [
        ("charged twice", "Billing"),
        ("ignored", None),
        ("rejected", None),
        ("binary", "Login"),
        ("several", ("1", "B")),
    ]
    assert found[0].fields == {"text": "charged twice", "source": "mail", "label": "Billing"}


@pytest.mark.parametrize("name", [None, "fasttext"])
def test_fasttext_lines(tmp_path: Path, name: str | None) -> None:
    path = tmp_path / "train.txt"
    path.write_text("__label__Billing charged twice\n__label__sauce __label__hot_food which  sauce ?\n")
    assert brief(records(path, format=name)) == [
        ("charged twice", "Billing"),
        ("which  sauce ?", ("sauce", "hot food")),
    ]


def test_fasttext_parts_words_at_more_than_spaces(tmp_path: Path) -> None:
    path = tmp_path / "train.txt"
    path.write_bytes(b"__label__a\ttabbed  text\r\n__label__b\x0b__label__c\x0cx y\n__label__d\n")
    first, second, third = read(path, path.name, ReadOptions())
    assert isinstance(first, Record)
    assert isinstance(second, Record)
    assert isinstance(third, RowError)
    assert brief([first, second]) == [("tabbed  text", "a"), ("x y", ("b", "c"))]
    assert third.code == "empty-text"


@pytest.mark.parametrize("name", ["a _b", "a_ b", "_ _ x", "a__b", "Log in", "AC|DC", "__label__x"])
def test_each_category_comes_back_from_fasttext_by_its_own_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / "train.txt"
    path.write_bytes(written(ExportFormat.FASTTEXT, [{**ROWS[0], "category": name}]))
    (found,) = records(path)
    assert found.label in {name, (name,)}


@pytest.mark.parametrize(
    ("cell", "label"),
    [
        ("A", "A"),
        (" A|B ", "A|B"),
        ('["A", "B|C"]', ("A", "B|C")),
        ("[]", None),
        ('{"choices":["A","B"]}', ("A", "B")),
        ("[urgent]", "[urgent]"),
        ("[1]", "[1]"),
        ("[" * 100_000, "id-too-long"),
    ],
)
def test_several_labels_in_one_cell(tmp_path: Path, cell: str, label: Label | None) -> None:
    """As our own CSV and Label Studio's CSV and JSON-MIN have them."""
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"text": "one", "topic": cell}) + "\n")
    (found,) = read(path, path.name, ReadOptions(label_field="topic"))
    assert (found.label if isinstance(found, Record) else found.code) == label


def test_label_studios_json_min(tmp_path: Path) -> None:
    path = tmp_path / "min.json"
    rows = [{"id": 1, "text": "x", "topic": "A"}, {"id": 2, "text": "y", "topic": {"choices": ["A", "B"]}}]
    path.write_text(json.dumps(rows))
    assert [one.label for one in records(path, label_field="topic")] == ["A", ("A", "B")]


def test_gzipped_tools_files_are_known_too(tmp_path: Path) -> None:
    path = tmp_path / "export.json.gz"
    path.write_bytes(gzip.compress(json.dumps(TASKS).encode()))
    assert records(path)[0].label == "Billing"


def test_the_preview_shows_the_plain_rows(tasks: Path) -> None:
    seen = preview(tasks.read_bytes(), "export.json", ReadOptions())
    assert seen.format == "label-studio"
    assert seen.columns == ["text", "ticket", "label", "input_label"]
    assert (seen.suggested.text_fields, seen.suggested.label_field) == (("text",), "label")


ROWS: list[dict[str, Any]] = [
    {
        "id": "1",
        "external_id": "T-1",
        "text": "charged\ttwice\nfor “it”",
        "state": "decided",
        "category": "Hot sauce_s",
        "decided_by": "ann",
        "source": "review",
        "predicted_category": "Login",
        "confidence": 0.61,
        "model_version": 7,
        "fields": {"subject": "x"},
    },
    {"id": "2", "external_id": None, "text": "open one", "state": "undecided", "category": None, "fields": {}},
    {"id": "3", "external_id": "T-3", "text": "odd", "state": "flagged", "category": None, "fields": {}},
]


def written(form: ExportFormat, rows: Sequence[dict[str, Any]], *, several: bool = False) -> bytes:
    out = export_writer(form, COLUMNS, categories=["Hot sauce_s", "Login"], several=several)
    return out.header() + b"".join(out.row(row) for row in rows) + out.footer()


@pytest.mark.parametrize("form", [ExportFormat.LABEL_STUDIO, ExportFormat.PRODIGY, ExportFormat.FASTTEXT])
@pytest.mark.parametrize("several", [False, True])
def test_what_is_written_reads_back(tmp_path: Path, *, form: ExportFormat, several: bool) -> None:
    rows = ROWS if not several else [{**ROWS[0], "category": ["Hot sauce_s", "Login"]}, *ROWS[1:]]
    path = tmp_path / f"a.{form.suffix}"
    path.write_bytes(written(form, rows, several=several))
    found = records(path, format=form.value)
    label = ("Hot sauce_s", "Login") if several else "Hot sauce_s"
    assert [one.label for one in found] == [label, None, None]
    if form is ExportFormat.FASTTEXT:  # one line, no ids
        assert [one.text for one in found] == ["charged twice for “it”", "open one", "odd"]
    else:
        assert [one.text for one in found] == [row["text"] for row in rows]
        assert [one.external_id for one in found] == ["T-1", None, "T-3"]
    assert brief(records(path)) == brief(found) or form is ExportFormat.FASTTEXT


def test_a_label_studio_task_has_its_choices_format() -> None:
    task = json.loads(written(ExportFormat.LABEL_STUDIO, ROWS[:1]))[0]
    value = {"from_name": "category", "to_name": "text", "type": "choices"}
    assert task["data"]["text"] == ROWS[0]["text"]
    (annotation,) = task["annotations"]
    assert annotation["result"] == [{"id": "1a", **value, "value": {"choices": ["Hot sauce_s"]}}]
    (prediction,) = task["predictions"]
    assert (prediction["model_version"], prediction["score"]) == ("7", 0.61)
    assert prediction["result"] == [{"id": "1p", **value, "value": {"choices": ["Login"]}}]


def test_a_prodigy_example_has_what_the_choice_interface_wants() -> None:
    first, second, third = map(json.loads, written(ExportFormat.PRODIGY, ROWS).splitlines())
    assert first["options"] == [{"id": "Hot sauce_s", "text": "Hot sauce_s"}, {"id": "Login", "text": "Login"}]
    assert (first["accept"], first["answer"], first["config"]) == (
        ["Hot sauce_s"],
        "accept",
        {"choice_style": "single"},
    )
    assert first["meta"]["predicted"] == "Login"
    assert "answer" not in second
    assert third["answer"] == "ignore"


def test_a_text_cannot_pass_itself_off_as_a_label() -> None:
    row = {**ROWS[1], "text": "__label__Login hello\n__label__Hot_sauce__s and a__label__b"}
    line = written(ExportFormat.FASTTEXT, [row]).decode()
    assert line.count("\n") == 1
    assert not [word for word in line.split() if word.startswith("__label__")]


def test_batch_answers_stand_in_label_studios_tasks(tasks: Path) -> None:
    given = [
        {**TASKS[0], "data": {**TASKS[0]["data"], "category": "its own"}},
        {"annotations": [], "id": 9},
        *TASKS[1:],
    ]
    tasks.write_text(json.dumps(given))
    options = ReadOptions(format="label-studio")
    data = b"".join(augment(tasks, tasks.name, options, lambda block: [{"category": "A"} for _ in block]))
    first, fault, *others = json.loads(data)
    assert first == {**TASKS[0], "data": {**TASKS[0]["data"], "input_category": "its own", "category": "A"}}
    assert (fault["id"], fault["error"].split(":")[0]) == (9, "line 1, column 1")
    assert others == [{**task, "data": {**task["data"], "category": "A"}} for task in TASKS[1:]]


def test_batch_answers_stand_beside_what_prodigy_wrote(examples: Path) -> None:
    data = b"".join(
        augment(
            examples, examples.name, ReadOptions(), lambda block: [{"category": "A", "confidence": 0.5} for _ in block]
        )
    )
    rows = [json.loads(line) for line in data.splitlines()]
    assert len(rows) == len(EXAMPLES)
    assert rows == [{**one, "category": "A", "confidence": 0.5} for one in EXAMPLES]
