"""Parts of a caller's limit that a process takes in advance, so that not every request has to ask Redis.

A process takes half a percent of the limit at a time and counts from that by itself. So all processes together
never let through more than the limit, each of them may leave half a percent of it unused, and a limit below two
hundred is counted one by one.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from models.bounded import Bounded

_PARTS = 200
_CALLERS = 10_000


@dataclass(slots=True)
class _Held:
    """What this process holds of a limit: `spare` is left of it; `total` is what all had taken when last asked."""

    window: int
    total: int
    spare: int


class Allotments:
    """Counts by name and window.

    Args:
        add: adds to the common count of a key, and tells what it comes to.
    """

    def __init__(self, add: Callable[[str, int], int]) -> None:
        self._add = add
        self._held: Bounded[str, _Held] = Bounded(_CALLERS)
        self._lock = threading.Lock()

    def take(self, name: str, window: int, limit: int, amount: int) -> int:
        """Take an amount of a limit.

        Returns:
            How much is used of the limit then; more than the limit where the amount is too much, and then nothing
            is taken.
        """
        with self._lock:
            held = self._held.get(name)
            if held is not None and held.window == window and held.spare >= amount:
                held.spare -= amount
                return held.total - held.spare
        key = f"{name}/{window}"
        part = max(amount, limit // _PARTS)
        total = self._add(key, part)
        left = limit - (total - part)  # there was so much before
        if left < amount:
            self._add(key, -part)
            return limit + 1
        if left < part:
            self._add(key, left - part)
            part, total = left, limit
        with self._lock:
            held = self._held.get(name)
            if held is None or held.window != window:
                held = _Held(window, total, 0)
                self._held.put(name, held)
            held.spare += part - amount
            held.total = max(held.total, total)
            return held.total - held.spare
