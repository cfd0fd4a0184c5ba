"""A job in a worker's hands: how a step reads, commits its effects, reports and stops."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from models import jobs
from models.runtime import Runtime


class SliceOver(Exception):
    """The job's slice of time is over: others wait, it goes on later from its committed progress."""


class Stopped(Exception):
    """Somebody asked for the job to be cancelled."""


class Work:
    """One attempt at one job.

    Args:
        runtime: the process's tools.
        claim: the worker's right to the job.
        slice_seconds: how long it may run before it lets others in.
    """

    def __init__(self, runtime: Runtime, claim: jobs.Claim, *, slice_seconds: float = 5.0) -> None:
        self.runtime = runtime
        self.claim = claim
        self.ended = False
        self.cancel_requested = False
        self._stop_at = time.monotonic() + slice_seconds

    @property
    def project_id(self) -> int:
        """The project the job is for."""
        if self.claim.project_id is None:
            message = f"a job of kind {self.claim.kind} needs a project"
            raise TypeError(message)
        return self.claim.project_id

    @contextmanager
    def advancing(self, done: int, total: int | None = None, *, durable: bool = True) -> Iterator[Session]:
        """A transaction for some effects and the progress that counts them.

        Args:
            durable: False where the effects can be had again if they and the progress are lost with the power.

        Raises:
            LeaseLost: another worker has the job; nothing of this block is kept.
        """
        with self.runtime.database.transaction(durable=durable) as session:
            jobs.advance(session, self.claim, done=done, total=total)
            yield session

    @contextmanager
    def completing(self, result: dict[str, Any] | None = None) -> Iterator[Session]:
        """A transaction for the last effects: with it the job is done. Raises LeaseLost as `advancing` does."""
        with self.runtime.database.transaction() as session:
            jobs.complete(session, self.claim, result)
            yield session
        self.ended = True

    @contextmanager
    def putting_off(self, due_at: datetime) -> Iterator[Session]:
        """A transaction for what was done so far: the job goes on at `due_at`. Raises LeaseLost as `advancing` does."""
        with self.runtime.database.transaction() as session:
            jobs.set_back(session, self.claim, due_at=due_at)
            yield session
        self.ended = True

    def pause(self) -> None:
        """Between two blocks of a long job. Raises SliceOver or Stopped when it is time to."""
        self.check()
        if time.monotonic() > self._stop_at:
            raise SliceOver

    def check(self) -> None:
        """Where a job cannot be interrupted and gone on with. Raises Stopped when somebody wants it cancelled."""
        if self.cancel_requested:
            raise Stopped

    def hurry(self) -> None:
        """End the slice now."""
        self._stop_at = 0.0

    def renew(self, lease: timedelta) -> None:
        """Called by the worker now and then while the step runs."""
        with self.runtime.database.transaction() as session:
            self.cancel_requested = jobs.renew(session, self.claim, lease=lease)
