"""Numbers that both the API and the workers keep: the encoder's work, the database's connections, the data disk."""

import shutil
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry, Gauge, Histogram, Info
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import event

from models.learn.encoders import Encoder
from models.store.session import Database

_TEXTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


Count = Callable[[], object]


class Later:
    """What is counted once nobody waits for it."""

    def __init__(self) -> None:
        self._waiting: deque[Count] = deque()
        self._counting = Lock()

    def put(self, count: Count) -> None:
        """Put a count off until the next `catch_up`."""
        self._waiting.append(count)

    def catch_up(self) -> None:
        """Count what was put off; who comes while another thread does it goes on once that is done."""
        with self._counting:
            while self._waiting:
                self._waiting.popleft()()


class Shared:
    """The numbers of one process that any kind of process has.

    Args:
        registry: where they are kept.
        put_off: takes a count that is made for each call of the encoder, in whose caller's time it should not be made.
    """

    def __init__(self, registry: CollectorRegistry, put_off: Callable[[Count], object] = lambda count: count()) -> None:
        self._put_off = put_off
        self._texts = Histogram(
            "winnow_encoder_batch_texts", "Texts in one call of the encoder.", buckets=_TEXTS, registry=registry
        )
        self._seconds = Histogram(
            "winnow_encoder_seconds", "How long one call of the encoder took.", buckets=_SECONDS, registry=registry
        )
        self._connections = Gauge(
            "winnow_database_connections_in_use",
            "Database connections that are lent out now.",
            multiprocess_mode="livesum",
            registry=registry,
        )

    def watch_encoder(self, encoder: Encoder) -> Encoder:
        """The same encoder, its calls counted."""
        return _WatchedEncoder(encoder, self._called)

    def _called(self, texts: int, seconds: float) -> None:
        self._put_off(partial(self._count_call, texts, seconds))

    def _count_call(self, texts: int, seconds: float) -> None:
        self._seconds.observe(seconds)
        self._texts.observe(texts)

    def watch_database(self, database: Database) -> None:
        """Count the connections that a database lends out from now on."""

        @event.listens_for(database.engine, "checkout")
        def _lent(*_: object) -> None:
            self._connections.inc()

        @event.listens_for(database.engine, "detach")  # those of `models.store.spare` are lent for a moment only
        @event.listens_for(database.engine, "checkin")
        def _back(*_: object) -> None:
            self._connections.dec()


def build_info(registry: CollectorRegistry) -> None:
    """Say which release this process is."""
    Info("winnow_build", "The release that runs.", registry=registry).info({"version": version("winnow")})


class Disk(Collector):
    """The disk that the data folder lies on, asked at the moment of the scrape.

    Args:
        folder: the data folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing in advance."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Size and free space; nothing where the folder is not there yet."""
        try:
            usage = shutil.disk_usage(self._folder)
        except OSError:
            return
        yield GaugeMetricFamily("winnow_data_size_bytes", "Size of the disk the data folder is on.", usage.total)
        yield GaugeMetricFamily("winnow_data_free_bytes", "Free space on the data folder's disk.", usage.free)


class _WatchedEncoder:
    """An encoder whose calls are counted."""

    def __init__(self, encoder: Encoder, called: Callable[[int, float], object]) -> None:
        self._encoder = encoder
        self._called = called

    @property
    def id(self) -> str:
        """As the encoder's own."""
        return self._encoder.id

    @property
    def dimensions(self) -> int:
        """As the encoder's own."""
        return self._encoder.dimensions

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode texts, and note how many and how long it took."""
        begun = time.perf_counter()
        vectors = self._encoder.encode(texts)
        self._called(len(texts), time.perf_counter() - begun)
        return vectors
