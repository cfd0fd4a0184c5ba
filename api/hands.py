"""Threads for the short way (`api.direct`): to hand work over costs a part of what a general pool takes for it.

A pool for everything keeps book of limits and of scopes that may be cancelled, and its threads wait at a queue written
in Python, whose locks wake them more than once. Beside an encoder that takes a few milliseconds this is felt.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")
_Work = tuple[Callable[[], Any], asyncio.Future[Any]]


class Hands:
    """Threads for the calls of one event loop: as many as there were ever calls at once.

    How many there may be is for the callers to bound. The one that came back last goes first, for what it needs is
    still in the processor's caches.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._all: list[_Hand] = []
        self._idle: list[_Hand] = []

    async def do(self, work: Callable[..., T], *given: Any) -> T:
        """What a call comes to, made in a thread with the context of whoever awaits it. Raises what it raises.

        A call that has begun goes on to its end also where nobody waits for it any more.
        """
        done: asyncio.Future[T] = self._loop.create_future()
        context = copy_context()
        hand = self._idle.pop() if self._idle else self._another()
        hand.wanted.put((lambda: context.run(work, *given), done))
        return await done

    def close(self) -> None:
        """Let the threads go, each once it has done what it was given."""
        for hand in self._all:
            hand.wanted.put(None)

    def _another(self) -> "_Hand":
        hand = _Hand(self._loop, self._idle.append)
        self._all.append(hand)
        return hand


class _Hand:
    """A thread that does one call after another.

    Args:
        loop: where the calls come from.
        free: told in the loop, with this hand, whenever it has done one.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, free: "Callable[[_Hand], None]") -> None:
        self.wanted: SimpleQueue[_Work | None] = SimpleQueue()
        self._loop = loop
        self._free = free
        self.thread = Thread(target=self._work, name="winnow-hand", daemon=True)
        self.thread.start()

    def _work(self) -> None:
        while (wanted := self.wanted.get()) is not None:
            work, done = wanted
            result, error = None, None
            try:
                result = work()
            except BaseException as raised:
                error = raised
            with suppress(RuntimeError):  # the loop has ended, and nobody waits any more
                self._loop.call_soon_threadsafe(self._tell, done, result, error)
            del wanted, work, done, result, error  # not kept until the next call

    def _tell(self, done: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
        self._free(self)
        if done.cancelled():
            return
        if error is None:
            done.set_result(result)
        else:
            done.set_exception(error)
