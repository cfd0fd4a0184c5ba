import numpy as np
import pytest

from models.learn.names import clearly_better, say_nothing


@pytest.mark.parametrize("seed", range(5))
def test_names_that_answer_by_chance_say_nothing(seed: int):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 20, 200)
    often = np.where(rng.random(200) < 0.4, truth, rng.integers(0, 20, 200))
    assert say_nothing((truth + 1) % 20, truth)
    assert not say_nothing(often, truth)


def test_names_of_the_commonest_category_are_no_knowledge():
    truth = np.r_[np.zeros(90, np.int64), np.ones(10, np.int64)]
    assert say_nothing(np.zeros(100, np.int64), truth)
    assert not say_nothing(truth, truth)


def test_a_few_decisions_cannot_tell():
    assert not say_nothing(np.zeros(9, np.int64), np.ones(9, np.int64))
    assert say_nothing(np.zeros(10, np.int64), np.ones(10, np.int64))


def test_better_is_more_than_chance():
    rng = np.random.default_rng(0)
    surprise = rng.exponential(1, 300)
    assert clearly_better(surprise, surprise + 0.2 + 0.1 * rng.standard_normal(300))
    assert not clearly_better(surprise + 0.2, surprise)
    assert not clearly_better(surprise, rng.permutation(surprise))
    assert not clearly_better(surprise[:5], surprise[:5] + 1)
