"""Calls made in threads for an event loop: what they come to, what they raise, and in which context they run."""

import asyncio
import threading
from contextvars import ContextVar

import pytest

from api.hands import Hands

WAIT = 60
WHO: ContextVar[str] = ContextVar("who", default="nobody")


def test_a_call_gives_its_result_or_its_error_and_runs_in_the_callers_context() -> None:
    async def play() -> None:
        hands = Hands()
        WHO.set("ann")
        assert await hands.do(lambda a, b: (a + b, WHO.get()), 1, 2) == (3, "ann")
        assert await hands.do(threading.get_ident) != threading.get_ident()
        for error in (ZeroDivisionError, SystemExit):
            with pytest.raises(error):
                await hands.do(fail, error)
        assert await hands.do(str, 1) == "1"
        hands.close()

    asyncio.run(play())


def test_calls_at_once_have_a_thread_each_and_those_after_them_use_the_same() -> None:
    async def play() -> None:
        hands, met = Hands(), threading.Barrier(3)

        def meet() -> int:
            met.wait(WAIT)
            return threading.get_ident()

        at_once = await asyncio.gather(*(hands.do(meet) for _ in range(3)))
        assert len(set(at_once)) == 3
        one_by_one = [await hands.do(threading.get_ident) for _ in range(5)]
        assert len(set(one_by_one)) == 1, "the one that is warm goes first"
        assert set(one_by_one) < set(at_once)
        hands.close()

    asyncio.run(play())


def test_a_call_that_nobody_waits_for_any_more_is_done_and_its_thread_goes_on() -> None:
    async def play() -> None:
        hands, begun, go_on, ended = Hands(), threading.Event(), threading.Event(), threading.Event()

        def slow() -> None:
            begun.set()
            assert go_on.wait(WAIT)
            ended.set()

        left = asyncio.create_task(hands.do(slow))
        assert await asyncio.to_thread(begun.wait, WAIT)
        left.cancel()
        with pytest.raises(asyncio.CancelledError):
            await left
        go_on.set()
        assert await asyncio.to_thread(ended.wait, WAIT)
        assert await hands.do(int, "7") == 7
        hands.close()

    asyncio.run(play())


def fail(error: type[BaseException]) -> None:
    raise error
