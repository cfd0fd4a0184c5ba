"""Which fields are found, what becomes of values, and that it is what scikit-learn's transformer makes of them."""

import json
import math
from typing import Any

import numpy as np
import pytest

from models.learn.field_finding import Known, column_transformer, find_fields
from models.learn.fields import FARTHEST, MOST_COLUMNS, FieldFeatures, choice, missing, number

BRANDS = ("Acme", "Bolt", "Crux", "Dyno")


def goods(count: int = 60, **more: Any) -> list[Known]:
    """Things for sale: what they weigh and cost in no order, and a brand."""
    rng = np.random.default_rng(0)
    return [
        Known(
            f"thing number {at}",
            {
                "title": f"thing number {at}",
                "price": f"{rng.lognormal(3):.2f}",
                "grams": int(rng.integers(10, 900)) if at % 6 else None,
                "brand": BRANDS[int(rng.integers(4))],
                **{name: make(at) for name, make in more.items()},
            },
            ("Tools" if at % 2 else "Toys",),
        )
        for at in range(count)
    ]


def found(records: list[Known], *never: str) -> FieldFeatures:
    features = find_fields(records, never)
    assert features is not None
    return features


def test_numbers_and_few_short_words_are_found_and_the_text_is_not() -> None:
    features = found(goods())
    assert [one.name for one in features.numbers] == ["price", "grams"]
    assert [one.name for one in features.choices] == ["brand"]
    assert features.width == 2 + 1 + 4, "a column for each number, one for what is missing, one for each brand"
    assert features.names[features.owners[2]] == "grams"


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("line", lambda at: at),
        ("made_at", lambda at: 1_700_000_000 + 60 * at + at % 3),
        ("batch", lambda at: at // 7),
        ("countdown", lambda at: str(1000 - at)),
        ("always", lambda at: 3),  # noqa: ARG005
        ("nothing", lambda at: ""),  # noqa: ARG005
        ("code", lambda at: f"X-{at:04}"),
        ("essay", lambda at: f"{'long words and ' * 9}{at % 3}"),
        ("seldom", lambda at: at if at % 9 == 0 else None),
        ("answer", lambda at: "tools" if at % 2 else "TOYS"),
        ("answers", lambda at: ["Tools" if at % 2 else "Toys"]),
        ("nested", lambda at: {"deep": at % 3}),
        ("headline", lambda at: f"thing number {at}"),
    ],
)
def test_what_cannot_say_anything_of_new_records_is_left_out(name: str, make: Any) -> None:
    assert name not in found(goods(**{name: make})).names


def test_what_a_sender_calls_an_id_or_an_answer_is_left_out() -> None:
    assert "price" not in found(goods(), "Price ").names


def test_too_few_records_or_no_fields_give_nothing() -> None:
    assert find_fields(goods(9)) is None
    assert find_fields([Known("a text", {"text": "a text"})] * 50) is None


def test_columns_are_those_of_the_transformer() -> None:
    records = goods()
    features = found(records)
    low, high = zip(*((one.low, one.high) for one in features.numbers), strict=True)
    numbers = np.asarray([[number(one.fields[name]) for name in ("price", "grams")] for one in records]).clip(low, high)
    rows = np.hstack([numbers.astype(object), [[choice(one.fields["brand"])] for one in records]])
    made = column_transformer(2, 1).fit_transform(rows).astype(np.float64)
    expected = made.clip(-FARTHEST, FARTHEST) / math.sqrt(3)
    assert features.transform([one.fields for one in records]) == pytest.approx(expected, abs=1e-6)


def test_their_size_is_that_of_a_vector_however_many_there_are() -> None:
    rng = np.random.default_rng(1)
    many = [Known("", {f"n{at}": float(value) for at, value in enumerate(row)}) for row in rng.normal(size=(80, 40))]
    columns = found(many).transform([one.fields for one in many])
    assert np.linalg.norm(columns, axis=1).mean() == pytest.approx(1.0, abs=0.1)


