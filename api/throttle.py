"""How often a caller may ask, and for how many items: by minutes of the clock, in Redis for all processes together.

Failed sign-ins are counted over the quarter of an hour before each attempt, whenever that is.
Predictions and items are counted in parts that a process takes in advance (`api.allotments`).

While Redis is away each process counts for itself, which a metric says: nobody is shut out, and nobody gets more
than the limit from each process.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import partial
from math import ceil
from typing import TypeVar

from limits.storage import MemoryStorage, RedisStorage
from redis import Redis
from redis.backoff import NoBackoff
from redis.connection import ConnectionPool
from redis.exceptions import RedisError
from redis.retry import Retry

from api.allotments import Allotments
from api.errors import Standing, TooManyRequests
from models.settings import Settings

WINDOW_SECONDS = 60
FAILURE_SECONDS = 15 * 60
_FAILURES_ANYWHERE = 10  # times as many failures are allowed for one account or address alone
_PATIENCE_SECONDS = 0.5  # a request waits no longer for its count
_REST_SECONDS = 5.0
_PREFIX = "winnow:rate"
_ITEMS = "items"
T = TypeVar("T")
_LOG = logging.getLogger(__name__)


class RouteClass(StrEnum):
    """Routes that are counted together."""

    READ = "read"
    WRITE = "write"
    PREDICT = "predict"
    UPLOAD = "upload"
    SIGN_IN = "sign_in"


class Throttle:
    """Counts requests by caller and class.

    Args:
        settings: the limits, and where Redis is.
        on_absence: told whenever something was counted in this process alone.
    """

    def __init__(self, settings: Settings, on_absence: Callable[[], None]) -> None:
        self._limits = {
            RouteClass.READ: settings.rate_reads,
            RouteClass.WRITE: settings.rate_writes,
            RouteClass.PREDICT: settings.rate_predictions,
            RouteClass.UPLOAD: settings.rate_uploads,
            RouteClass.SIGN_IN: settings.rate_sign_ins,
        }
        self._items = settings.rate_items
        self._failures = settings.sign_in_failures
        self._on_absence = on_absence
        self._pool = ConnectionPool.from_url(
            settings.redis_url,
            socket_connect_timeout=_PATIENCE_SECONDS,
            socket_timeout=_PATIENCE_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self._redis = RedisStorage("redis://", connection_pool=self._pool, key_prefix=_PREFIX)
        self._memory = MemoryStorage()
        self._rest_until = 0.0
        self._lock = threading.Lock()
        self._allotments = Allotments(lambda key, amount: self._add(key, WINDOW_SECONDS, amount))

    def count(self, caller: str, route_class: RouteClass) -> Standing:
        """Count a request. Where the caller stands, with `remaining` -1 when this request is one too many."""
        window, reset = _window(time.time(), WINDOW_SECONDS)
        limit = self._limits[route_class]
        name = f"{route_class}/{caller}"
        if route_class is RouteClass.PREDICT:  # the only ones that come so often that to ask each time is felt
            used = self._allotments.take(name, window, limit, 1)
        else:
            used = self._add(f"{name}/{window}", WINDOW_SECONDS)
        return Standing(limit, max(limit - used, -1), reset)

    def charge(self, caller: str, items: int) -> Standing:
        """Count what is in a request.

        Returns:
            Where the caller stands; with `remaining` -1 when these items are too many, and then none of them count,
            so that who sends less at once is not refused for what was not done.
        """
        window, reset = _window(time.time(), WINDOW_SECONDS)
        used = self._allotments.take(f"{_ITEMS}/{caller}", window, self._items, items)
        return Standing(self._items, max(self._items - used, -1), reset)

    def limits(self) -> dict[str, int]:
        """How many requests of each class, and how many items, a caller may send in a window."""
        return {**{str(one): most for one, most in self._limits.items()}, _ITEMS: self._items}

    def uses(self, callers: Sequence[str]) -> dict[str, dict[str, int]]:
        """What these callers have used of the present window; those that used nothing are left out.

        Parts that processes took in advance count as used.
        """
        window, _ = _window(time.time(), WINDOW_SECONDS)
        asked = [(caller, name) for caller in callers for name in self.limits()]
        keys = [f"{name}/{caller}/{window}" for caller, name in asked]
        counts = self._ask(lambda: self._many(keys)) if keys else []
        if counts is None:
            counts = [self._memory.get(key) for key in keys]
        found: dict[str, dict[str, int]] = {}
        for (caller, name), count in zip(asked, counts, strict=True):
            if count:
                found.setdefault(caller, {})[name] = count
        return found

    def refuse_guessing(self, account: str, address: str) -> None:
        """Before a password is looked at. Raises TooManyRequests after too many failures."""
        for name, most in self._failure_names(account, address):
            first, count = self._lately(name, most)
            if count >= most:
                reset = max(1, ceil(first + FAILURE_SECONDS - time.time()))
                raise TooManyRequests("Too many failed sign-ins: wait before trying again.", Standing(most, 0, reset))

    def note_failure(self, account: str, address: str) -> None:
        """After a wrong password."""
        for name, most in self._failure_names(account, address):
            entry = (name, most, FAILURE_SECONDS)
            if self._ask(partial(self._redis.acquire_entry, *entry)) is None:
                self._on_absence()
                self._memory.acquire_entry(*entry)

    def close(self) -> None:
        """Let go of the connections."""
        self._pool.disconnect()

    def _failure_names(self, account: str, address: str) -> list[tuple[str, int]]:
        anywhere = self._failures * _FAILURES_ANYWHERE
        return [
            (f"failed/{account}@{address}", self._failures),
            (f"failed-account/{account}", anywhere),
            (f"failed-address/{address}", anywhere),
        ]

    def _add(self, key: str, seconds: int, amount: int = 1) -> int:
        used = self._ask(lambda: self._redis.incr(key, seconds, amount))
        if used is None:
            self._on_absence()
            return self._memory.incr(key, seconds, amount)
        return used

    def _many(self, keys: Sequence[str]) -> list[int]:
        found = Redis(connection_pool=self._pool).mget([self._redis.prefixed_key(key) for key in keys])
        return [int(one or 0) for one in found]

    def _lately(self, name: str, most: int) -> tuple[float, int]:
        """When the oldest of the latest failures was, at most `most` of them, and how many they are."""
        mine = self._memory.get_moving_window(name, most, FAILURE_SECONDS)
        common = self._ask(lambda: self._redis.get_moving_window(name, most, FAILURE_SECONDS))
        return mine if common is None else max(mine, common, key=lambda one: one[1])

    def _ask(self, question: Callable[[], T]) -> T | None:
        """Redis' answer; None while it is away, when it is left alone for some seconds."""
        if time.monotonic() < self._rest_until:
            return None
        try:
            return question()
        except RedisError as error:
            with self._lock:
                self._rest_until = time.monotonic() + _REST_SECONDS
            _LOG.warning("redis is away, this process counts for itself: %s", error)
            return None


def _window(now: float, seconds: int) -> tuple[int, int]:
    number = int(now // seconds)
    return number, max(1, int((number + 1) * seconds - now))
