"""PostgreSQL is lost and its standby takes over at another address, under the real processes."""

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from benchmarks._crowd import HURRIED, Crowd
from benchmarks._postgres import Standby
from benchmarks._stack import Stack
from benchmarks._wire import Wire
from models.store.session import Database
from tests.conftest import postgresql_database, postgresql_of_our_own

ROWS = 600


@pytest.fixture
def pair() -> Iterator[tuple[Standby, str]]:
    """A standby, and the URL of a database on the server that it copies."""
    with tempfile.TemporaryDirectory(prefix="winnow-pg-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = postgresql_of_our_own(folder / "first")
        url = postgresql_database(server.get_uri())
        with Standby(server, folder / "second") as standby:
            yield standby, url
        with suppress(OSError):
            server.cleanup()


def test_a_standby_takes_over_at_another_address_and_nothing_is_lost(pair: tuple[Standby, str], tmp_path: Path) -> None:
    standby, url = pair
    with Wire(str(standby.first)) as wire:
        led = wire.leading(url)
        stack = Stack(tmp_path, tmp_path / "none", led, settings=HURRIED, through="benchmarks._stand_in")
        with stack, stack.client() as client:
            crowd = Crowd(client, tmp_path, rows=ROWS, people=2)
            crowd.begin()
            crowd.until(decisions=45)
            crowd.send()
            standby.take_over()
            wire.lead_to(str(standby.second))
            crowd.until(decisions=45)
            crowd.send()
            crowd.end()
            _, faults = crowd.look(led, stack.data)
    assert faults == []
    # A URL that names both servers finds the one that takes what is written.
    both = f"host={standby.first.parent}&host={standby.second.parent}&target_session_attrs=read-write"
    database = Database(f"postgresql+psycopg2://postgres@/{make_url(url).database}?{both}")
    with database.transaction() as session:
        assert session.scalar(text("SELECT count(*) FROM decision")) >= crowd.decided()
    database.close()
