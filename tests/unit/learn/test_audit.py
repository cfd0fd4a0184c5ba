import numpy as np
import pytest
from scipy.stats import binom, binomtest

from models.learn.audit import (
    exact_interval,
    is_worse,
    lower_bound,
    mcnemar,
)


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (10, 10), (7, 10), (95, 100), (1, 1), (480, 1000)])
def test_the_interval_is_clopper_pearson(successes: int, trials: int):
    theirs = binomtest(successes, trials).proportion_ci(method="exact")
    np.testing.assert_allclose(exact_interval(successes, trials), (theirs.low, theirs.high), atol=1e-9)


def test_nothing_looked_at_says_nothing():
    assert exact_interval(0, 0) == (0.0, 1.0)
    assert lower_bound(0, 0) == 0.0


@pytest.mark.parametrize("truth", [0.02, 0.5, 0.8, 0.93, 0.99])
@pytest.mark.parametrize("trials", [20, 100])
def test_the_interval_covers_the_truth_as_often_as_promised(truth: float, trials: int):
    """Not a simulation: the coverage summed over every possible outcome."""
    outcomes = np.arange(trials + 1)
    ends = [exact_interval(int(successes), trials) for successes in outcomes]
    covers = np.array([low <= truth <= high for low, high in ends])
    assert binom.pmf(outcomes, trials, truth)[covers].sum() >= 0.95


@pytest.mark.parametrize("truth", [0.5, 0.9, 0.97])
def test_the_one_sided_bound_keeps_its_promise(truth: float):
    outcomes = np.arange(61)
    too_high = np.array([lower_bound(int(successes), 60, 0.95) > truth for successes in outcomes])
    assert binom.pmf(outcomes, 60, truth)[too_high].sum() <= 0.05


@pytest.mark.parametrize(("one", "other"), [(0, 0), (5, 5), (1, 9), (9, 1), (0, 6), (20, 31)])
def test_mcnemar_is_the_exact_sign_test(one: int, other: int):
    expected = binomtest(one, one + other).pvalue if one + other else 1.0
    assert mcnemar(one, other) == pytest.approx(expected)
    assert mcnemar(one, other) == mcnemar(other, one)


def outcome(both: int, only_challenger: int, only_serving: int) -> tuple[np.ndarray, np.ndarray]:
    challenger = [True] * both + [True] * only_challenger + [False] * only_serving
    serving = [True] * both + [False] * only_challenger + [True] * only_serving
    return np.array(challenger, dtype=np.bool_), np.array(serving, dtype=np.bool_)


@pytest.mark.parametrize(
    ("only_challenger", "only_serving", "worse"),
    [(0, 0, False), (0, 4, False), (0, 5, True), (3, 3, False), (2, 12, True), (12, 2, False)],
)
def test_worse_means_proved_worse(only_challenger: int, only_serving: int, *, worse: bool):
    assert is_worse(*outcome(50, only_challenger, only_serving)) is worse


def test_without_audits_nothing_is_worse():
    assert is_worse(*outcome(0, 0, 0)) is False
