"""What was written by a clock that has been set back since is not waited for; what waits on purpose is."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from models import jobs
from models.store.session import Database
from models.store.tables import JobRow
from models.store.types import utc_now
from models.vocabulary import Job

HOUR, LEASE = timedelta(hours=1), timedelta(seconds=30)


def left(database: Database, kind: Job, wait: timedelta) -> str:
    """A job that is due after so long."""
    with database.transaction() as session:
        return jobs.enqueue(session, kind, key=f"{kind}:{wait}", due_at=utc_now() + wait).id


def is_due(database: Database, job_id: str) -> bool:
    with database.transaction() as session:
        return job_id in {call.partition("-")[0] for call in jobs.due(session, lease=LEASE)}


def is_free(database: Database, job_id: str) -> bool:
    with database.transaction() as session:
        return jobs.claim(session, job_id, lease=LEASE, attempts=5) is not None


@pytest.mark.parametrize(
    ("kind", "wait", "free"),
    [
        (Job.EMBED, HOUR, True),
        (Job.EMBED, timedelta(minutes=5), False),  # the longest wait of one that failed
        (Job.DELIVER, HOUR, False),
        (Job.MAIL, HOUR, False),
    ],
)
def test_a_job_that_is_due_later_than_any_ever_waits_is_due(
    database: Database, kind: Job, wait: timedelta, *, free: bool
) -> None:
    job_id = left(database, kind, wait)
    assert is_due(database, job_id) is free
    assert is_free(database, job_id) is free


@pytest.mark.parametrize(("ahead", "free"), [(HOUR, True), (LEASE, False), (1.5 * LEASE, False)])
def test_a_lease_that_ends_later_than_any_can_is_over(database: Database, ahead: timedelta, *, free: bool) -> None:
    job_id = left(database, Job.EMBED, timedelta())
    assert is_free(database, job_id)
    with database.transaction() as session:
        session.execute(update(JobRow).values(lease_expires_at=utc_now() + ahead))
    assert is_due(database, job_id) is free
    assert is_free(database, job_id) is free


@pytest.mark.parametrize(("ahead", "again"), [(HOUR, True), (jobs.LOOK_AGAIN, False)])
def test_a_job_that_was_rung_for_in_the_future_is_rung_for_again(
    database: Database, ahead: timedelta, *, again: bool
) -> None:
    job_id = left(database, Job.EMBED, timedelta())
    with database.transaction() as session:
        session.execute(update(JobRow).values(dispatched_at=utc_now() + ahead))
    assert is_due(database, job_id) is again
