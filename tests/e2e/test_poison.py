"""A record kills every worker that touches it: its job is given up and told, and all other work goes on."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import select

from benchmarks._crowd import HURRIED
from benchmarks._stack import Stack, settle
from models.settings import Settings
from models.store.session import Database
from models.store.tables import JobRow
from models.vocabulary import JobStatus
from tests.e2e.observed import eventually

POISON = "arsenic"
ATTEMPTS = 2
PATIENCE = 240.0
SETTINGS = {**HURRIED, "WINNOW_JOB_LEASE_SECONDS": "2", "WINNOW_JOB_ATTEMPTS": str(ATTEMPTS), "STAND_IN_POISON": POISON}


@contextmanager
def kept_alive(stack: Stack) -> Iterator[list[int]]:
    """The worker is started again whenever it has died, as every supervisor does. Gives the codes with which it ended."""
    over, deaths = threading.Event(), list[int]()

    def keep() -> None:
        while not over.wait(0.1):
            code = stack.ended("worker")
            if code is not None:
                deaths.append(code)
                stack.start("worker")

    thread = threading.Thread(target=keep)
    thread.start()
    try:
        yield deaths
    finally:
        over.set()
        thread.join()


def test_a_poisoned_job_is_given_up_and_told_and_the_others_go_on(tmp_path: Path) -> None:
    stack = Stack(tmp_path, tmp_path / "none", settings=SETTINGS, through="benchmarks._stand_in")
    with stack, stack.client() as client, kept_alive(stack) as deaths:
        well, ill = (client.create_project(name, categories=["Yes", "No"]).slug for name in ("Well", "Ill"))
        client.add_items(ill, ["all is well", f"with {POISON} in it"])
        eventually(lambda: deaths)
        client.add_items(well, [f"number {number}" for number in range(50)])
        settle(client, well, PATIENCE)
        assert client.stats(well).queue.open > 0
        settle(client, ill, PATIENCE)
        assert deaths == [-9] * ATTEMPTS
        [job] = [client.job(one) for one in failed(stack.data)]
        assert (job.kind, job.error) == ("embed", f"given up: its worker died {ATTEMPTS} times")
        eventually(lambda: "jobs-failing" in {one.name for one in client.alerts()})
        client.add_items(well, ["one more"])
        settle(client, well, PATIENCE)
        assert len(deaths) == ATTEMPTS


def failed(data: Path) -> list[str]:
    """The ids of the jobs that were given up."""
    database = Database(Settings(data_dir=data).database)
    with database.read() as session:
        found = list(session.scalars(select(JobRow.id).where(JobRow.status == JobStatus.FAILED)))
    database.close()
    return found
