"""`python -m worker`: one worker process."""

import gc
import logging
import os
import signal
import socket
import sys
import time
from datetime import timedelta
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from redis import Redis
from redis.exceptions import RedisError
from rq import SimpleWorker
from rq.exceptions import StopRequested
from rq.serializers import JSONSerializer

from models import spans
from models.allocator import give_back_large_blocks, give_back_regularly
from models.doorbell import QUEUE, Doorbell
from models.runtime import Runtime
from models.settings import Settings
from models.store.session import Database
from models.tracing import log_to_stderr
from worker.entry import equip, hurry
from worker.metrics import SHARED, Window, register
from worker.relay import Relay

if TYPE_CHECKING:
    from collections.abc import Callable

_LOG = logging.getLogger("winnow.worker")
_WORKER_TTL = 30
_LARGE_MIB = 4  # smaller ones are got and let go of too often while a version is trained
_GIVE_BACK_SECONDS = 30.0
_WAIT_SECONDS = 1


def main() -> int:
    """Listen until told to stop: what runs is finished first."""
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, _stop)  # until there is a listener, which has its own way to stop
    give_back_large_blocks(_LARGE_MIB)
    give_back_regularly(_GIVE_BACK_SECONDS)
    log_to_stderr()
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # it would log the addresses of webhooks, which may hold keys
    spans.begin("winnow-worker")
    settings = Settings()
    doorbell = Doorbell(settings.redis_url)
    database = Database(settings.database, on_commit=doorbell.ring)
    SHARED.watch_database(database)
    runtime = Runtime(settings, database, watch=SHARED.watch_encoder)
    equip(runtime)
    name = f"{socket.gethostname()}-{os.getpid()}"
    relay = Relay(database, doorbell, name, lease=timedelta(seconds=settings.job_lease_seconds))
    relay.start()
    register(settings.data_dir)
    window = Window(settings.worker_metrics_port, relay.is_turning)
    try:
        runtime.encoder.encode(["warm"])
        gc.collect()
        gc.freeze()  # what is loaded stays: looking through it for garbage again and again costs imports a quarter
        _listen(settings.redis_url, name)
    except StopRequested:
        _LOG.info("stopped while Redis was away")
    finally:
        window.close()
        relay.stop()
        database.close()
    return 0


class Listener(SimpleWorker):
    """Takes calls in this process, not in a fork of it: the encoder is loaded once, its threads stay whole."""

    asked_to_stop = False
    max_connection_wait_time = 5.0  # seconds until it looks again whether Redis is back

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Told to end: a long job gives way at its next block and goes on elsewhere."""
        self.asked_to_stop = True
        hurry()
        stop: Callable[[int, FrameType | None], None] = super().request_stop
        stop(signum, frame)


def _listen(redis_url: str, name: str) -> None:
    """Take calls until told to stop, however often Redis goes away."""
    while True:
        listener = None
        try:
            listener = Listener(
                [QUEUE],
                name=f"{name}-{time.time_ns()}",
                connection=Redis.from_url(redis_url),
                serializer=JSONSerializer,
                worker_ttl=_WORKER_TTL,
            )
            listener.work(logging_level="WARNING")
        except RedisError as error:
            _LOG.warning("redis is away: %s", error)
        if listener is not None and listener.asked_to_stop:
            return
        time.sleep(_WAIT_SECONDS)


def _stop(_signum: int, _frame: FrameType | None) -> NoReturn:
    """Told to end before there is anything to finish. The first process of a container is not ended without this."""
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
