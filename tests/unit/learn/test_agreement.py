import numpy as np
import pytest

from models.learn.agreement import agreement


def flat(units: list[list[int]]):
    return (
        np.asarray([place for place, unit in enumerate(units) for _ in unit], np.int64),
        np.asarray([value for unit in units for value in unit], np.int64),
    )


def test_the_example_of_krippendorff():
    """Four observers, twelve units, "Computing Krippendorff's Alpha-Reliability" (2011), section C: 0.743."""
    units = [
        [1, 1, 1],
        [2, 2, 3, 2],
        [3, 3, 3, 3],
        [3, 3, 3, 3],
        [2, 2, 2, 2],
        [1, 2, 3, 4],
        [4, 4, 4, 4],
        [1, 1, 2, 1],
        [2, 2, 2, 2],
        [5, 5, 5],
        [1, 1],
        [3],
    ]
    found = agreement(*flat(units))
    assert found.alpha == pytest.approx(0.743, abs=5e-4)
    assert (found.items, found.answers, found.same) == (11, 40, 8)
    assert found.low < found.alpha < found.high
    assert found.same_low < 8 / 11 < found.same_high


def test_answers_by_chance_agree_not_at_all():
    rng = np.random.default_rng(3)
    found = agreement(np.repeat(np.arange(2_000), 2), rng.integers(0, 4, 4_000))
    assert found.low < 0 < found.high
    assert found.high - found.low < 0.1


@pytest.mark.parametrize(("people", "error"), [(2, 0.1), (3, 0.25)])
def test_the_interval_covers_what_many_items_would_give(people: int, error: float):
    rng = np.random.default_rng(11)

    def answers(items: int):
        truth = np.repeat(rng.integers(0, 3, items), people)
        wrong = rng.random(len(truth)) < error
        return np.repeat(np.arange(items), people), np.where(wrong, (truth + rng.integers(1, 3, len(truth))) % 3, truth)

    truth = agreement(*answers(60_000)).alpha
    covered = [found.low <= truth <= found.high for found in (agreement(*answers(120), seed=n) for n in range(80))]
    assert np.mean(covered) >= 0.88


def test_perfect_agreement_on_few_items_is_not_certainty():
    few = agreement(*flat([[0, 0], [1, 1], [0, 0], [1, 1]]))
    many = agreement(*flat([[0, 0], [1, 1]] * 200))
    assert few.alpha == many.alpha == few.high == 1
    assert few.low < 0
    assert 0.95 < many.low < 1


def test_one_category_alone_says_nothing():
    found = agreement(*flat([[7, 7], [7, 7]]))
    assert (found.alpha, found.low, found.high, found.items, found.same) == (None, None, None, 2, 2)


@pytest.mark.parametrize("units", [[], [[1], [2], [3]]])
def test_items_that_one_person_decided_show_no_agreement(units: list[list[int]]):
    found = agreement(*flat(units))
    assert (found.alpha, found.items, found.answers) == (None, 0, 0)
    assert (found.same_low, found.same_high) == (0.0, 1.0)
