"""The way to PostgreSQL and Redis is slow, falls silent, and breaks off, under the real processes."""

from pathlib import Path

import httpx2
import pytest

from benchmarks._crowd import HURRIED, Crowd
from benchmarks._stack import Stack
from benchmarks._wire import Wire, address_of
from tests.conftest import postgresql_database
from winnow import Client, ConnectionFailed

ROWS = 600
SLOW_SECONDS = 0.005
PATIENCE_SECONDS = 5.0
"""Longer than a job's lease lasts here."""


def test_a_slow_silent_and_broken_network_loses_nothing(postgresql_server: str, tmp_path: Path) -> None:
    direct = postgresql_database(postgresql_server)
    with Wire(address_of(direct)) as rows:
        url = rows.leading(direct)
        stack = Stack(tmp_path, tmp_path / "none", url, settings=HURRIED, through="benchmarks._stand_in")
        with Wire(("127.0.0.1", stack.redis_port)) as bell:
            stack.variables["WINNOW_REDIS_URL"] = f"redis://127.0.0.1:{bell.port}/0"
            with stack, stack.client() as client:
                crowd = Crowd(client, tmp_path, rows=ROWS, people=2)
                crowd.begin()
                crowd.until(decisions=45)
                rows.delay = bell.delay = SLOW_SECONDS
                crowd.send()
                crowd.until(decisions=10)
                rows.silence()
                bell.silence()
                http = httpx2.Client(base_url=client.base_url, timeout=PATIENCE_SECONDS)
                with pytest.raises(ConnectionFailed), Client(http=http, retries=0) as hasty:
                    hasty.ready()
                rows.speak()
                bell.speak()
                for _ in range(3):
                    crowd.until(decisions=10)
                    rows.break_off()
                    bell.break_off()
                rows.delay = bell.delay = 0.0
                crowd.send()
                crowd.until(decisions=10)
                crowd.end()
                _, faults = crowd.look(url, stack.data)
    assert faults == []
