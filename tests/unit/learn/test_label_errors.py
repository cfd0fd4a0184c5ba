import numpy as np
import pytest

from models.learn.label_errors import suspects
from models.learn.training import held_out_probabilities


def find(source, x, y):
    return suspects(x, y, held_out_probabilities(x, y, source.prototypes, source.classes), source.classes)


def flipped(source, y, share: float):
    """The same decisions with some of them wrong; and which."""
    wrong = np.sort(source.rng.choice(len(y), round(share * len(y)), replace=False))
    step = source.rng.integers(1, len(source.classes), len(wrong))
    answers = y.copy()
    answers[wrong] = source.classes[(np.searchsorted(source.classes, y[wrong]) + step) % len(source.classes)]
    return answers, wrong


@pytest.mark.parametrize("seed", range(4))
def test_wrong_decisions_come_first_and_the_right_category_is_named(blobs, seed: int):
    source = blobs(categories=5, spread=0.9, seed=seed)
    x, y = source.draw(400)
    answers, wrong = flipped(source, y, 0.05)
    found = find(source, x, answers)
    first = found.rows[: len(wrong)]
    assert np.isin(first, wrong).mean() >= 0.8
    assert np.isin(wrong, found.rows).mean() >= 0.8
    right = np.isin(found.rows, wrong)
    assert (found.suggested[right] == y[found.rows[right]]).mean() > 0.9


def test_scores_fall_and_nothing_is_suggested_that_was_given(blobs):
    source = blobs(categories=4, spread=1.2, seed=9)
    x, y = source.draw(300)
    answers, _ = flipped(source, y, 0.1)
    found = find(source, x, answers)
    assert len(found) == len(set(found.rows.tolist())) > 0
    assert (np.diff(found.score) <= 0).all()
    assert ((found.score > 0.5) & (found.score <= 1)).all()
    assert (found.suggested != answers[found.rows]).all()


def test_clean_decisions_of_clear_categories_are_left_alone(blobs):
    source = blobs(categories=4, spread=0.3, seed=2)
    x, y = source.draw(300)
    assert len(find(source, x, y)) == 0


def test_the_witness_has_not_seen_the_decision(blobs):
    """A lone wrong decision on a far-off item would be defended by a head that was fitted on it."""
    source = blobs(categories=3, spread=0.4, seed=5)
    x, y = source.draw(60)
    answers = y.copy()
    answers[7] = source.classes[(np.searchsorted(source.classes, y[7]) + 1) % 3]
    found = find(source, x, answers)
    assert found.rows.tolist() == [7]
    assert found.suggested.tolist() == [y[7]]


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_decisions_accuse_nobody(blobs, count: int):
    source = blobs(categories=2)
    x, y = source.draw(count)
    assert len(suspects(x, y, np.full((count, 2), 0.5, np.float32), source.classes)) == 0
