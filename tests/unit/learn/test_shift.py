import numpy as np
import pytest

from models.learn.shift import shift_test


def draw(rng: np.random.Generator, count: int, mix: list[float], move: float = 0.0):
    category = rng.choice(len(mix), count, p=mix)
    centre = np.eye(len(mix), 16)[category]
    vectors = centre + 0.4 * rng.standard_normal((count, 16))
    vectors[:, -1] += move
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), category.astype(np.int64)


def test_chance_alone_is_a_shift_as_seldom_as_the_level_says():
    rng = np.random.default_rng(0)
    found = [
        shift_test(*draw(rng, 150, [0.5, 0.3, 0.2]), *draw(rng, 60, [0.5, 0.3, 0.2]), seed=run) for run in range(120)
    ]
    assert np.mean([one.either <= 0.05 for one in found]) <= 0.09
    assert 0.3 < np.mean([one.meaning for one in found]) < 0.7
    assert 0.3 < np.mean([one.categories for one in found]) < 0.75


def test_another_mix_of_categories_is_noticed():
    rng = np.random.default_rng(1)
    found = shift_test(*draw(rng, 300, [0.6, 0.3, 0.1]), *draw(rng, 100, [0.2, 0.3, 0.5]))
    assert found.categories == pytest.approx(1 / 500)
    assert found.either <= 0.01


def test_another_meaning_within_the_same_mix_is_noticed():
    rng = np.random.default_rng(2)
    found = shift_test(*draw(rng, 300, [0.5, 0.5]), *draw(rng, 100, [0.5, 0.5], move=0.5))
    assert found.meaning == pytest.approx(1 / 500)
    assert found.categories > 0.05


def test_the_same_items_in_the_same_places_give_the_same_answer():
    rng = np.random.default_rng(3)
    samples = (*draw(rng, 50, [0.5, 0.5]), *draw(rng, 50, [0.5, 0.5]))
    assert shift_test(*samples, seed=4) == shift_test(*samples, seed=4)


@pytest.mark.parametrize(("before", "after"), [(0, 5), (5, 0), (0, 0)])
def test_an_empty_sample_proves_nothing(before: int, after: int):
    rng = np.random.default_rng(5)
    found = shift_test(*draw(rng, before, [0.5, 0.5]), *draw(rng, after, [0.5, 0.5]))
    assert found.either == 1.0


def test_one_item_on_either_side_cannot_prove_anything():
    rng = np.random.default_rng(6)
    assert shift_test(*draw(rng, 1, [0.5, 0.5]), *draw(rng, 1, [0.5, 0.5])).either == 1.0
