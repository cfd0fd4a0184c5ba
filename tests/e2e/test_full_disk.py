"""The disk fills up under the real processes: callers are told, jobs wait, and all goes on once there is room again."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from benchmarks._crowd import HURRIED, Crowd
from benchmarks._disk import fill, small_disk
from benchmarks._stack import Stack
from models.absence import NO_ROOM, NO_ROOM_FOR_ROWS
from models.settings import Settings
from models.store.session import Database
from models.store.tables import JobRow
from models.vocabulary import Job
from tests.conftest import postgresql_database
from tests.e2e.observed import eventually
from winnow import ApiError, Client

MEGABYTES = 96
ROWS = 600


@pytest.fixture
def disk(tmp_path: Path, backend: str) -> Iterator[Path]:
    """For everything, Redis and the logs too; or with PostgreSQL for the data folder alone."""
    place = tmp_path / "stack" if backend == "sqlite" else tmp_path / "stack" / "data"
    if shutil.which("mount") is None:
        pytest.skip("there is no `mount`, so no small file system")
    try:
        with small_disk(place, MEGABYTES) as folder:
            yield folder
    except PermissionError as error:
        pytest.skip(f"needs root to mount a small file system: {error}")


@pytest.fixture
def url(backend: str, request: pytest.FixtureRequest) -> str:
    """Of a database: SQLite on the small disk, or PostgreSQL on another one."""
    return "" if backend == "sqlite" else postgresql_database(request.getfixturevalue("postgresql_server"))


def test_a_full_disk_is_told_and_loses_nothing(disk: Path, url: str, tmp_path: Path) -> None:
    settings = {**HURRIED, "WINNOW_JOB_ATTEMPTS": "2"}
    stack = Stack(tmp_path / "stack", tmp_path / "none", url, settings=settings, through="benchmarks._stand_in")
    with stack, stack.client() as client:
        crowd = Crowd(client, tmp_path, rows=ROWS, people=2)
        crowd.begin()
        crowd.until(decisions=45)
        crowd.send()  # what is left of this file and its vectors comes to a full disk
        ballast = fill(disk)
        with Client(client.base_url, api_key=stack.key(), retries=0) as hasty:

            def refused(size: int) -> bool:
                fill(disk)  # what is half made makes room again when it is given up, and so does a file that was read
                with pytest.raises(ApiError) as told:  # a project that is not there: with room, nothing is kept
                    hasty.import_file("nowhere", b"text\n" + b"one more\n" * size, filename="more.csv")
                return told.value.status == 503 and "There is no room left on the disk" in str(told.value)

            for size in (1, 400_000):
                eventually(lambda size=size: refused(size))
            if url:
                crowd.until(decisions=15)  # of the questions that are there: new ones need room

                def hindered() -> bool:
                    fill(disk)  # an upload that was read to its end has made room again
                    hasty.train(crowd.slug)
                    return waits(url, Job.TRAIN)

                eventually(hindered)
            else:
                with pytest.raises(ApiError, match=NO_ROOM_FOR_ROWS) as told:
                    hasty.add_items(crowd.slug, [f"{number} " * 2_000 for number in range(1_000)])
                assert told.value.status == 503
        ballast.unlink()
        crowd.until(decisions=45)
        crowd.send()
        crowd.end()
        _, faults = crowd.look(url, stack.data)
    assert faults == []


def waits(url: str, kind: Job) -> bool:
    """Whether a job of this kind has met the full disk and waits to be tried again."""
    database = Database(Settings(database_url=url).database)
    with database.read() as session:
        unfinished = JobRow.kind == kind, JobRow.finished_at.is_(None)
        said = session.scalars(select(JobRow.error).where(*unfinished)).all()
    database.close()
    return NO_ROOM in said