def test_wild_missing_and_unseen_values_say_little_or_nothing() -> None:
    features = found(goods())
    usual, wild, never, empty = features.transform(
        [
            {"price": 20, "grams": 400, "brand": "acme "},
            {"price": 1e90, "grams": "-1e99", "brand": "ACME"},
            {"price": "cheap", "grams": 10**400, "brand": "Nobody"},
            {},
        ]
    )
    assert np.isfinite([usual, wild, never, empty]).all()
    assert np.abs([usual, wild, never, empty]).max() <= FARTHEST
    assert (wild[-4:] == usual[-4:]).all(), "case and white space do not make another brand"
    assert (never == empty).all()
    assert np.abs(empty[0]) < np.abs(wild[0]), "a missing price is the usual one"


def test_rare_values_share_a_column_with_unseen_ones() -> None:
    records = goods(shade=lambda at: f"rare {at}" if at < 5 else ("red", "blue")[at % 2])
    features = found(records)
    [shade] = [one for one in features.choices if one.name == "shade"]
    assert (shade.values, len(shade.shares)) == (("blue", "red"), 3)
    rare, unseen = features.transform([records[0].fields, {**records[0].fields, "shade": "mauve"}])
    assert (rare == unseen).all()


def test_columns_are_bounded() -> None:
    rng = np.random.default_rng(2)
    wide = [
        Known("", {f"w{field:03}": f"v{value}" for field, value in enumerate(row)})
        for row in rng.integers(0, 18, (300, 40))
    ]
    features = found(wide)
    assert MOST_COLUMNS - 21 < features.width <= MOST_COLUMNS
    assert features.transform([wide[0].fields]).shape == (1, features.width)


def test_the_order_of_the_keys_changes_nothing() -> None:
    records = goods()
    turned = [Known(one.text, dict(reversed(one.fields.items())), one.categories) for one in records]
    assert found(records).key == found(turned).key


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, 3.0), ("3", 3.0), (" -4.5e2 ", -450.0), ("$1,234.50", 1234.5), ("12,5", 12.5), ("7 %", 7.0), (".5", 0.5),
        (True, None), ("", None), ("12 kg", None), ("1_000", None), ("nan", None), ("inf", None), ("1e999", None),
        (None, None), ([1], None), ("٣", None), (10**400, None), ("9" * 500, None),
    ],
)  # fmt: skip
def test_numbers_are_read_as_they_are_written(value: Any, expected: float | None) -> None:
    read = number(value)
    assert math.isnan(read) if expected is None else read == expected


def test_what_is_missing() -> None:
    assert all(map(missing, (None, "", "  ", "N/A", "null", "-")))
    assert not any(map(missing, (0, False, "0", "no", [])))


@pytest.mark.parametrize(
    "told",
    [
        None,
        {},
        {"numbers": [], "choices": []},
        {"numbers": [{"name": "a"}], "choices": []},
        {"numbers": [], "choices": [{"name": "a", "values": ["x"], "shares": []}]},
        {"numbers": [], "choices": [{"name": "a", "values": ["x"], "shares": ["1"]}]},
        {"numbers": [], "choices": [{"name": 3, "values": ["x"], "shares": [0.5]}]},
    ],
)
def test_what_no_version_wrote_is_refused(told: Any) -> None:
    with pytest.raises(ValueError, match="no fields"):
        FieldFeatures.of(told)


@pytest.mark.parametrize(("key", "value"), [("spread", 0), ("mean", True), ("low", "1"), ("more", 1.0)])
def test_a_number_that_cannot_be_is_refused(key: str, value: Any) -> None:
    told = json.loads(json.dumps(found(goods()).told()))
    told["numbers"][0][key] = value
    with pytest.raises(ValueError, match="no fields"):
        FieldFeatures.of(told)
