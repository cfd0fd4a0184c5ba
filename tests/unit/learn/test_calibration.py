import numpy as np
import pytest
from scipy.special import expit

from models.learn.calibration import (
    ASKED_FOR,
    borne_out,
    calibration_error,
    fit_scale,
    fit_temperature,
    log_loss,
    log_odds,
    mean_confidence,
    reliability,
    row_weights,
    sharpened,
)
from models.learn.heads import softmax


def sample(temperature: float, count: int = 5000) -> tuple[np.ndarray, np.ndarray]:
    """Logits whose right temperature is known: truths are drawn from the softmax at it."""
    rng = np.random.default_rng(0)
    logits = 3 * rng.standard_normal((count, 4))
    chances = softmax(logits / temperature).cumsum(axis=1)
    return logits, (rng.random((count, 1)) > chances).sum(axis=1).clip(0, 3)


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_the_temperature_is_found_again(temperature: float):
    logits, truth = sample(temperature)
    assert fit_temperature(logits, truth) == pytest.approx(temperature, rel=0.08)


def test_it_calibrates():
    logits, truth = sample(2.5)
    correct = logits.argmax(axis=1) == truth
    before = calibration_error(softmax(logits).max(axis=1), correct)
    after = calibration_error(softmax(logits / fit_temperature(logits, truth)).max(axis=1), correct)
    assert before > 0.1
    assert after < 0.03


@pytest.mark.parametrize("wanted", [0.5, 0.7, 0.9])
def test_the_mean_confidence_becomes_what_is_wanted(wanted: float):
    logits, _ = sample(1.0)
    assert softmax(logits / sharpened(logits, wanted)).max(axis=1).mean() == pytest.approx(wanted, abs=1e-3)


def test_a_confidence_out_of_reach_is_met_half_way():
    logits, _ = sample(1.0)
    assert sharpened(logits, 1.0) == 0.25
    assert sharpened(logits, 0.0) == 4.0


def test_rows_count_in_confidence_as_they_are_told_to():
    logits, _ = sample(1.0, 300)
    thrice = np.concatenate([logits, logits[:100], logits[:100]])
    counts = np.where(np.arange(300) < 100, 3.0, 1.0)
    assert mean_confidence(logits, counts) == pytest.approx(mean_confidence(thrice))
    assert sharpened(logits, 0.8, counts) == sharpened(thrice, 0.8) != sharpened(logits, 0.8)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_decisions_that_are_like_the_pool_say_how_often_it_is_right(temperature: float):
    logits, truth = sample(temperature)
    decided, pool = logits[:2500], logits[2500:]
    right = (pool.argmax(axis=1) == truth[2500:]).mean()
    found = borne_out(mean_confidence(pool), len(pool), decided, truth[:2500])
    assert expit(found) == pytest.approx(right, abs=0.02)


def test_what_was_asked_for_being_hard_is_taken_for_harder_than_it_looks():
    logits, truth = sample(1.0)
    best = np.sort(logits, axis=1)
    hard = np.argsort(best[:, -1] - best[:, -2])[:1500]
    pool, asked = log_odds(mean_confidence(logits), 5000), log_odds(mean_confidence(logits[hard]), 1500)
    assert asked < pool - 1
    found = borne_out(mean_confidence(logits), 5000, logits[hard], truth[hard])  # these are as hard as they look
    assert found == pytest.approx(pool + ASKED_FOR * (pool - asked), abs=0.15)


def test_a_few_decisions_move_belief_by_little():
    logits, _ = sample(1.0)
    wrong = (logits[:2].argmax(axis=1) + 1) % 4
    sure = mean_confidence(logits)
    few = borne_out(sure, len(logits), logits[:2], wrong)
    many = borne_out(sure, len(logits), np.repeat(logits[:2], 50, axis=0), np.repeat(wrong, 50))
    assert np.isfinite(many)
    assert many < few - 1


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_no_number_of_rows_makes_certain(share: float):
    assert abs(log_odds(share, 9)) == pytest.approx(np.log(19))
    assert log_odds(share, 99) == pytest.approx(-log_odds(1 - share, 99))


def test_without_rows_nothing_is_changed():
    assert fit_temperature(np.empty((0, 3)), np.empty(0, dtype=np.int64)) == 1.0


def test_flawless_answers_stay_within_bounds():
    assert 0.02 <= fit_temperature(np.eye(4), np.arange(4)) <= 0.03


def test_log_loss_is_the_usual_one():
    from sklearn.metrics import log_loss as sklearn_log_loss  # each process that collects tests would load it

    logits, truth = sample(1.0, 300)
    expected = sklearn_log_loss(truth, softmax(logits / 0.7), labels=range(4))
    assert log_loss(logits, truth, 0.7) == pytest.approx(expected, rel=1e-4)


def test_reliability_counts_every_answer_once():
    rng = np.random.default_rng(0)
    found = reliability(rng.random(95), rng.random(95) < 0.5)
    assert len(found) == 10
    assert sum(part.count for part in found) == 95
    assert all(part.low <= part.confidence <= part.high for part in found)
    assert reliability(np.empty(0), np.empty(0, dtype=np.bool_)) == []


def test_calibration_error_is_zero_for_the_honest_and_large_for_the_boastful():
    right_nine_in_ten = np.arange(1000) % 10 != 0
    assert calibration_error(np.full(1000, 0.9), right_nine_in_ten, bins=1) == pytest.approx(0.0, abs=1e-9)
    assert calibration_error(np.ones(1000), np.zeros(1000, dtype=np.bool_)) == pytest.approx(1.0)
    assert calibration_error(np.empty(0), np.empty(0, dtype=np.bool_)) == 0.0


def test_rows_like_the_pool_count_one_each():
    rng = np.random.default_rng(0)
    weights = row_weights(rng.random(2000), rng.random(5000))
    assert weights.mean() == pytest.approx(1, abs=0.02)
    assert weights.std() < 0.1


def test_hard_rows_count_as_often_as_the_pool_has_their_like():
    rng = np.random.default_rng(0)
    pool = rng.random(5000)
    sure = np.concatenate([0.08 * rng.random(900), rng.random(100)])  # nine in ten were asked for being unsure
    weights = row_weights(sure, pool)
    assert weights[:900].sum() == pytest.approx(100, rel=0.2)  # a tenth of the pool is as unsure
    assert weights[sure > 0.5].min() > 1
    assert weights.max() <= 2


def test_rows_unlike_all_of_the_pool_say_little():
    assert row_weights(np.zeros(50), np.ones(500)).sum() <= 50
    assert row_weights(np.empty(0), np.ones(5)).shape == (0,)


def test_the_scale_that_was_lost_is_found():
    logits = 2 * np.random.default_rng(0).standard_normal((500, 5))
    assert fit_scale(logits / 1.5, softmax(logits)) == pytest.approx(1.5, abs=0.02)
    assert fit_scale(logits, softmax(logits)) == pytest.approx(1, abs=0.02)
