import numpy as np
import pytest

from models.learn.novelty import cohesion, familiarity, groups, typical_words, unfamiliar


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def world():
    """Six directions: four are categories, two are not known."""
    rng = np.random.default_rng(7)
    centres = unit(rng.standard_normal((6, 32)))

    def draw(which, count: int):
        index = rng.choice(which, count)
        return unit(centres[index] + 0.5 * unit(rng.standard_normal((count, 32)))), index

    return centres, draw


def test_what_is_like_nothing_known_is_unfamiliar(world):
    centres, draw = world
    decided, _ = draw(range(4), 200)
    known, _ = draw(range(4), 200)
    new, _ = draw([4, 5], 60)
    far = unfamiliar(np.concatenate([known, new]), decided, centres[:4])
    assert far[:200].mean() <= 0.1
    assert far[200:].mean() >= 0.95


def test_nothing_is_called_new_before_enough_is_decided(world):
    centres, draw = world
    assert not unfamiliar(draw([4], 30)[0], draw(range(4), 19)[0], centres[:4]).any()


def test_a_category_that_is_near_makes_an_item_familiar(world):
    centres, draw = world
    decided, _ = draw(range(4), 100)
    alone = familiarity(centres[4:5], decided, centres[:4])
    assert familiarity(centres[4:5], decided, centres[:5]) == pytest.approx(1.0, abs=1e-5)
    assert alone < 0.7
    assert familiarity(decided, decided, centres[:0], themselves=True).max() < 0.9999


def test_groups_are_the_directions_that_are_not_known(world):
    _, draw = world
    decided, category = draw(range(4), 200)
    new, index = draw([4, 5], 60)
    found = groups(new, cohesion(decided, category) * 0.9)
    assert len(found) == 2
    assert len(found[0].rows) >= len(found[1].rows)
    for group in found:
        assert len(set(index[group.rows].tolist())) == 1
        middle = new[group.rows].mean(axis=0)
        near = new[group.rows] @ middle
        assert near[0] == near.max()
        assert 0.5 < group.likeness <= 1
    assert sum(len(group.rows) for group in found) >= 57


def test_loners_are_no_group():
    assert groups(np.eye(10, dtype=np.float32), 0.5) == []
    assert groups(np.empty((0, 4), np.float32), 0.5) == []
    assert groups(np.ones((1, 4), np.float32) / 2, 0.5) == []


def test_cohesion_is_the_mean_of_all_pairs(world):
    _, draw = world
    x, category = draw(range(3), 40)
    pairs = [float(x[a] @ x[b]) for a in range(40) for b in range(40) if a != b and category[a] == category[b]]
    assert cohesion(x, category) == pytest.approx(np.mean(pairs), abs=1e-5)
    assert cohesion(x[:0], category[:0]) == 0.5


def test_a_group_is_named_by_what_the_others_do_not_say():
    inside = ["The parrot does not talk", "My parrot and its cage", "a cage for the parrot"]
    outside = ["The bill does not add up", "My bill is wrong", "the door and the key", "a key for my door"]
    assert typical_words(inside, outside, 2) == ["parrot", "cage"]
    assert typical_words(["Voilà l'été"], []) == ["voilà", "été"]
    assert typical_words(["12 34"], outside) == []
