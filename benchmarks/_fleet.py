"""A day of load, and pods that work it off: pure, seeded, second by second."""

import csv
import math
from collections import deque
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks._autoscalers import SYNC_SECONDS, Autoscaler, Rule

MINUTES = 24 * 60
START_SECONDS = 30
"""From the wish for a pod until it works: to find a node, to start, and to be ready."""

SLICE_SECONDS = 5.0
"""A long job runs so long at a time, so a pod that ends loses no more of it."""


@dataclass(frozen=True, slots=True)
class Day:
    """What came in, minute by minute; each of shape (1440,).

    Attributes:
        jobs: how many were left.
        job_seconds: what each of them takes, on the average.
        requests: to the API.
    """

    jobs: NDArray[np.int64]
    job_seconds: NDArray[np.float64]
    requests: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rule came to. Waits in seconds, of each job or request."""

    p50: float
    p95: float
    longest: float
    pod_hours: float
    most_pods: int


def made_up(seed: int) -> Day:
    """A working day: a quiet night, a dip at noon, a dozen files with many jobs each, four rushes of requests."""
    rng = np.random.default_rng(seed)
    hour = np.arange(MINUTES) / 60
    humps = np.exp(-(((hour - 10.5) / 1.6) ** 2)) + 0.85 * np.exp(-(((hour - 15) / 1.9) ** 2)) + 0.04
    jobs = rng.poisson(6 * humps)
    files = rng.choice(np.arange(8 * 60, 18 * 60), 12, replace=False)
    jobs[files] += rng.integers(60, 240, 12)
    load = 80 * humps
    for begin in rng.choice(np.arange(9 * 60, 17 * 60), 4, replace=False):
        load[begin : begin + 12] *= 2.5
    return Day(jobs, np.full(MINUTES, 6.0), rng.poisson(60 * load))


def recorded(path: Path) -> Day:
    """A day from a CSV file with the columns `jobs`, `job_seconds` and `requests`, and a line for each minute."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if len(rows) != MINUTES:
        message = f"{path} has {len(rows)} minutes instead of {MINUTES}"
        raise ValueError(message)
    columns = {name: np.array([float(row[name]) for row in rows]) for name in ("jobs", "job_seconds", "requests")}
    return Day(columns["jobs"].astype(int), columns["job_seconds"], columns["requests"].astype(int))


class _Pods:
    """How many there are; those that were just wished for do not work yet."""

    def __init__(self, rule: Rule) -> None:
        self._scaler = Autoscaler(rule)
        self._ready = [0] * rule.least
        self.seconds, self.most = 0, rule.least

    def working(self, now: int) -> int:
        """Of those that are there."""
        return sum(at <= now for at in self._ready)

    def tick(self, now: int, measured: float) -> None:
        """A second passes, in which the rule's measure was this."""
        if now % SYNC_SECONDS == 0:
            there = len(self._ready)
            wanted = self._scaler.decide(now, there, measured)
            self._ready += [now + START_SECONDS] * (wanted - there)
            del self._ready[wanted:]  # the youngest go first
        self.seconds += len(self._ready)
        self.most = max(self.most, len(self._ready))

    def outcome(self, waits: NDArray[np.float64], weights: NDArray[np.int64]) -> Outcome:
        """What it came to."""
        order = np.argsort(waits, kind="stable")
        reached = np.cumsum(weights[order])
        p50, p95 = (float(waits[order][np.searchsorted(reached, q * reached[-1])]) for q in (0.5, 0.95))
        return Outcome(p50, p95, float(waits.max()), self.seconds / 3600, self.most)


def work_off(day: Day, rule: Rule, seed: int, *, by_processor: bool) -> Outcome:
    """Jobs, one at a time for each worker, first come first served.

    Args:
        by_processor: the rule measures cores, of which a worker with a job uses one; else jobs that wait or run.
    """
    rng = np.random.default_rng(seed)
    pods = _Pods(rule)
    waiting: deque[tuple[float, float]] = deque()  # when it came, what is left of it
    running: list[float] = []
    waits: list[float] = []
    used: deque[int] = deque(maxlen=SYNC_SECONDS)
    now = 0
    while now < MINUTES * 60 or waiting or running:
        if now < MINUTES * 60 and now % 60 == 0:
            minute = now // 60
            came = np.sort(rng.uniform(now, now + 60, day.jobs[minute]))
            waiting.extend(
                zip(came.tolist(), rng.exponential(day.job_seconds[minute], len(came)).tolist(), strict=True)
            )
        due = sum(came_at <= now for came_at, _ in waiting)
        used.append(len(running))
        pods.tick(now, sum(used) / len(used) if by_processor else due + len(running))
        working = pods.working(now)
        running = [left - 1 for left in running if left > 1]
        while len(running) > working:  # its pod ended: at most a slice is done again
            waiting.appendleft((float(now), running.pop() + SLICE_SECONDS / 2))
        while len(running) < working and waiting and waiting[0][0] <= now:
            came_at, left = waiting.popleft()
            waits.append(now - came_at)
            running.append(left)
        now += 1
    return pods.outcome(np.array(waits), np.ones(len(waits), np.int64))


def answer(day: Day, rule: Rule, cores_a_request: float) -> Outcome:
    """Requests, as a liquid: what the pods' cores do not manage in a second waits for the next.

    Args:
        cores_a_request: core seconds that one costs.
    """
    pods = _Pods(rule)
    behind, used = 0.0, 0.0
    waits, weights = np.zeros(MINUTES * 60), np.repeat(np.ceil(day.requests / 60).astype(np.int64), 60)
    for now in range(MINUTES * 60):
        pods.tick(now, used)
        able = float(pods.working(now))
        todo = behind + day.requests[now // 60] / 60 * cores_a_request
        done = min(todo, able)
        used += (done - used) / SYNC_SECONDS  # as it is scraped: smoothed
        behind = todo - done
        waits[now] = behind / able
    return pods.outcome(waits, weights)


def fixed(pods: int) -> Rule:
    """As many always."""
    return Rule(f"{pods} always", pods, pods, math.inf)
