"""Groups of like items, and the plane they are drawn on."""

import numpy as np

from models.learn.alike import NEARLY_THE_SAME, alike, least_likeness
from models.learn.projection import plane


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def clouds(count: int = 20) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three clouds; the first two get the same answer."""
    rng = np.random.default_rng(3)
    middles = np.eye(12)[:3]
    x = unit(np.repeat(middles, count, axis=0) + rng.normal(0, 0.05, (3 * count, 12)))
    category = np.repeat([1, 1, 2], count).astype(np.int64)
    confidence = rng.uniform(0.6, 0.99, 3 * count).astype(np.float32)
    return x, category, confidence


def test_a_group_is_one_cloud_with_one_answer_and_no_item_is_in_two() -> None:
    x, category, confidence = clouds()
    found = alike(x, category, confidence, least=0.7, groups=10, size=30)
    assert sorted(len(one.rows) for one in found) == [20, 20, 20]
    rows = np.concatenate([one.rows for one in found])
    assert len(rows) == len(set(rows.tolist()))
    assert all(len(set((one.rows // 20).tolist())) == 1 for one in found)
    assert all(0.7 <= one.likeness <= 1 for one in found)


def test_what_settles_most_comes_first_and_nothing_is_larger_than_asked() -> None:
    x, category, confidence = clouds()
    confidence[40:] = 0.999
    found = alike(x, category, confidence, least=0.7, groups=2, size=12)
    assert len(found) == 2
    assert [len(one.rows) for one in found] == [12, 12]
    assert category[found[0].rows[0]] == 2


def test_single_items_and_unlike_ones_make_no_group() -> None:
    x = np.eye(8, dtype=np.float32)
    ones = np.ones(8, np.int64)
    assert alike(x, ones, ones.astype(np.float32), least=0.5, groups=5, size=5) == []
    assert alike(x[:0], ones[:0], ones[:0].astype(np.float32), least=0.5, groups=5, size=5) == []


def test_what_counts_as_alike_follows_the_collection() -> None:
    rng = np.random.default_rng(0)
    scattered = unit(rng.normal(size=(700, 12)))
    narrow = unit(rng.normal(size=(700, 12)) + 4)
    assert least_likeness(scattered, rng) < least_likeness(narrow, rng) <= 1
    assert least_likeness(scattered[:1], rng) == 1.0
    copies = unit(np.ones((40, 12)) + rng.normal(0, 0.01, (40, 12)))
    assert least_likeness(copies, rng) == NEARLY_THE_SAME


def test_a_picture_is_the_same_each_time_and_keeps_clouds_apart() -> None:
    x, category, _ = clouds()
    flat = plane(x)
    assert flat.shape == (60, 2)
    assert np.array_equal(flat, plane(x))
    assert float(np.abs(flat).max()) <= 1.0
    middles = [flat[start : start + 20].mean(axis=0) for start in (0, 20, 40)]
    spread = max(float(flat[start : start + 20].std()) for start in (0, 20, 40))
    assert min(float(np.linalg.norm(middles[a] - middles[b])) for a, b in ((0, 1), (0, 2), (1, 2))) > 2 * spread
    assert category.size


def test_few_items_are_drawn_too() -> None:
    assert plane(np.empty((0, 5), np.float32)).shape == (0, 2)
    assert plane(np.ones((1, 5), np.float32)).tolist() == [[0.0, 0.0]]
    assert plane(np.asarray([[1.0], [2.0]], np.float32)).shape == (2, 2)
