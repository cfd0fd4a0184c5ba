"""The best first: the same order as sorting everything, ties as they stand, whatever the block."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.pool.ranking import best_first


@given(st.lists(st.integers(0, 6), max_size=300), st.integers(1, 20))
@settings(max_examples=60, deadline=None)
def test_the_blocks_together_are_the_sorted_array(values: list[int], size: int) -> None:
    key = np.asarray(values, np.float64)
    blocks = list(best_first(key, size))
    assert [place for block in blocks for place in block.tolist()] == np.argsort(key, kind="stable").tolist()
    assert all(len(block) == size for block in blocks[:-1])


@pytest.mark.parametrize("size", [1, 50])
def test_what_is_not_asked_for_is_not_sorted(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    key = np.random.default_rng(0).random(10_000)
    sorted_so_far = []
    argsort = np.argsort

    def watched(array: np.ndarray, **more: str) -> np.ndarray:
        sorted_so_far.append(len(array))
        return argsort(array, **more)

    monkeypatch.setattr(np, "argsort", watched)
    first = next(best_first(key, size))
    assert len(first) == size
    assert sum(sorted_so_far) <= 4 * size
