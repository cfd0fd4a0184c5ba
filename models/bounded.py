"""A mapping of bounded size that several threads may share: what was not wanted for longest goes first."""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Bounded(Generic[K, V]):
    """Values by key.

    Args:
        most: how many are kept; with 0 none is.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[K, V] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """How many are kept now."""
        return len(self._kept)

    def get(self, key: K) -> V | None:
        """The value of a key, which from now on counts as wanted last; None where it is not kept."""
        with self._lock:
            value = self._kept.get(key)
            if value is not None:
                self._kept.move_to_end(key)
            return value

    def drop(self, key: K) -> None:
        """Keep the value of a key no longer."""
        with self._lock:
            self._kept.pop(key, None)

    def put(self, key: K, value: V) -> None:
        """Keep a value, and let go of those that are too many."""
        with self._lock:
            self._kept[key] = value
            self._kept.move_to_end(key)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
