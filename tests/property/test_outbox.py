"""The outbox under random crashes: whatever dies, and whenever, each job's effects come exactly once."""

import uuid
from collections.abc import Generator
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from models import jobs
from models.errors import LeaseLost
from models.store.session import Database
from models.store.tables import AuditLogRow, JobRow
from models.store.types import utc_now
from models.vocabulary import Job, JobStatus

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

BLOCKS = 3
LEASE = timedelta(hours=1)
ENDLESS = 1_000_000

OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(
            (
                *("enqueue", "ring", "start", "step", "step", "step", "kill", "expire"),
                *("renew", "fail", "set_back", "put_off", "wipe"),
            )
        ),
        st.integers(0, 7),
    ),
    max_size=60,
)


class World:
    """Workers as generators that stop between any two transactions, a Redis that may forget, and the ledger."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.mark = uuid.uuid4().hex[:12]
        self.made: set[str] = set()
        self.redis: list[str] = []
        self.workers: list[tuple[jobs.Claim, Generator[None]]] = []

    def enqueue(self, number: int) -> None:
        with self.database.transaction() as session:
            self.made.add(jobs.enqueue(session, Job.MAINTAIN, key=f"{self.mark}:{number % 4}").id)

    def ring(self, _number: int = 0) -> None:
        """The relay's round, some seconds later."""
        with self.database.transaction() as session:
            session.execute(update(JobRow).values(dispatched_at=None, due_at=utc_now()))
            self.redis += [call.partition("-")[0] for call in jobs.due(session)]

    def wipe(self, _number: int) -> None:
        self.redis.clear()

    def start(self, number: int) -> None:
        if not self.redis:
            return
        job_id = self.redis.pop(number % len(self.redis))
        with self.database.transaction() as session:
            claim = jobs.claim(session, job_id, lease=LEASE, attempts=ENDLESS)
        if claim is not None:
            self.workers.append((claim, self._work(claim)))

    def _work(self, claim: jobs.Claim) -> Generator[None]:
        """Blocks of effects, each committed with the progress that counts it; a gap after each transaction."""
        for block in range(claim.done, BLOCKS):
            yield
            with self.database.transaction() as session:
                jobs.advance(session, claim, done=block + 1)
                self._effect(session, claim, f"block {block}")
        yield
        with self.database.transaction() as session:
            jobs.complete(session, claim)
            self._effect(session, claim, "end")

    def _effect(self, session: "Session", claim: jobs.Claim, what: str) -> None:
        session.add(AuditLogRow(actor=self.mark, action="effect", subject=f"{claim.id} {what}"))

    def step(self, number: int) -> None:
        if not self.workers:
            return
        place = number % len(self.workers)
        try:
            next(self.workers[place][1])
        except (StopIteration, LeaseLost):
            self.workers.pop(place)

    def kill(self, number: int) -> None:
        if self.workers:
            self.workers.pop(number % len(self.workers))

    def expire(self, number: int) -> None:
        """A lease runs out; its worker may be alive, and goes on."""
        if self.workers:
            claim = self.workers[number % len(self.workers)][0]
            past = utc_now() - timedelta(seconds=1)
            with self.database.transaction() as session:
                session.execute(
                    update(JobRow)
                    .where(JobRow.id == claim.id, JobRow.status == JobStatus.RUNNING)
                    .values(lease_expires_at=past, dispatched_at=None)
                )

    def renew(self, number: int) -> None:
        self._ended(number, lambda session, claim: jobs.renew(session, claim, lease=LEASE), last=False)

    def fail(self, number: int) -> None:
        self._ended(number, lambda session, claim: jobs.fail(session, claim, "bad luck", attempts=ENDLESS, final=False))

    def set_back(self, number: int) -> None:
        self._ended(number, jobs.set_back)

    def put_off(self, number: int) -> None:
        self._ended(number, lambda session, claim: jobs.put_off(session, claim, "something is away"))

    def _ended(self, number: int, how: object, *, last: bool = True) -> None:
        if not self.workers:
            return
        place = number % len(self.workers)
        try:
            with self.database.transaction() as session:
                assert callable(how)
                how(session, self.workers[place][0])
        except LeaseLost:
            last = True
        if last:
            self.workers.pop(place)

    def settle(self) -> None:
        """Everybody dies; then one healthy worker is left to it."""
        self.workers.clear()
        with self.database.transaction() as session:
            session.execute(
                update(JobRow)
                .where(JobRow.status == JobStatus.RUNNING)
                .values(lease_expires_at=utc_now() - timedelta(seconds=1))
            )
        for _ in range(200):
            self.ring()
            if not self.redis:
                return
            while self.redis:
                self.start(0)
                while self.workers:
                    self.step(0)
        pytest.fail("jobs are left that nobody can finish")


@pytest.fixture
def world_of(database: Database) -> Database:
    return database


@given(operations=OPERATIONS)
@settings(max_examples=25)
def test_each_effect_comes_exactly_once(world_of: Database, operations: list[tuple[str, int]]) -> None:
    world = World(world_of)
    world.enqueue(0)
    for name, number in operations:
        getattr(world, name)(number)
    world.settle()
    with world.database.read() as session:
        rows = {row.id: row for row in session.scalars(select(JobRow).where(JobRow.id.in_(world.made)))}
        effects = session.scalars(select(AuditLogRow.subject).where(AuditLogRow.actor == world.mark)).all()
    assert len(effects) == len(set(effects)), "an effect came twice"
    for job_id, row in rows.items():
        assert row.status is JobStatus.SUCCEEDED
        mine = sorted(effect.removeprefix(f"{job_id} ") for effect in effects if effect.startswith(job_id))
        assert mine == sorted([f"block {block}" for block in range(BLOCKS)] + ["end"])


@given(operations=OPERATIONS)
@settings(max_examples=10)
def test_at_most_one_of_a_key_runs_at_once(world_of: Database, operations: list[tuple[str, int]]) -> None:
    world = World(world_of)
    for name, number in [("enqueue", 0), ("ring", 0), *operations]:
        getattr(world, name)(number)
        with world.database.read() as session:
            for status in (JobStatus.QUEUED, JobStatus.RUNNING):
                keys = session.scalars(select(JobRow.dedupe_key).where(JobRow.status == status)).all()
                assert len(keys) == len(set(keys))
    world.settle()
