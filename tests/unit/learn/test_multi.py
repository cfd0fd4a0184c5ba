"""Several categories an item, on made data whose truth is known."""

import numpy as np
import pytest

from models.errors import TooLittleToLearn
from models.learn.bundle import load, save
from models.learn.calibration import calibration_error
from models.learn.multi import MultiHead, fit_multi

CLASSES = np.array([3, 5, 8, 13])
SIZE = 24


def draw(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Items that are the sum of the directions of their categories, and the directions."""
    rng = np.random.default_rng(seed)
    directions = np.linalg.qr(np.random.default_rng(99).standard_normal((SIZE, len(CLASSES))))[0].T.astype(np.float32)
    member = rng.random((count, len(CLASSES))) < 0.35
    member[np.arange(count), rng.integers(0, len(CLASSES), count)] = True
    x = member.astype(np.float32) @ directions + 0.25 * rng.standard_normal((count, SIZE)).astype(np.float32)
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32), member, directions


def test_it_learns_sets():
    x, member, words = draw(400)
    head = fit_multi(x, member, words, CLASSES).head
    fresh, truth, _ = draw(500, seed=1)
    chosen = head.choose(head.predict_proba(fresh))
    assert (chosen == truth).mean() > 0.85
    assert (chosen == truth).all(axis=1).mean() > 2 * 0.65**4


def test_confidence_in_a_set_means_frequency():
    x, member, words = draw(600)
    head = fit_multi(x, member, words, CLASSES).head
    fresh, truth, _ = draw(2_000, seed=1)
    shares = head.predict_proba(fresh)
    right = (head.choose(shares) == truth).all(axis=1)
    sure = head.confidence(shares)
    assert abs(sure.mean() - right.mean()) < 0.06
    upper = sure >= np.median(sure)
    assert right[upper].mean() > right[~upper].mean()


def test_few_decisions_do_not_make_confidence_swing():
    fresh, truth, _ = draw(2_000, seed=1)
    slopes = []
    for seed in range(2, 8):
        x, member, words = draw(20, seed=seed)
        head = fit_multi(x, member, words, CLASSES).head
        shares = head.predict_proba(fresh)
        assert abs(head.confidence(shares).mean() - (head.choose(shares) == truth).all(axis=1).mean()) < 0.3
        slopes.append(head.slope)
    assert max(slopes) - min(slopes) < 0.5


@pytest.mark.parametrize("seed", [0, 2, 3])
def test_a_hundred_decisions_that_clearly_say_otherwise_are_heard(seed: int):
    x, member, words = draw(100, seed=seed)
    head = fit_multi(x, member, words, CLASSES).head
    fresh, truth, _ = draw(2_000, seed=1)
    shares = head.predict_proba(fresh)
    right = (head.choose(shares) == truth).all(axis=1)
    assert abs(head.confidence(shares).mean() - right.mean()) < 0.05
    assert calibration_error(head.confidence(shares), right) < 0.1


def test_every_item_gets_a_category():
    x, member, words = draw(50)
    head = fit_multi(x, member, words, CLASSES).head
    nowhere = np.zeros((3, SIZE), np.float32)
    assert head.choose(head.predict_proba(nowhere)).any(axis=1).all()


def test_a_category_without_decisions_is_known_by_its_words():
    x, member, words = draw(200)
    member[:, 2] = False
    keep = member.any(axis=1)
    head = fit_multi(x[keep], member[keep], words, CLASSES).head
    shares = head.predict_proba(words)
    assert shares[2, 2] > np.delete(shares[:, 2], 2).max()


def test_the_same_decisions_give_the_same_bytes(tmp_path):
    x, member, words = draw(80)
    sums = {save(fit_multi(x, member, words, CLASSES).head, {}, tmp_path / run) for run in "ab"}
    assert len(sums) == 1
    found = load(tmp_path / "a", sums.pop()).head
    assert isinstance(found, MultiHead)
    again = fit_multi(x, member, words, CLASSES).head
    assert found.confidence(found.predict_proba(x)).tobytes() == again.confidence(again.predict_proba(x)).tobytes()


@pytest.mark.parametrize(("items", "categories"), [(1, 4), (10, 1)])
def test_too_little_is_said(items: int, categories: int):
    x, member, words = draw(items)
    with pytest.raises(TooLittleToLearn):
        fit_multi(x, member[:, :categories], words[:categories], CLASSES[:categories])


def test_fields_are_kept_where_they_help_and_only_there():
    x, member, words = draw(300)
    column = (member[:, :1] * 2.0 - 1.0).astype(np.float32)
    blind = x - np.outer(x @ words[0], words[0])  # the texts say nothing of the first category
    plain = fit_multi(blind, member, words, CLASSES)
    helped = fit_multi(blind, member, words, CLASSES, fields=column)
    assert (helped.fields, helped.head.coef_.shape[1]) == (True, SIZE + 1)
    told = helped.gate["fields"]
    assert told["accuracy"] == helped.gate["sets_right_held_out"] > told["without"]
    assert told["without"] == plain.gate["sets_right_held_out"]
    noise = np.random.default_rng(2).standard_normal((300, 3)).astype(np.float32)
    other = fit_multi(blind, member, words, CLASSES, fields=noise)
    assert not other.fields
    assert other.head.coef_.tobytes() == plain.head.coef_.tobytes()
