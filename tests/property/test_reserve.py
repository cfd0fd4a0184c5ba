"""The reserve: a uniform share of the pool, fixed for good, that nobody can guess without the salt."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.steps.reserve import audit_order, is_reserved, places

SALTS = st.text("0123456789abcdef", min_size=32, max_size=32)
RATES = st.floats(0, 0.5)


@given(salt=SALTS, start=st.integers(1, 10**12), rate=RATES)
def test_the_share_is_the_rate(salt: str, start: int, rate: float) -> None:
    count = 4_000
    ids = np.arange(start, start + count, dtype=np.int64)
    deviation = 6 * np.sqrt(count * max(rate * (1 - rate), 1 / count))  # six sigma: never by chance
    assert abs(is_reserved(salt, ids, rate).sum() - rate * count) <= deviation


@given(salt=SALTS, start=st.integers(1, 10**12))
def test_places_are_uniform_also_along_the_ids(salt: str, start: int) -> None:
    ids = np.arange(start, start + 4_000, dtype=np.int64)
    found = places(salt, ids)
    assert np.all((found >= 0) & (found < 1))
    expected = (np.arange(len(ids)) + 0.5) / len(ids)
    assert np.abs(np.sort(found) - expected).max() < 0.05  # Kolmogorov-Smirnov: 0.05 is p < 1e-8 here
    assert abs(np.corrcoef(found[:-1], found[1:])[0, 1]) < 0.1
    assert abs(np.corrcoef(found, np.arange(len(ids)))[0, 1]) < 0.1


@given(salt=SALTS, ids=st.lists(st.integers(1, 10**15), unique=True, max_size=200), low=RATES, high=RATES)
def test_a_place_depends_on_the_item_alone(salt: str, ids: list[int], low: float, high: float) -> None:
    array = np.asarray(ids, np.int64)
    alone = [bool(is_reserved(salt, np.asarray([one], np.int64), low)[0]) for one in ids]
    assert is_reserved(salt, array, low).tolist() == alone
    narrow, wide = sorted((low, high))
    assert np.all(is_reserved(salt, array, wide)[is_reserved(salt, array, narrow)])
    order = audit_order(salt, array)
    assert sorted(order.tolist()) == sorted(ids)
    assert np.all(np.diff(places(salt, order)) >= 0)


def test_another_salt_reserves_other_items() -> None:
    ids = np.arange(1, 10_001, dtype=np.int64)
    one, other = is_reserved("a" * 32, ids, 0.1), is_reserved("b" * 32, ids, 0.1)
    assert (one & other).sum() / one.sum() == pytest.approx(0.1, abs=0.05)
