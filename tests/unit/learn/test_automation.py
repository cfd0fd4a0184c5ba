"""What may go without a person: promised only where it is proved, and kept in simulated projects."""

import numpy as np
import pytest

from models.learn.audit import lower_bound
from models.learn.automation import PART_AT_START, SHARES, automation_threshold, by_category


def answers(rng: np.random.Generator, count: int, sharpness: float) -> tuple[np.ndarray, np.ndarray]:
    """Calibrated answers: each is right as often as its confidence says."""
    confidence = 1 - 0.6 * rng.random(count) ** sharpness
    return confidence, rng.random(count) < confidence


def test_the_promised_accuracy_is_kept():
    """300 simulated projects with one seed; the promise may break in 5 % of them."""
    rng = np.random.default_rng(7)
    pool, right = answers(rng, 20_000, 3.0)
    broken = automated = 0
    for _ in range(300):
        audited = rng.choice(len(pool), 150, replace=False)
        found = automation_threshold(pool[audited], right[audited], pool, 0.9)
        if found.threshold is not None:
            automated += 1
            accepted = pool >= found.threshold
            assert found.share == pytest.approx(accepted.mean())
            broken += right[accepted].mean() < 0.9
    assert automated > 150
    assert broken <= 15


def test_more_audits_automate_more():
    rng = np.random.default_rng(3)
    pool, right = answers(rng, 50_000, 3.0)
    few, many = (automation_threshold(pool[:n], right[:n], pool, 0.9) for n in (400, 4000))
    assert few.share is not None
    assert many.share is not None
    assert few.share < many.share
    assert many.threshold < few.threshold
    assert (few.audits, many.audits) == (400, 4000)
    assert few.audits_needed == 0


def test_too_few_audits_promise_nothing_and_say_how_many_are_missing():
    flawless = np.ones(20, dtype=np.bool_)
    confidence = np.linspace(0.5, 1.0, 20)
    found = automation_threshold(confidence, flawless, confidence, 0.95)
    assert found.threshold is None
    assert found.share is None
    assert 40 < found.audits_needed < 2000


def test_no_audit_at_all_says_how_many_a_flawless_start_needs():
    found = automation_threshold(np.empty(0), np.empty(0, dtype=np.bool_), np.linspace(0, 1, 50), 0.95)
    each = 1 - 0.05 * PART_AT_START
    assert lower_bound(found.audits_needed, found.audits_needed, each) >= 0.95
    assert lower_bound(found.audits_needed - 1, found.audits_needed - 1, each) < 0.95


def test_answers_that_are_often_wrong_are_never_automated():
    rng = np.random.default_rng(0)
    confidence = rng.random(2000)
    found = automation_threshold(confidence, rng.random(2000) < 0.5, confidence, 0.95)
    assert found.threshold is None
    assert found.audits_needed is None


def test_an_empty_pool_promises_nothing():
    found = automation_threshold(np.ones(200), np.ones(200, dtype=np.bool_), np.empty(0), 0.9)
    assert found.threshold is None


def test_equal_confidences_are_accepted_together():
    found = automation_threshold(np.full(300, 0.8), np.ones(300, dtype=np.bool_), np.full(1000, 0.8), 0.9)
    assert found.threshold == 0.8
    assert found.share == 1.0


@pytest.mark.parametrize("size", range(1, 25))
def test_a_pool_of_a_few_items_promises_only_what_is_proved(size: int):
    pool = np.linspace(0.1, 0.9, size)
    assert automation_threshold(pool[:0], np.empty(0, np.bool_), pool, 0.95).threshold is None
    assert automation_threshold(np.ones(500), np.ones(500, np.bool_), pool, 0.95).share == 1.0


def test_the_beginning_is_chosen_without_looking_at_the_audits():
    """A head whose confidence knows nothing of truth: whatever is tried, a false promise is rare."""
    rng = np.random.default_rng(11)
    pool = rng.beta(8, 0.6, 4_000)
    right = rng.random(4_000) < 0.897  # just below the target, at every confidence
    broken = 0
    for _ in range(1_000):
        seen = rng.choice(4_000, 200, replace=False)
        found = automation_threshold(pool[seen], right[seen], pool, 0.9)
        broken += found.threshold is not None and right[pool >= found.threshold].mean() < 0.9
    assert broken / 1_000 <= 0.06  # one of twenty, and what chance adds to it in a thousand


def test_it_automates_more_than_ten_shares_corrected_for_trying_ten():
    rng = np.random.default_rng(2)
    won = corrected = 0.0
    for _ in range(100):
        pool, right = answers(rng, 4_000, 2.0)
        won += automation_threshold(pool[:200], right[:200], pool, 0.9).share or 0.0
        proved = [0.0]
        for share in np.arange(1, 11) / 10:
            accepted = pool[:200] >= np.quantile(pool, 1 - share)
            if lower_bound(int(right[:200][accepted].sum()), int(accepted.sum()), 1 - 0.05 / 10) >= 0.9:
                proved.append(share)
        corrected += proved[-1]
    assert won > 1.2 * corrected


def test_a_head_that_is_far_too_sure_of_itself_still_automates_what_it_can():
    rng = np.random.default_rng(4)
    pool, right = answers(rng, 4_000, 2.0)
    found = automation_threshold(pool[:800] ** 0.2, right[:800], pool**0.2, 0.9)
    assert found.share is not None
    assert found.share >= 0.4


def test_the_shares_rise_to_the_whole_pool():
    assert list(SHARES) == sorted(SHARES)
    assert SHARES[-1] == 1.0


def test_each_category_has_a_promise_of_its_own():
    rng = np.random.default_rng(6)
    count = 3_000
    category = rng.integers(1, 4, count)
    confidence = rng.uniform(0.7, 1.0, count)
    right = rng.random(count) < np.select([category == 1, category == 2], [1.0, 0.6], 0.99)
    seen = slice(0, 300)
    said = (category[seen], confidence[seen], right[seen])
    found = by_category(said, (category, confidence), [1, 2, 3, 4], 0.9)
    assert found[1].share == 1.0
    assert found[2].threshold is None
    assert found[3].threshold is not None
    assert (found[4].threshold, found[4].audits) == (None, 0)
    assert sum(one.audits for one in found.values()) == 300
