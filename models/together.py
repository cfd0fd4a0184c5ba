"""Work that is cheaper done for several at once: whoever comes while it is under way shares the next turn.

Nobody waits for company. A caller who finds nothing under way does its own task at once, in its own thread;
those who come meanwhile queue up, and the first of them then does the tasks of all. So one caller alone loses
nothing, and groups grow with the load by themselves.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from itertools import islice
from typing import Generic, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


class Together(Generic[Task, Result]):
    """Does tasks in groups.

    Args:
        act: does some tasks, and gives a result for each, in their order. Where it fails for a group, each task
            is done alone, so that an error reaches only the caller whose task it is.
        how_many: how many of the waiting tasks, counted from the first, one group may have; at least one.
    """

    def __init__(
        self, act: Callable[[Sequence[Task]], Sequence[Result]], how_many: Callable[[Sequence[Task]], int] = len
    ) -> None:
        self._act = act
        self._how_many = how_many
        self._waiting: deque[_Turn[Task, Result]] = deque()
        self._under_way = False
        self._guard = threading.Lock()

    def __call__(self, task: Task, until: float | None = None) -> Result:
        """Do a task, alone or with others.

        Args:
            task: what is to be done.
            until: on the monotonic clock, how long to wait for others; what is under way for oneself is not cut short.

        Raises:
            TimeoutError: the others took too long.
            Exception: what doing this task raises.
        """
        with self._guard:
            first, self._under_way = not self._under_way, True
            if not first:
                turn: _Turn[Task, Result] = _Turn(task)
                self._waiting.append(turn)
        if first:
            try:
                return self._act([task])[0]
            finally:
                self._hand_on()
        if not turn.bell.acquire(timeout=_left(until)):
            self._leave(turn)
        if not turn.over:
            self._lead()
        return turn.results[0] if turn.results else self._act([task])[0]

    def _leave(self, turn: "_Turn[Task, Result]") -> None:
        """Wait no longer; unless the moment has just come. Raises TimeoutError."""
        with self._guard:
            if turn.over or turn.leads:
                return
            with suppress(ValueError):  # it may be under way in another's group
                self._waiting.remove(turn)
        raise TimeoutError

    def _lead(self) -> None:
        """Do the tasks of the first group that waits; the caller's own is the first of it."""
        with self._guard:
            count = self._how_many([turn.task for turn in self._waiting])
            group = list(islice(self._waiting, count))
            for _ in group:
                self._waiting.popleft()
        try:
            with suppress(Exception) if count > 1 else nullcontext():  # each then finds out for itself what is wrong
                for turn, result in zip(group, self._act([turn.task for turn in group]), strict=True):
                    turn.results.append(result)
        finally:
            self._hand_on()
            for turn in group:
                turn.over = True
                turn.bell.release()

    def _hand_on(self) -> None:
        """Let the first of those who wait lead the next group, if anybody waits."""
        with self._guard:
            following = self._waiting[0] if self._waiting else None
            self._under_way = following is not None
            if following is not None:
                following.leads = True
        if following is not None:
            following.bell.release()


class _Turn(Generic[Task, Result]):
    """A task that waits.

    Attributes:
        results: the result, once there is one.
        over: its group is done; where it has no result then, the group failed.
        leads: its caller is to lead the next group.
        bell: rung when the turn is over, or when its caller is to lead the next group.
    """

    __slots__ = ("bell", "leads", "over", "results", "task")

    def __init__(self, task: Task) -> None:
        self.task = task
        self.results: list[Result] = []
        self.over = self.leads = False
        self.bell = threading.Semaphore(0)


def _left(until: float | None) -> float | None:
    return None if until is None else max(0.0, until - time.monotonic())
