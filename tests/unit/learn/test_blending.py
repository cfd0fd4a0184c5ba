import numpy as np
import pytest

from models.learn.blending import fit_blend

USUAL = (1.4, 1.0)


def experts(count: int, seed: int = 0):
    """One that knows, one that guesses."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 4, count)
    good = rng.standard_normal((count, 4)).astype(np.float32)
    good[np.arange(count), truth] += 3
    return good, (3 * rng.standard_normal((count, 4))).astype(np.float32), truth


def test_who_misleads_is_not_heard():
    good, bad, truth = experts(600)
    weights = fit_blend([good, bad], truth, USUAL, np.ones(600))
    assert weights[0] > 0.8
    assert weights[1] < 0.1


def test_no_rows_leave_what_is_usual():
    good, bad, truth = experts(0)
    assert fit_blend([good, bad], truth, USUAL, np.ones(0)) == pytest.approx(USUAL)


def test_rows_that_do_not_count_say_nothing():
    good, bad, truth = experts(400)
    assert fit_blend([good, bad], truth, USUAL, np.zeros(400)) == pytest.approx(USUAL, abs=1e-3)
    half = np.arange(400) < 200
    counted = fit_blend([good, bad], truth, USUAL, half.astype(float))
    assert counted == pytest.approx(fit_blend([good[half], bad[half]], truth[half], USUAL, np.ones(200)), abs=1e-3)


def test_a_single_expert_gets_its_scale():
    good, _, truth = experts(3000)
    assert fit_blend([3 * good], truth, (2.5,), np.ones(3000))[0] == pytest.approx(1, abs=0.1)
    assert fit_blend([good / 2], truth, (2.5,), np.ones(3000))[0] == pytest.approx(6, abs=0.6)


def test_no_weight_is_negative():
    good, _, truth = experts(500)
    assert fit_blend([good, -good], truth, USUAL, np.ones(500)).min() >= 0
