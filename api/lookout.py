"""A thread beside the requests that looks for what no worker can see: that there is none, and that Redis is away."""

import logging
import threading
from collections.abc import Iterator

from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from models.doorbell import Doorbell
from models.settings import Settings
from models.steps.alerts import any_open, settle
from models.steps.conditions import SEEN_BY_API, Trouble, workers
from models.store.session import Database
from models.vocabulary import Alert

_LOG = logging.getLogger("winnow.lookout")
_EVERY = 30.0


class Lookout:
    """Looks every half minute until it is stopped. Several processes may: what fires is told once."""

    def __init__(self, settings: Settings, database: Database, doorbell: Doorbell) -> None:
        self._settings, self._database, self._doorbell = settings, database, doorbell
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lookout", daemon=True)

    def start(self) -> None:
        """Begin; the first look is half a minute later, when what starts beside it is there too."""
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for it."""
        self._stop.set()
        self._thread.join(timeout=10)

    def look(self) -> None:
        """One look. Raises what the database raises."""
        with self._database.read() as session:
            troubles = [*workers(session), *self._redis()]
            if not troubles and not any_open(session, SEEN_BY_API):
                return
        with self._database.transaction() as session:
            settle(session, self._settings, troubles, SEEN_BY_API)

    def _redis(self) -> Iterator[Trouble]:
        try:
            self._doorbell.redis.ping()
        except RedisError:
            yield Trouble(
                Alert.REDIS_AWAY, "Redis does not answer: jobs wait, and each process counts limits for itself"
            )

    def _run(self) -> None:
        while not self._stop.wait(_EVERY):
            try:
                self.look()
            except SQLAlchemyError as error:
                _LOG.warning("the database is away: %s", error.__class__.__name__)
