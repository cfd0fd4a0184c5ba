"""One encoder for all requests: each gets its own vectors, repeated texts cost nothing, nobody is kept waiting long."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray

from models.errors import EncoderBusy
from models.learn.encoders import Encoder
from models.learn.sharing import PASS_CHARS, PASS_TEXTS, SharedEncoder


class Counting:
    """An encoder that tells a text by its length, and remembers what it was asked."""

    id = "counting"
    dimensions = 1

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.calls.append(list(texts))
        if "broken" in texts:
            raise RuntimeError("broken")
        return np.asarray([[len(text)] for text in texts], np.float32).reshape(-1, 1)


@pytest.fixture
def counting() -> Counting:
    return Counting()


def test_vectors_come_in_the_order_of_the_texts(counting: Counting) -> None:
    shared = SharedEncoder(counting, keep=10)
    assert shared.encode(["ccc", "a", "bb", "a"]).ravel().tolist() == [3, 1, 2, 1]
    assert shared.encode([]).shape == (0, 1)
    assert (shared.id, shared.dimensions) == ("counting", 1)


def test_a_repeated_text_is_not_encoded_again(counting: Counting) -> None:
    repeats: list[int] = []
    shared = SharedEncoder(counting, keep=10, on_repeat=repeats.append)
    shared.encode(["a", "bb"])
    assert shared.encode(["bb", "ccc", "a"]).ravel().tolist() == [2, 3, 1]
    assert counting.calls == [["a", "bb"], ["ccc"]]
    assert repeats == [2]
    assert shared.encode(["ccc"]).ravel().tolist() == [3]
    assert repeats == [2, 1]


def test_texts_that_only_look_alike_are_different_texts(counting: Counting) -> None:
    shared = SharedEncoder(counting, keep=10)
    shared.encode(["Pay"])
    shared.encode(["pay"])
    assert counting.calls == [["Pay"], ["pay"]]


def test_no_more_vectors_are_kept_than_allowed(counting: Counting) -> None:
    shared = SharedEncoder(counting, keep=3)
    for number in range(50):
        shared.encode(["x" * number])
    assert len(shared._kept) == 3
    keeps_nothing = SharedEncoder(counting, keep=0)
    assert keeps_nothing.encode(["a", "a"]).ravel().tolist() == [1, 1]
    assert len(keeps_nothing._kept) == 0


def test_many_and_long_texts_are_encoded_in_several_passes(counting: Counting) -> None:
    shared = SharedEncoder(counting, keep=0)
    texts = [f"{number:04}" for number in range(100)] + ["x" * PASS_CHARS, "y" * (2 * PASS_CHARS), "z"]
    assert shared.encode(texts).ravel().tolist() == [len(text) for text in texts]
    assert all(len(call) <= PASS_TEXTS for call in counting.calls)
    assert all(len(call) == 1 or sum(map(len, call)) <= PASS_CHARS for call in counting.calls)


def test_the_error_of_one_request_is_not_that_of_the_others(counting: Counting) -> None:
    shared = SharedEncoder(counting, keep=0)
    start = threading.Barrier(8)

    def ask(text: str) -> float | None:
        start.wait()
        try:
            return float(shared.encode([text])[0, 0])
        except RuntimeError:
            return None

    texts = ["a", "bb", "broken", "ccc", "dddd", "broken", "eeeee", "ffffff"]
    with ThreadPoolExecutor(len(texts)) as pool:
        assert list(pool.map(ask, texts)) == [1, 2, None, 3, 4, None, 5, 6]


def test_concurrent_requests_get_what_they_would_get_alone(encoder: Encoder) -> None:
    texts = [f"question number {number} about " + "my parcel " * (number % 7) for number in range(40)]
    alone = encoder.encode(texts)
    shared = SharedEncoder(encoder, keep=0)
    with ThreadPoolExecutor(8) as pool:
        found = np.vstack(list(pool.map(lambda text: shared.encode([text]), texts)))
    assert float((found * alone).sum(axis=1).min()) > 0.9999


def test_what_takes_too_long_is_given_up_and_goes_on_from_there_when_asked_again(counting: Counting) -> None:
    texts = [f"{number:04}" for number in range(3 * PASS_TEXTS)]
    hasty = SharedEncoder(counting, keep=1000, patience=0.0)
    for done in (0, 1, 2):
        with pytest.raises(EncoderBusy):
            hasty.encode(texts)
        assert len(counting.calls) == done, "no pass is begun once the time is over"
        hasty._patience = 3600.0
        hasty.encode(texts[: (done + 1) * PASS_TEXTS])  # as far as a first request came
        hasty._patience = 0.0
    hasty._patience = 3600.0
    assert hasty.encode(texts).ravel().tolist() == [4.0] * len(texts)
    assert len(counting.calls) == 3
