"""Limits counted in parts: never more than the limit in all, nearly all of it used, one by one where it is small."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from api.allotments import Allotments


class Common:
    """The count that all processes share."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.asked = 0

    def add(self, key: str, amount: int) -> int:
        self.asked += 1
        self.counts[key] += amount
        return self.counts[key]


def granted(process: Allotments, limit: int, amount: int, times: int) -> int:
    return sum(amount for _ in range(times) if process.take("ann", 1, limit, amount) <= limit)


def test_one_process_tells_exactly_how_much_is_used() -> None:
    common = Common()
    process = Allotments(common.add)
    assert [process.take("ann", 1, 60_000, 1) for _ in range(1000)] == list(range(1, 1001))
    assert common.asked == 4  # three hundred at a time
    assert process.take("ann", 2, 60_000, 1) == 1  # the next minute begins anew
    assert process.take("bob", 1, 60_000, 1) == 1


@pytest.mark.parametrize(("limit", "amount"), [(60_000, 1), (600_000, 7), (1000, 1), (150, 1), (5, 1)])
def test_several_processes_grant_no_more_than_the_limit_and_nearly_all_of_it(limit: int, amount: int) -> None:
    common = Common()
    processes = [Allotments(common.add) for _ in range(3)]
    share = limit // amount // 2
    got = sum(granted(process, limit, amount, share) for process in processes)
    assert got <= limit
    assert got >= limit * 0.985 - amount
    if limit < 200:
        assert got == limit


def test_what_is_too_much_takes_nothing_and_less_is_still_granted() -> None:
    common = Common()
    process = Allotments(common.add)
    assert process.take("ann", 1, 1000, 600) == 600
    assert process.take("ann", 1, 1000, 600) > 1000
    assert process.take("ann", 1, 1000, 400) == 1000
    assert process.take("ann", 1, 1000, 1) > 1000
    assert common.counts["ann/1"] == 1000


def test_threads_of_a_process_count_together() -> None:
    process = Allotments(Common().add)
    with ThreadPoolExecutor(8) as pool:
        used = list(pool.map(lambda _: process.take("ann", 1, 60_000, 1), range(2000)))
    assert len(set(used)) == len(used)
    assert max(used) == 2000
