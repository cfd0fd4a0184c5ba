"""Kept vectors are those that were put, however places are given to others and whoever asks meanwhile."""

from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.learn import kept
from models.learn.kept import KeptVectors


def vector(number: int) -> np.ndarray:
    return np.full(3, number, np.float32)


@given(
    most=st.integers(0, 7),
    block=st.integers(1, 4),
    acts=st.lists(st.tuples(st.booleans(), st.integers(0, 11)), max_size=60),
)
def test_it_answers_as_a_plain_mapping_of_bounded_size_would(
    most: int, block: int, acts: list[tuple[bool, int]]
) -> None:
    plain: OrderedDict[int, int] = OrderedDict()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kept, "BLOCK", block)
        vectors = KeptVectors(most, 3)
        for turn, (puts, key) in enumerate(acts):
            if puts:
                vectors.put(bytes([key]), vector(turn))
                plain[key] = turn
                plain.move_to_end(key)
                while len(plain) > most:
                    plain.popitem(last=False)
            else:
                found = vectors.get(bytes([key]))
                assert (None if found is None else found.tolist()) == (
                    vector(plain[key]).tolist() if key in plain else None
                )
                if key in plain:
                    plain.move_to_end(key)
            assert len(vectors) == len(plain)
        assert sum(len(one) for one in vectors._blocks) <= most


def test_what_was_given_out_stays_as_it_is() -> None:
    vectors = KeptVectors(1, 3)
    vectors.put(b"a", vector(1))
    found = vectors.get(b"a")
    vectors.put(b"b", vector(2))
    assert found is not None
    assert found.tolist() == [1, 1, 1]
    assert vectors.get(b"a") is None


def test_nobody_gets_the_vector_of_another_text() -> None:
    vectors = KeptVectors(5, 3)

    def ask(seed: int) -> None:
        for key in np.random.default_rng(seed).integers(0, 12, 500).tolist():
            vectors.put(bytes([key]), vector(key))
            found = vectors.get(bytes([key]))
            assert found is None or found.tolist() == vector(key).tolist()

    with ThreadPoolExecutor(4) as pool:
        for one in [pool.submit(ask, seed) for seed in range(4)]:
            one.result()
    assert len(vectors) == 5
