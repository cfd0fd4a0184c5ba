import numpy as np
import pytest

from models.learn.explain import MAX_PIECES, Beside, fields_that_weigh, nearest, words_that_weigh
from models.learn.fields import Choice, FieldFeatures, Number
from models.learn.heads import LinearHead, PrototypeHead
from models.learn.text import compose


def head_for(encoder, names: list[str]) -> PrototypeHead:
    return PrototypeHead().fit(encoder.encode([compose(name) for name in names]), np.arange(len(names)))


def test_the_word_that_decides_weighs_most(encoder):
    text = "Yesterday the striker scored a late goal, and we paid the bill."
    found = words_that_weigh(text, encoder, head_for(encoder, ["football", "billing"]), 0, limit=3)
    assert len(found) == 3
    assert "goal" in found[0].text or "striker" in found[0].text or "bill" in found[0].text
    by_word = {
        word.text: word.weight
        for word in words_that_weigh(text, encoder, head_for(encoder, ["football", "billing"]), 0, 20)
    }
    assert by_word["goal,"] > 0 > by_word["bill."]
    assert [abs(word.weight) for word in found] == sorted((abs(word.weight) for word in found), reverse=True)
    assert all(text[word.start : word.end] == word.text for word in found)


def test_a_long_text_costs_a_bounded_batch(encoder):
    class Counting:
        id, dimensions = encoder.id, encoder.dimensions
        batches: list[int]

        def __init__(self) -> None:
            self.batches = []

        def encode(self, texts):
            self.batches.append(len(texts))
            return encoder.encode([text[:200] for text in texts])

    counting = Counting()
    found = words_that_weigh("one two three " * 500, counting, head_for(encoder, ["a", "b"]), 0, limit=5)
    assert len(found) == 5
    assert len(counting.batches) == 1
    assert counting.batches[0] <= MAX_PIECES + 1


def test_a_text_without_words_has_no_weights(encoder):
    head = head_for(encoder, ["football", "billing"])
    assert words_that_weigh("", encoder, head, 0) == []
    assert words_that_weigh("?!  ...", encoder, head, 0) == []


def test_nearest_is_what_sorting_everything_finds():
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((70_000, 8)).astype(np.float32)
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    rows, similarity = nearest(matrix[69_000], matrix.astype(np.float16), 10)
    assert rows[0] == 69_000
    exact = np.sort(matrix @ matrix[69_000])[::-1][:10]
    np.testing.assert_allclose(similarity, exact, atol=2e-3)


def test_nearest_gives_what_there_is():
    matrix = np.eye(3, dtype=np.float32)
    rows, similarity = nearest(matrix[1], matrix, 10)
    assert rows.tolist() == [1, 0, 2]
    assert similarity.tolist() == [1.0, 0.0, 0.0]
    assert len(nearest(matrix[0], matrix[:0], 5)[0]) == 0
    assert len(nearest(matrix[0], matrix, 0)[0]) == 0


def test_a_field_weighs_what_the_answer_loses_without_it():
    features = FieldFeatures(
        [Number("price", 0, 10, 5, 5, 1, (0.1, 0.3)), Number("age", 0, 10, 5, 5, 1, None)],
        [Choice("brand", ("a", "b"), (0.5, 0.5))],
    )
    head = LinearHead()
    head.classes_ = np.arange(2)
    head.coef_ = np.zeros((2, 3 + features.width), np.float32)
    head.coef_[0, 3] = 3.0
    head.coef_[0, 6:] = -1.0, 1.0
    head.intercept_ = np.zeros(2, np.float32)
    inputs = np.concatenate([[0, 0, 1], features.transform([{"price": 6, "age": 9, "brand": "a"}])[0]]).astype(
        np.float32
    )
    first, second = fields_that_weigh(inputs, features, head, 0)
    assert (first.field, second.field) == ("price", "brand"), "age moves nothing and is not named"
    assert first.weight == pytest.approx(3 / 3**0.5, abs=1e-4)
    assert second.weight == pytest.approx(-1 / 3**0.5, abs=1e-4)
    assert [one.field for one in fields_that_weigh(inputs, features, head, 0, limit=1)] == ["price"]


def test_words_are_weighed_beside_the_record_they_came_with(encoder):
    text = "football tonight"
    head = head_for(encoder, ["football", "billing"])
    wide = LinearHead()
    wide.classes_, wide.intercept_ = head.classes_, np.zeros(2, np.float32)
    wide.coef_ = np.hstack([head.prototypes_, [[1], [-1]]]).astype(np.float32)
    shares = Beside(wide, np.full(1, 2.0, np.float32)).predict_proba(encoder.encode([text]))
    assert shares == pytest.approx(wide.predict_proba(np.hstack([encoder.encode([text]), [[2.0]]])))
