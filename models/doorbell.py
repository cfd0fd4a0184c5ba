"""Redis rings for the jobs that wait in the database. What it loses, the relay rings again."""

import logging
from collections.abc import Sequence

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Queue
from rq.serializers import JSONSerializer

QUEUE = "winnow"
ENTRY = "worker.entry.run"
"""The function a worker calls with a job's id: named, so that whoever rings need not import it."""

_LOG = logging.getLogger(__name__)
_SECONDS_TO_FORGET = 60
_CONNECT_SECONDS, _PATIENCE_SECONDS = 1.0, 2.0  # who rings waits no longer


class Doorbell:
    """Puts job ids where workers hear them. Never raises: the database has the job either way.

    Args:
        redis_url: where Redis is.
    """

    def __init__(self, redis_url: str) -> None:
        self.redis: Redis = Redis.from_url(
            redis_url,
            socket_connect_timeout=_CONNECT_SECONDS,
            socket_timeout=_PATIENCE_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self._queue = Queue(QUEUE, connection=self.redis, serializer=JSONSerializer)

    def ring(self, calls: Sequence[str]) -> bool:
        """Announce jobs, each as `<id>-<lease token>`. Returns whether Redis heard."""
        try:
            for call in calls:
                self._announce(call)
        except RedisError as error:
            _LOG.warning("redis is away, %d jobs wait for the relay: %s", len(calls), error)
            return False
        return True

    def ring_again(self, calls: Sequence[str]) -> bool:
        """Announce those that are not waiting in Redis already. Returns whether Redis heard."""
        try:
            heard = set(self._queue.get_job_ids())
        except RedisError as error:
            _LOG.warning("redis is away: %s", error)
            return False
        return self.ring([call for call in calls if call not in heard])

    def _announce(self, call: str) -> None:
        self._queue.enqueue_call(
            ENTRY,
            args=(call.partition("-")[0],),
            job_id=call,
            result_ttl=0,
            failure_ttl=_SECONDS_TO_FORGET,
            timeout=-1,
        )

    def close(self) -> None:
        """Let go of the connection."""
        self.redis.close()
