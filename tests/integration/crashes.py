"""Workers that die: between any two transactions, or in the middle of one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from models.runtime import Runtime
from models.store.session import Database
from models.store.tables import JobRow
from models.store.types import utc_now
from models.vocabulary import JobStatus

Crash = Callable[[Callable[[Runtime], bool]], int]
"""Has a job killed at each of its transactions in turn until it says that it is over; tells how often it was."""


class KilledError(BaseException):
    """The worker is no more."""


class Mortal(Database):
    """A database in whose worker somebody pulls the plug, before or in the nth transaction from now."""

    fuse: int | None = None

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[Session]:
        self._burn()
        with super().transaction(durable=durable) as session:
            yield session
            self._burn()

    def _burn(self) -> None:
        if self.fuse is not None:
            self.fuse -= 1
            if self.fuse < 0:
                raise KilledError


def expire_leases(database: Database) -> None:
    """As if the lease of every running job had run out."""
    with database.transaction() as session:
        past = utc_now() - timedelta(seconds=1)
        session.execute(
            update(JobRow)
            .where(JobRow.status == JobStatus.RUNNING)
            .values(lease_expires_at=past, dispatched_at=None, attempts=0)
        )


def crash_everywhere(runtime: Runtime, mortal: Mortal, job: Callable[[Runtime], bool]) -> int:
    """Kill a job at each of its transactions in turn, until it tells that it is over. How often it was killed."""
    kills = 0
    for fuse in range(200):
        mortal.fuse = fuse
        try:
            over = job(Runtime(runtime.settings, mortal, runtime.encoder, quick=runtime.encoders.quick))
        except KilledError:
            kills += 1
        else:
            if over:
                return kills
        mortal.fuse = None
        expire_leases(mortal)
    pytest.fail("the job never ended")
