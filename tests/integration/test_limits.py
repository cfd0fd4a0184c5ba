"""Several processes count together: each caller gets its limit, whatever it asks and whatever the others ask."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from api.throttle import RouteClass, Throttle
from models.settings import Settings

CALLERS, PROCESSES, CALLS, ITEMS = 10, 3, 40, 1000


@pytest.fixture
def processes(redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Throttle]]:
    """What three processes count with, in a minute of their own."""
    monkeypatch.setattr("api.throttle.time.time", lambda: 2_000_000_000.0 + hash(str(tmp_path)) % 10**6 * 60)
    settings = Settings(data_dir=tmp_path, redis_url=redis_url, rate_reads=CALLS, rate_items=ITEMS)
    absent: list[int] = []
    made = [Throttle(settings, lambda: absent.append(1)) for _ in range(PROCESSES)]
    yield made
    for throttle in made:
        throttle.close()
    assert absent == [], "Redis was there all the time"


def test_each_caller_gets_its_calls_and_no_more(processes: list[Throttle]) -> None:
    def ask(number: int) -> bool:
        throttle, caller = processes[number % PROCESSES], f"key:{number % CALLERS}"
        return throttle.count(caller, RouteClass.READ).remaining >= 0

    with ThreadPoolExecutor(24) as pool:
        granted = list(pool.map(ask, range(CALLERS * CALLS * 3)))
    got = [sum(granted[caller::CALLERS]) for caller in range(CALLERS)]
    assert got == [CALLS] * CALLERS


def test_each_caller_gets_its_items_and_no_more(processes: list[Throttle]) -> None:
    def ask(number: int) -> int:
        throttle, caller = processes[number % PROCESSES], f"key:{number % CALLERS}"
        return 20 if throttle.charge(caller, 20).remaining >= 0 else 0

    with ThreadPoolExecutor(24) as pool:
        granted = list(pool.map(ask, range(CALLERS * ITEMS // 20 * 3)))
    got = [sum(granted[caller::CALLERS]) for caller in range(CALLERS)]
    assert got == [ITEMS] * CALLERS, "and what was refused meanwhile took nothing away"


def test_a_modest_caller_is_never_refused_for_a_greedy_one(processes: list[Throttle]) -> None:
    for number in range(CALLS * 10):
        processes[number % PROCESSES].count("key:greedy", RouteClass.READ)
    assert all(
        processes[number % PROCESSES].count("key:modest", RouteClass.READ).remaining >= 0 for number in range(CALLS)
    )
