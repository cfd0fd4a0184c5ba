import numpy as np
import pytest

from models.learn.forecast import forecast, share_forecast, too_little

DECISIONS = np.array([20, 40, 80, 120, 160, 200])
AT = np.array([200, 300, 400, 800])


def error(decisions, floor: float, start: float, exponent: float):
    return floor + start * decisions**-exponent


def audits(rng: np.random.Generator, errors, count: int):
    """Answers of versions to the same audits: what is easy for one is easy for all."""
    difficulty = 0.5 * rng.random(count)[None, :] + 0.5 * rng.random((len(errors), count))
    many = 0.5 * rng.random(20_000)[None, :] + 0.5 * rng.random((1, 20_000))
    hard = np.quantile(many, 1 - np.asarray(errors))
    return difficulty < hard[:, None]


def test_a_curve_without_noise_is_found_again():
    truth = error(DECISIONS, 0.05, 2.0, 0.5)
    count = 100_000
    correct = np.arange(count)[None, :] >= np.round(truth * count)[:, None]
    found = forecast(DECISIONS, correct, AT)
    assert found.accuracy == pytest.approx(1 - error(AT, 0.05, 2.0, 0.5), abs=2e-3)
    assert (np.diff(found.accuracy) > 0).all()


@pytest.mark.parametrize(("floor", "start", "exponent"), [(0.05, 2.0, 0.5), (0.0, 4.0, 0.7), (0.1, 0.0, 1.0)])
def test_the_band_covers_what_comes(floor: float, start: float, exponent: float):
    rng = np.random.default_rng(4)
    covered = []
    for run in range(60):
        correct = audits(rng, error(DECISIONS, floor, start, exponent), 150)
        found = forecast(DECISIONS, correct, AT, seed=run)
        truth = 1 - error(AT, floor, start, exponent)
        covered.append((found.low <= truth) & (truth <= found.high))
    assert (np.mean(covered, axis=0) >= 0.9).all()


def test_now_is_what_the_audits_say():
    rng = np.random.default_rng(5)
    correct = audits(rng, error(DECISIONS, 0.05, 2.0, 0.5), 100)
    found = forecast(DECISIONS, correct, AT)
    assert found.accuracy[0] == pytest.approx(correct[-1].mean())
    assert (found.low <= found.accuracy).all()
    assert (found.accuracy <= found.high).all()
    assert found.high[0] - found.low[0] > 0.05


def test_no_error_seen_is_not_no_error():
    found = forecast(DECISIONS, np.ones((6, 40), np.bool_), AT)
    assert found.accuracy.tolist() == [1.0] * 4
    assert (found.low < 0.93).all()


def test_versions_that_get_worse_promise_no_gain():
    correct = np.arange(200)[None, :] >= np.array([10, 14, 18, 22, 26, 30])[:, None]
    found = forecast(DECISIONS, correct, AT)
    assert found.accuracy == pytest.approx(np.full(4, 0.85))


def test_what_is_missing_is_said():
    assert "audits" in (too_little(DECISIONS, 29) or "")
    assert "4 are needed" in (too_little(np.array([20, 20, 40, 60]), 30) or "")
    assert "nearly the same" in (too_little(np.array([100, 110, 120, 130]), 30) or "")
    assert too_little(DECISIONS, 30) is None


def test_the_share_grows_with_accuracy_and_stays_a_share():
    accuracy, share = np.array([0.7, 0.8, 0.9]), np.array([0.0, 0.3, 0.6])
    assert share_forecast(accuracy, share, 2, np.array([0.9, 0.95, 1.5])) == pytest.approx([0.6, 0.75, 1.0])
    assert share_forecast(accuracy, share[::-1].copy(), 2, np.array([0.95])) == pytest.approx([0.0])
    assert share_forecast(np.full(3, 0.8), share, 2, np.array([0.95])) == pytest.approx([0.6])
