"""A worker's part, played in the process of the test."""

import time
from datetime import timedelta

from sqlalchemy import func, select

from models import jobs
from models.runtime import Runtime
from models.store.tables import JobRow
from models.store.types import utc_now
from models.vocabulary import Job, JobStatus
from worker.entry import perform

SOON = timedelta(seconds=1.5)
"""What is due within so much time is waited for."""


def drain(runtime: Runtime) -> int:
    """Do every job that is due, and those they leave behind; returns how many."""
    done = 0
    while True:
        with runtime.database.transaction() as session:
            calls = jobs.due(session)
            # A message whose receiver was away waits for seconds on purpose: a stall here does not make it due.
            soonest = session.scalar(
                select(func.min(JobRow.due_at)).where(JobRow.status == JobStatus.QUEUED, JobRow.kind != Job.DELIVER)
            )
        if not calls:
            if soonest is None or soonest > utc_now() + SOON:
                return done
            time.sleep(0.05)  # training waits for vectors: it is put off for a moment
        for call in calls:
            perform(runtime, call.partition("-")[0])
            done += 1
