"""What Prometheus reads of a worker, on a port of its own; there too it says whether it still goes round."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from models.errors import BundleBroken
from models.telemetry import Disk, Shared, build_info
from models.vocabulary import Job

_LOG = logging.getLogger("winnow.metrics")
_SECONDS = (0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

REGISTRY = CollectorRegistry()
SHARED = Shared(REGISTRY)
ENDED = Counter(
    "winnow_worker_jobs_total",
    "Attempts at jobs, by how they ended here.",
    ["kind", "outcome"],
    registry=REGISTRY,
)
SECONDS = Histogram(
    "winnow_worker_job_seconds",
    "How long one attempt or slice of a job took.",
    ["kind"],
    buckets=_SECONDS,
    registry=REGISTRY,
)
BUSY = Gauge("winnow_worker_busy", "Whether the worker has a job in hand.", registry=REGISTRY)
CALLS = Counter(
    "winnow_worker_relay_calls_total",
    "Jobs that the relay found waiting and rang for again.",
    registry=REGISTRY,
)
HINDERED = Counter(
    "winnow_worker_relay_hindered_total",
    "Rounds of the relay in which a part was away.",
    ["part"],
    registry=REGISTRY,
)


class Attempt:
    """One attempt at a job, while it is counted.

    Attributes:
        outcome: `succeeded`, unless somebody says otherwise before it ends.
    """

    def __init__(self) -> None:
        self.outcome = "succeeded"


@contextmanager
def counted(kind: Job) -> Iterator[Attempt]:
    """Count an attempt at a job and its time."""
    attempt, begun = Attempt(), time.perf_counter()
    BUSY.set(1)
    try:
        yield attempt
    finally:
        BUSY.set(0)
        SECONDS.labels(kind.value).observe(time.perf_counter() - begun)
        ENDED.labels(kind.value, attempt.outcome).inc()


def register(data_dir: Path) -> None:
    """Add what is true of the process as a whole. Once in a process."""
    build_info(REGISTRY)
    ProcessCollector(registry=REGISTRY)
    REGISTRY.register(Disk(data_dir))
    for kind in Job:
        ENDED.labels(kind.value, BundleBroken.code)  # it has an alert, which would not see a number that begins with 1


class Window:
    """Serves `/metrics` and `/healthz`. A port that is taken costs the numbers, not the worker.

    Args:
        port: where to listen, on all addresses; 0: nowhere.
        lives: whether the process still goes round.
    """

    def __init__(self, port: int, lives: Callable[[], bool]) -> None:
        self._server: ThreadingHTTPServer | None = None
        if port == 0:
            return
        try:
            self._server = ThreadingHTTPServer(("", port), _handler(lives))
        except OSError as error:
            _LOG.warning("no metrics: port %d cannot be had: %s", port, error.strerror)
            return
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


def _handler(lives: Callable[[], bool]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Answers GET alone."""

        def do_GET(self) -> None:
            """Numbers, or life."""
            path = self.path.partition("?")[0]
            if path == "/metrics":
                self._answer(200, generate_latest(REGISTRY), "text/plain; version=0.0.4; charset=utf-8")
            elif path == "/healthz":
                well = lives()
                self._answer(200 if well else 503, b"alive\n" if well else b"stuck\n", "text/plain")
            else:
                self._answer(404, b"not here\n", "text/plain")

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing of every scrape."""

        def _answer(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler
