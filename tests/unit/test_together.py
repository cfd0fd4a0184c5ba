"""Work done for several callers at once: everybody gets their own result, and only their own error."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from models.together import Together, _Turn

WAIT = 120


class Slow:
    """Squares numbers; the first group waits until it is told to go on, so that others must queue up behind it."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.entered = threading.Event()
        self.go_on = threading.Event()

    def __call__(self, tasks: Sequence[int]) -> list[int]:
        self.groups.append(list(tasks))
        self.entered.set()
        assert self.go_on.wait(WAIT)
        if -1 in tasks:
            raise ValueError(-1)
        return [task * task for task in tasks]


def behind(together: Together[int, int], slow: Slow, tasks: Sequence[int]) -> list[Future[int]]:
    """Do 0, and once that is under way all the others; when they wait, let it go on."""
    pool = ThreadPoolExecutor(len(tasks) + 1)
    first = pool.submit(together, 0)
    assert slow.entered.wait(WAIT)
    rest = []
    for place, task in enumerate(tasks, 1):
        rest.append(pool.submit(together, task))
        until(lambda place=place: len(together._waiting) == place)  # in this order
    slow.go_on.set()
    pool.shutdown(wait=True)
    return [first, *rest]


def until(true: Callable[[], bool]) -> None:
    for _ in range(WAIT * 1000):
        if true():
            return
        threading.Event().wait(0.001)
    pytest.fail("it never came to be")


def test_who_comes_alone_is_served_at_once() -> None:
    slow = Slow()
    slow.go_on.set()
    together = Together(slow)
    assert [together(3), together(4)] == [9, 16]
    assert slow.groups == [[3], [4]]


def test_who_comes_meanwhile_shares_the_next_turn_and_gets_their_own_result() -> None:
    slow = Slow()
    told = behind(Together(slow), slow, [1, 2, 3, 4, 5])
    assert [one.result() for one in told] == [0, 1, 4, 9, 16, 25]
    assert slow.groups == [[0], [1, 2, 3, 4, 5]]


def test_a_group_is_no_larger_than_it_may_be_and_nobody_is_passed_over() -> None:
    slow = Slow()
    told = behind(Together(slow, lambda tasks: min(2, len(tasks))), slow, [1, 2, 3, 4, 5])
    assert [one.result() for one in told] == [0, 1, 4, 9, 16, 25]
    assert slow.groups == [[0], [1, 2], [3, 4], [5]]


def test_an_error_reaches_only_the_caller_whose_task_it_is() -> None:
    slow = Slow()
    first, one, broken, three = behind(Together(slow), slow, [1, -1, 3])
    assert [first.result(), one.result(), three.result()] == [0, 1, 9]
    with pytest.raises(ValueError, match="-1"):
        broken.result()


def test_after_an_error_of_one_alone_the_next_are_served() -> None:
    slow = Slow()
    slow.go_on.set()
    together = Together(slow)
    with pytest.raises(ValueError, match="-1"):
        together(-1)
    assert together(2) == 4
    assert slow.groups == [[-1], [2]]  # what failed alone is not tried twice


def test_many_callers_at_once() -> None:
    together: Together[int, int] = Together(lambda tasks: [task * task for task in tasks], lambda _: 1)
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(together, range(2000))) == [number * number for number in range(2000)]


def test_who_waits_too_long_leaves_and_those_behind_are_served() -> None:
    slow = Slow()
    together = Together(slow)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(together, 0)
        assert slow.entered.wait(WAIT)
        with pytest.raises(TimeoutError):
            together(1, until=0.0)
        assert not together._waiting
        behind_it = pool.submit(together, 2)
        until(lambda: len(together._waiting) == 1)
        slow.go_on.set()
        assert [first.result(), behind_it.result()] == [0, 4]
    assert slow.groups == [[0], [2]], "what was given up is not done"


def test_who_would_leave_as_the_turn_comes_takes_it() -> None:
    slow = Slow()
    slow.go_on.set()
    together = Together(slow)
    turn = _Turn(5)
    turn.leads = True
    together._leave(turn)  # and goes on: else nobody would lead
    turn.leads, turn.over = False, True
    together._leave(turn)


def test_callers_who_leave_at_any_moment_leave_no_turn_behind() -> None:
    together: Together[int, int] = Together(lambda tasks: [task * task for task in tasks], lambda _: 1)

    def one(number: int) -> int | None:
        try:
            return together(number, until=time.monotonic() + number % 7 / 100_000)
        except TimeoutError:
            return None

    with ThreadPoolExecutor(16) as pool:
        told = list(pool.map(one, range(2000)))
    assert all(found in {None, number * number} for number, found in enumerate(told))
    assert together(3) == 9
    assert not together._waiting
