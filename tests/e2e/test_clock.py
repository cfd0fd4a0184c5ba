"""The clock of API and worker is set an hour ahead, and an hour back again."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx2

from benchmarks._clock import Clock
from benchmarks._crowd import HURRIED, Crowd
from benchmarks._stack import Stack
from tests.e2e.observed import eventually
from winnow import Client

ROWS = 600
HOUR = 3_600
PATIENCE = 240.0
PASSWORD = "a long enough passphrase"


def told(url: str) -> timedelta:
    """How far the API's clock is ahead of ours."""
    answer = httpx2.get(f"{url}/healthz", headers={"Connection": "close"})
    return parsedate_to_datetime(answer.headers["date"]) - datetime.now(UTC)


def test_nothing_is_lost_doubled_or_late_when_the_clock_is_set(tmp_path: Path) -> None:
    clock = Clock(tmp_path)
    settings = {**HURRIED, **clock.variables}
    stack = Stack(tmp_path, tmp_path / "none", settings=settings, through="benchmarks._stand_in")
    with stack, stack.client() as client:
        crowd = Crowd(client, tmp_path, rows=ROWS, people=2)
        client.create_user("ann", PASSWORD)
        ann = Client(client.base_url, username="ann", password=PASSWORD)
        crowd.begin()
        for seconds in (HOUR, 0):
            crowd.until(decisions=5)
            job = crowd.send()
            with crowd.resting():
                stack.end("worker")  # whatever it has in hand was leased by the clock as it was
                clock.set(seconds)
                eventually(lambda seconds=seconds: abs(told(client.base_url) - timedelta(seconds=seconds)).seconds < 60)
                stack.start("worker")
            crowd.until(decisions=5)
            client.wait(job, timeout=PATIENCE)
            assert ann.me().username == "ann", "who had signed in is still known"
            Client(client.base_url, username="ann", password=PASSWORD).me()
            eventually(lambda: client.ready().parts["workers"].ok)
        crowd.until(decisions=60)  # enough for a version, however few of them there were so far
        crowd.end()
        _, faults = crowd.look("", stack.data)
    assert faults == []
