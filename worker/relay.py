"""The relay: rings again for what Redis forgot, shows that this worker lives, and sees to regular work."""

import logging
import threading
import time
from datetime import timedelta

from sqlalchemy import update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from models import jobs
from models.doorbell import Doorbell
from models.store.session import Database
from models.store.tables import WorkerRow
from models.store.types import utc_now
from models.store.upsert import insert_new
from models.vocabulary import Job
from worker.metrics import CALLS, HINDERED

_LOG = logging.getLogger("winnow.relay")
_EVERY = 1.0
_STUCK_SECONDS = 120.0
_HEARTBEAT_SECONDS = 5.0


class Relay:
    """A thread beside the worker. It outlives both the database's and Redis' absence.

    Args:
        name: this worker's name.
        lease: for how long workers take jobs.
    """

    def __init__(
        self, database: Database, doorbell: Doorbell, name: str, *, lease: timedelta = jobs.LONGEST_LEASE
    ) -> None:
        self._database = database
        self._doorbell = doorbell
        self._name = name
        self._lease = lease
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)
        self._beaten = float("-inf")
        self._turned = time.monotonic()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for it."""
        self._stop.set()
        self._thread.join(timeout=10)

    def turn(self) -> None:
        """One round. Raises what the database raises."""
        with self._database.transaction(durable=False) as session:
            calls = jobs.due(session, lease=self._lease)
            if time.monotonic() - self._beaten >= _HEARTBEAT_SECONDS:
                self._beat(session)
                _regular(session)
        if calls:
            CALLS.inc(len(calls))
            if not self._doorbell.ring_again(calls):
                HINDERED.labels("redis").inc()

    def is_turning(self) -> bool:
        """Whether the thread still goes round; that a part is away does not stop it."""
        return time.monotonic() - self._turned < _STUCK_SECONDS

    def _beat(self, session: Session) -> None:
        insert_new(session, WorkerRow, [{"name": self._name, "created_at": utc_now(), "seen_at": utc_now()}])
        session.execute(update(WorkerRow).where(WorkerRow.name == self._name).values(seen_at=utc_now()))
        self._beaten = time.monotonic()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.turn()
            except SQLAlchemyError as error:
                _LOG.warning("the database is away: %s", error.__class__.__name__)
                HINDERED.labels("database").inc()
            self._turned = time.monotonic()
            self._stop.wait(_EVERY)


def _regular(session: Session) -> None:
    """Leave the work that comes by the clock, once among all workers."""
    minute = utc_now().replace(second=0, microsecond=0)
    if jobs.tick(session, "alerts", minute):
        jobs.enqueue(session, Job.ALERTS, key="alerts")
    if jobs.tick(session, "maintain", minute.replace(minute=0)):
        jobs.enqueue(session, Job.MAINTAIN, key="maintain")
