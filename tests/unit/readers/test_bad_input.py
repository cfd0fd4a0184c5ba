"""Line by line, what a file can do wrong: a clear error with its place, the good rows kept, time and memory bounded."""

import gzip
from pathlib import Path

import pytest

from models.errors import Invalid
from models.readers import ReadOptions, Record, RowError, preview, read


def taken(tmp_path: Path, data: bytes, name: str = "a.csv", **wanted) -> list[Record | RowError]:
    path = tmp_path / "upload"
    path.write_bytes(data)
    return list(read(path, name, ReadOptions(**wanted)))


def errors(outcomes: list[Record | RowError]) -> list[tuple[int, int, str]]:
    return [(o.line, o.column, o.code) for o in outcomes if isinstance(o, RowError)]


def texts(outcomes: list[Record | RowError]) -> list[str]:
    return [o.text for o in outcomes if isinstance(o, Record)]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf \n", "empty"),
        (bytes(range(256)) * 50, "binary"),
        (b"PK\x03\x04" + b"x" * 100, "Excel"),
        (gzip.compress(gzip.compress(b"text\nhello\n", mtime=0), mtime=0), "twice"),
        (gzip.compress(b"text\n" + b"ab\n" * 10_000_000, mtime=0), "200 times"),
    ],
)
def test_a_file_that_cannot_be_read_says_why_at_once(tmp_path: Path, data: bytes, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        taken(tmp_path, data)


def test_each_bad_csv_row_has_its_place_and_the_good_ones_stay(tmp_path: Path) -> None:
    data = (
        b'id,text\n1,hello\n2,caf\xe9 x\n3,"multi\nline"\n4\n5,a,b\n6,"open\n7,fine\n8,"x"y\n9,n\x00ul\n10,ok\n11, \n'
    )
    outcomes = taken(tmp_path, data)
    assert texts(outcomes) == ["hello", "multi\nline", "fine", "ok"]
    assert errors(outcomes) == [
        (3, 6, "not-decodable"),
        (6, 2, "ragged-row"),
        (7, 5, "ragged-row"),
        (8, 3, "unclosed-quote"),
        (10, 6, "stray-quote"),
        (11, 4, "nul-character"),
        (13, 1, "empty-text"),
    ]


def test_a_quote_that_never_closes_costs_one_row(tmp_path: Path) -> None:
    outcomes = taken(tmp_path, b'id,text\n1,"open\n' + b"2,line\n" * 20_000, max_row_chars=10_000)
    assert errors(outcomes) == [(2, 3, "unclosed-quote")]
    assert texts(outcomes) == ["line"] * 20_000


def test_a_cell_of_a_million_characters_is_set_aside(tmp_path: Path) -> None:
    outcomes = taken(tmp_path, b"id,text\n1," + b"x" * 1_000_001 + b"\n2,ok\n")
    assert errors(outcomes) == [(2, 3, "cell-too-long")]
    assert texts(outcomes) == ["ok"]
    assert len(outcomes[0].row) <= 2_000


@pytest.mark.parametrize("name", ["a.csv", "a.txt", "a.jsonl"])
def test_a_line_longer_than_any_row_is_passed_over(tmp_path: Path, name: str) -> None:
    good = b'"fine"\n'
    outcomes = taken(tmp_path, good + b"y" * 900_000 + b"\n" + good, name, max_row_chars=100_000)
    assert (2, 1, "row-too-long") in errors(outcomes)
    assert isinstance(outcomes[-1], Record)
    assert outcomes[-1].line == 3


def test_unknown_columns_are_named_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"no column 'body'; its columns are: id, text"):
        taken(tmp_path, b"id,text\n1,ok\n", text_fields=("body",))


@pytest.mark.parametrize("closing", [b"]" * 10_000, b""])
def test_json_nested_ten_thousand_deep(tmp_path: Path, closing: bytes) -> None:
    outcomes = taken(tmp_path, b'[{"text":"ok"},' + b"[" * 10_000 + closing, "a.json")
    assert texts(outcomes) == ["ok"]
    assert errors(outcomes)[0] == (1, 16, "too-deep")


