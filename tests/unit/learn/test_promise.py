"""The promise of automation, kept in simulated projects whose truth is known."""

import numpy as np
import pytest

from models.learn.automation import automation_threshold
from models.learn.promise import standing

POOL = 2_000
PROJECTS = 300


def test_audits_contradict_only_what_is_too_seldom_right():
    assert not standing(0, 0, 0.9).contradicted
    assert not standing(9, 10, 0.9).contradicted
    assert standing(0, 2, 0.9).contradicted  # 0.1 squared
    assert not standing(18, 20, 0.95).contradicted
    assert standing(16, 20, 0.95).contradicted
    assert standing(20, 20, 0.95).p_value == 1.0


class Project:
    """A pool whose answers have a confidence and a chance to be right that may differ from it: `errors` times as many."""

    def __init__(self, rng: np.random.Generator, *, errors: float) -> None:
        self.rng = rng
        skill = rng.uniform(0.6, 3.0)
        self.confidence = rng.beta(skill * 4, 0.5, POOL)
        self.chance = np.clip(1 - errors * (1 - self.confidence), 0, 1)
        self.right = rng.random(POOL) < self.chance
        self.order = rng.permutation(POOL)

    def threshold(self, audits: int, target: float) -> float | None:
        seen = self.order[:audits]
        return automation_threshold(self.confidence[seen], self.right[seen], self.confidence, target).threshold

    def keeps(self, threshold: float, target: float) -> bool:
        return bool(self.right[self.confidence >= threshold].mean() >= target)


@pytest.mark.parametrize("target", [0.9, 0.95, 0.98])
@pytest.mark.parametrize("errors", [1.0, 1.5, 3.0])
def test_the_promise_is_broken_in_at_most_one_project_of_twenty(target: float, errors: float):
    rng = np.random.default_rng([round(target * 100), round(errors * 10)])
    broken = promised = 0
    for _ in range(PROJECTS):
        project = Project(rng, errors=errors)
        threshold = project.threshold(int(rng.choice([50, 100, 200, 400])), target)
        promised += threshold is not None
        broken += threshold is not None and not project.keeps(threshold, target)
    assert broken / PROJECTS <= 0.05
    assert promised > 0.15 * PROJECTS or target > 0.95 or errors > 2  # a promise is worth nothing if none is made


def test_the_promise_holds_over_a_projects_versions():
    """A threshold is set anew for each version, on audits that grow: no version in twenty breaks its promise."""
    rng = np.random.default_rng(8)
    broken = made = 0
    for _ in range(PROJECTS):
        project = Project(rng, errors=1.5)
        for audits in (60, 120, 180, 240, 300):
            threshold = project.threshold(audits, 0.9)
            made += 1
            broken += threshold is not None and not project.keeps(threshold, 0.9)
    assert broken / made <= 0.05


def audited_until_suspended(rng: np.random.Generator, chance: float, target: float, audits: int) -> int | None:
    """Accepted audits one by one; at which the promise is contradicted, if at any."""
    right = np.cumsum(rng.random(audits) < chance)
    found = [count + 1 for count in range(audits) if standing(int(right[count]), count + 1, target).contradicted]
    return found[0] if found else None


def test_a_promise_that_no_longer_holds_is_suspended_soon():
    rng = np.random.default_rng(1)
    after = [audited_until_suspended(rng, 0.7, 0.95, 100) for _ in range(200)]
    assert None not in after
    assert np.median([one for one in after if one]) <= 10


def test_a_promise_that_holds_with_room_is_seldom_suspended():
    rng = np.random.default_rng(2)
    suspended = [audited_until_suspended(rng, 0.99, 0.95, 100) is not None for _ in range(300)]
    assert np.mean(suspended) <= 0.1
