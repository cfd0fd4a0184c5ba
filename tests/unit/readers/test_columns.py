"""Which columns are taken for the text, where no name tells."""

from models.readers.columns import choose, suggest
from models.readers.records import ReadOptions

FLOWERS = [
    {"id": at, "length": f"{5 + at / 10}", "width": 3 + at % 5, "kind": ("red", "blue")[at % 2]} for at in range(8)
]
NAMES = list(FLOWERS[0])


def test_numbers_beside_a_few_words_are_the_text_together() -> None:
    found = suggest(NAMES, FLOWERS)
    assert (found.text_fields, found.id_field, found.label_field) == (("length", "width"), "id", "kind")


def test_a_record_of_numbers_alone_is_its_own_text() -> None:
    bare = [{name: row[name] for name in ("length", "width")} for row in FLOWERS]
    assert suggest(["length", "width"], bare).text_fields == ("length", "width")


def test_words_that_differ_are_the_text() -> None:
    told = [{**row, "kind": f"flower {at}"} for at, row in enumerate(FLOWERS)]
    assert suggest(NAMES, told).text_fields == ("kind",)
    assert suggest(NAMES, told).label_field is None


def test_what_is_named_as_the_answer_is_no_text() -> None:
    told = [{**row, "kind": f"{'long ' * 9}{at}"} for at, row in enumerate(FLOWERS)]
    chosen = choose(NAMES, told, ReadOptions(id_field="id", label_field="kind"), complete=True)
    assert (chosen.text_fields, chosen.label_field) == (("length", "width"), "kind")