def test_bad_json_lines(tmp_path: Path) -> None:
    deep = b'{"text":' + b"[" * 10_000 + b"]" * 10_000 + b"}"
    rows = [
        b'{"text":"a"}',
        b"{bad",
        b'{"text":"b\\u0000"}',
        b'{"text":"\\ud800"}',
        deep,
        b'{"text":NaN}',
        b"7",
        b'"z"',
    ]
    outcomes = taken(tmp_path, b"\n".join(rows), "a.jsonl")
    assert texts(outcomes) == ["a", "z"]
    assert errors(outcomes) == [
        (2, 2, "not-json"),
        (3, 1, "nul-character"),
        (4, 1, "not-decodable"),
        (5, 1, "too-deep"),
        (6, 1, "not-json"),
        (7, 1, "not-an-object"),
    ]


def test_a_broken_element_of_an_array_costs_itself(tmp_path: Path) -> None:
    by_line = b'[\n  {"text":"a"},\n  {"text":"b,\n  {"text":"c"},\n  {"text":"\xff\xff"},\n  {"text":"d"}\n]'
    outcomes = taken(tmp_path, by_line, "a.json")
    assert texts(outcomes) == ["a", "c", "d"]
    assert errors(outcomes) == [(3, 14, "not-json"), (5, 12, "not-decodable")]
    in_one = taken(tmp_path, b'[{"text":"a"},{"text":},{"text":"b"}]', "a.json")
    assert texts(in_one) == ["a", "b"]
    assert errors(in_one) == [(1, 23, "not-json")]


def test_a_gzip_that_ends_early_keeps_what_came_before(tmp_path: Path) -> None:
    outcomes = taken(tmp_path, gzip.compress(b"one\ntwo\nthree\n" * 9)[:-9], "a.txt.gz")
    assert texts(outcomes)[:2] == ["one", "two"]
    assert outcomes[-1].code == "broken-file"


@pytest.mark.parametrize(
    ("text", "name"), [("text;z\nré;1\n", "a.csv"), ("ab\ncé\n", "a.txt"), ("thé\ncafé\nGrüße\n", "a.txt")]
)
def test_a_tiny_legacy_file_is_read_as_such(tmp_path: Path, text: str, name: str) -> None:
    wanted = [line.partition(";")[0] for line in text.splitlines()]
    found = texts(taken(tmp_path, text.encode("latin-1"), name))
    assert found == (wanted[1:] if name == "a.csv" else wanted)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1252"])
def test_encodings_are_found(tmp_path: Path, encoding: str) -> None:
    rows = ["Grüße aus Köln", "Schöne Übung", "größer für Ärzte"]
    outcomes = taken(tmp_path, ("id,text\n" + "".join(f"{i},{row}\n" for i, row in enumerate(rows))).encode(encoding))
    assert texts(outcomes) == rows


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"', "SEP=;\r", "\ufeffsep=;"])
@pytest.mark.parametrize("name", ["a.csv", "a"])
def test_a_first_line_for_excel_says_what_parts_the_cells(tmp_path: Path, first: str, name: str) -> None:
    data = f"{first}\nid;text\n1;a, b, c\n2;d, e, f\n3\n".encode()
    outcomes = taken(tmp_path, data, name=name)
    assert texts(outcomes) == ["a, b, c", "d, e, f"]
    assert errors(outcomes) == [(5, 2, "ragged-row")]
    assert preview(data, name, ReadOptions()).columns == ["id", "text"]
    named = taken(tmp_path, data, name=name, format="csv", delimiter="|")
    assert texts(named)[0] == "1;a, b, c"  # what is named goes before
    assert texts(taken(tmp_path, b"sep=\t\nid\ttext\n1\ta;b\n2\tc;d\n", name=name)) == ["a;b", "c;d"]


def test_skip_passes_over_what_was_taken_before(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"id,text\n1,a\n2\n3,c\n4,d\n")
    whole = list(read(path, path.name, ReadOptions()))
    for done in range(6):
        assert list(read(path, path.name, ReadOptions(), skip=done)) == whole[done:]


def test_preview_suggests_columns() -> None:
    seen = preview(b"id;subject;body;label\n1;Hi;I was charged;Billing\n2;Yo\n", "a.csv", ReadOptions())
    assert (seen.format, seen.delimiter, seen.encoding) == ("csv", ";", "utf-8")
    assert seen.suggested.text_fields == ("subject", "body")
    assert (seen.suggested.id_field, seen.suggested.label_field) == ("id", "label")
    assert errors(seen.errors) == [(3, 5, "ragged-row")]
