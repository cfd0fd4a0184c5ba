"""Accuracy that the machine's own answers make more precise, without making it less honest."""

import numpy as np
import pytest

from models.learn.assisted import assisted, plain
from models.learn.audit import exact_interval


def reserve(rng: np.random.Generator, *, tilt: float) -> tuple[np.ndarray, np.ndarray]:
    """A thousand answers whose confidence follows truth more or less: `tilt` 0 is no relation at all."""
    confidence = rng.beta(3, 1, 1_000)
    return confidence, rng.random(1_000) < np.clip(0.75 + tilt * (confidence - 0.75), 0, 1)


@pytest.mark.parametrize("tilt", [0.0, 0.5, 1.0, 1.6])
@pytest.mark.parametrize("audits", [60, 200])
def test_the_interval_covers_the_truth_as_often_as_it_says(tilt: float, audits: int):
    rng = np.random.default_rng([audits, round(10 * tilt)])
    covered = 0
    ratios = []
    for _ in range(400):
        confidence, right = reserve(rng, tilt=tilt)
        found = assisted(confidence[:audits], right[:audits], confidence)
        covered += found.low <= right.mean() <= found.high
        alone = plain(right[:audits])
        ratios.append((found.high - found.low) / (alone.high - alone.low))
    assert covered / 400 >= 0.94
    assert max(ratios) <= 1.0
    assert np.mean(ratios) < (0.97 if tilt >= 1.0 else 1.001)


def test_it_corrects_for_audits_that_happen_to_be_easy():
    rng = np.random.default_rng(1)
    confidence, right = reserve(rng, tilt=1.6)
    some = rng.choice(1_000, 300, replace=False, p=confidence / confidence.sum())
    found = assisted(confidence[some], right[some], confidence)
    assert found.assisted
    assert abs(found.accuracy - right.mean()) < abs(right[some].mean() - right.mean())


@pytest.mark.parametrize(("right", "wrong"), [(5, 0), (50, 9), (9, 50), (0, 30)])
def test_with_few_of_either_it_is_the_exact_interval(right: int, wrong: int):
    correct = np.arange(right + wrong) < right
    confidence = np.linspace(0.2, 1, len(correct))
    found = assisted(confidence, correct, np.linspace(0.2, 1, 500))
    assert not found.assisted
    assert (found.low, found.high) == exact_interval(right, right + wrong)
    assert found.audited == len(correct)


def test_a_confidence_that_never_differs_helps_nothing():
    found = assisted(np.full(100, 0.8), np.arange(100) < 60, np.full(900, 0.8))
    assert not found.assisted
