"""The autoscaler's arithmetic by hand, the rules as the manifests have them, and a day small enough to check."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks._autoscalers import Autoscaler, Rule, hpa_of_api, hpa_of_workers, keda
from benchmarks._fleet import MINUTES, START_SECONDS, Day, answer, fixed, made_up, recorded, work_off

PLAIN = Rule("plain", 1, 10, target=2.0, down=0)


def quiet(jobs: dict[int, int] | None = None, seconds: float = 6.0, requests: int = 0) -> Day:
    """A day with jobs in some minutes alone, and as many requests in each."""
    counts = np.zeros(MINUTES, np.int64)
    for minute, count in (jobs or {}).items():
        counts[minute] = count
    return Day(counts, np.full(MINUTES, seconds), np.full(MINUTES, requests))


def test_rules_are_those_of_the_manifests() -> None:
    assert keda() == Rule("keda", 1, 8, 2.0, up=0, down=300)
    assert hpa_of_workers() == Rule("hpa", 1, 8, 0.6, up=60, down=600)
    assert hpa_of_api() == Rule("hpa", 3, 10, 0.35, up=30, down=300)


@pytest.mark.parametrize(
    ("pods", "measure", "wanted"),
    [
        (2, 4.0, 2),  # just right
        (2, 4.39, 2),  # not a tenth off
        (2, 4.5, 3),
        (3, 2.0, 1),
        (1, 100.0, 5),  # four more at most
        (6, 100.0, 10),  # no more than the rule allows
        (4, 0.0, 1),
    ],
)
def test_pods_are_in_proportion_to_the_measure(pods: int, measure: float, wanted: int) -> None:
    assert Autoscaler(PLAIN).decide(0, pods, measure) == wanted


def test_a_fall_waits_until_nothing_more_was_wanted_within_its_window() -> None:
    scaler = Autoscaler(replace(PLAIN, down=60))
    assert scaler.decide(0, 4, 8.0) == 4
    assert [scaler.decide(now, 4, 2.0) for now in (15, 30, 45, 60)] == [4, 4, 4, 4]
    assert scaler.decide(75, 4, 2.0) == 1


def test_a_rise_takes_the_least_that_was_wanted_within_its_window() -> None:
    scaler = Autoscaler(replace(PLAIN, up=30, down=0))
    assert scaler.decide(0, 1, 2.0) == 1
    assert [scaler.decide(now, 1, 8.0) for now in (15, 30)] == [1, 1]
    assert scaler.decide(45, 1, 6.0) == 3


def test_jobs_wait_for_one_another_where_there_is_one_worker() -> None:
    found = work_off(quiet({10: 1}), fixed(1), 0, by_processor=False)
    assert found.longest < 1
    assert (found.pod_hours, found.most_pods) == (24, 1)
    crowd = quiet({10: 100})
    waits = [work_off(crowd, fixed(pods), 0, by_processor=False).p95 for pods in (1, 2, 8)]
    assert waits[0] > 1.8 * waits[1] > 1.8 * waits[2]


def test_the_rule_brings_pods_for_a_crowd_and_lets_them_go() -> None:
    crowd = quiet({600: 200})
    scaled, lone, all_of_them = (
        work_off(crowd, rule, 0, by_processor=False) for rule in (keda(), fixed(1), fixed(keda().most))
    )
    assert all_of_them.p95 < scaled.p95 < lone.p95
    assert scaled.most_pods == keda().most
    assert 24 < scaled.pod_hours < 27


def test_requests_wait_only_beyond_what_the_cores_can_do() -> None:
    assert answer(quiet(requests=60 * 10), fixed(1), 0.09).longest == 0
    behind = answer(quiet(requests=60 * 10), fixed(1), 0.2)  # two cores' work for one, all day
    assert behind.longest == pytest.approx(24 * 3600)
    rule = Rule("hpa", 1, 4, 0.5, up=0, down=300)
    scaled = answer(quiet(requests=60 * 10), rule, 0.2)
    assert scaled.most_pods == 4
    assert scaled.p95 == 0
    assert scaled.longest < 2 * START_SECONDS + 60


def test_the_same_seed_gives_the_same_day_and_outcome() -> None:
    assert np.array_equal(made_up(3).jobs, made_up(3).jobs)
    assert not np.array_equal(made_up(3).jobs, made_up(4).jobs)
    day = quiet(dict.fromkeys(range(0, 60, 4), 3))
    assert work_off(day, keda(), 1, by_processor=False) == work_off(day, keda(), 1, by_processor=False)


def test_a_recorded_day_is_read(tmp_path: Path) -> None:
    file = tmp_path / "day.csv"
    file.write_text("jobs,job_seconds,requests\n" + "2,1.5,40\n" * MINUTES)
    day = recorded(file)
    assert (day.jobs.sum(), day.job_seconds[7], day.requests[7]) == (2 * MINUTES, 1.5, 40)
    file.write_text("jobs,job_seconds,requests\n2,1.5,40\n")
    with pytest.raises(ValueError, match="1 minutes instead of 1440"):
        recorded(file)
