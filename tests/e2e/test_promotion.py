"""Two real API processes under load: a promotion reaches both at once and costs no request."""

import os
import shutil
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from models.learn.encoders import Encoder
from models.runtime import Runtime
from models.settings import Settings
from models.steps.accounts import SYSTEM, create_api_key
from models.steps.ingest import add_items
from models.steps.items import NewItem
from models.steps.projects import NewCategory, create_project
from models.store.session import Database
from models.vocabulary import Role
from tests.e2e.test_up import eventually
from tests.integration.conftest import TOPICS, texts
from tests.servers import free_port
from tests.working import drain

PROMOTIONS = 12
CALLERS = 6
PATH = "/v1/projects/tickets"


@dataclass(frozen=True)
class Pair:
    """Two API processes on one database."""

    urls: list[str]
    headers: dict[str, str]


@pytest.fixture
def pair(tmp_path: Path, database_url: str, redis_url: str, encoder: Encoder, encoder_cache: Path) -> Iterator[Pair]:
    settings = Settings(data_dir=tmp_path / "data", database_url=database_url, redis_url=redis_url)
    unfinished = shutil.ignore_patterns(".*")  # of another test, beside this one
    shutil.copytree(encoder_cache, settings.data_dir / "encoders", ignore=unfinished)
    secret = trained(settings, encoder)
    ports = [free_port(), free_port()]
    given = {name: value for name, value in os.environ.items() if not name.startswith("WINNOW_")}
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "api"],
            env={
                **given,
                "WINNOW_DATA_DIR": str(settings.data_dir),
                "WINNOW_DATABASE_URL": database_url,
                "WINNOW_REDIS_URL": redis_url,
                "WINNOW_API_PORT": str(port),
            },
        )
        for port in ports
    ]
    pair = Pair([f"http://127.0.0.1:{port}" for port in ports], {"X-API-Key": secret})
    try:
        for url in pair.urls:
            eventually(lambda url=url: is_alive(url))
        yield pair
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(120)


def trained(settings: Settings, encoder: Encoder) -> str:
    """A project with a version 1; returns an administrator's key."""
    database = Database(settings.database)
    runtime = Runtime(settings, database, encoder)
    with database.transaction() as session:
        categories = [NewCategory(name) for name in TOPICS]
        project = create_project(session, SYSTEM, name="Tickets", categories=categories)
        add_items(session, SYSTEM, project, [NewItem(text, category=name) for text, name in texts(40)])
        _, secret = create_api_key(session, SYSTEM, name="all", role=Role.ADMIN)
    drain(runtime)
    database.close()
    return secret


def is_alive(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/healthz", trust_env=False).status_code == 200
    except httpx2.HTTPError:
        return False


def test_a_promotion_reaches_every_process_at_once_and_costs_no_request(pair: Pair) -> None:
    over = threading.Event()
    seen: Counter[tuple[int, object]] = Counter()

    def call(number: int) -> None:
        with httpx2.Client(base_url=pair.urls[number % 2], headers=pair.headers, timeout=60) as http:
            turn = 0
            while not over.is_set():
                turn += 1
                answer = http.post(f"{PATH}/predict", json={"items": [{"text": f"parcel {number} of {turn} is late"}]})
                seen[answer.status_code, answer.json().get("model_version")] += 1

    callers = [threading.Thread(target=call, args=(number,)) for number in range(CALLERS)]
    for caller in callers:
        caller.start()
    try:
        with httpx2.Client(headers=pair.headers, timeout=60) as http:
            for turn in range(PROMOTIONS):
                number = turn % 2
                moved = http.post(f"{pair.urls[turn % 2]}{PATH}/models/{number}/promote", json={})
                assert moved.status_code == 200, moved.text
                for url in pair.urls:
                    told = http.post(f"{url}{PATH}/predict", json={"items": [{"text": f"after promotion {turn}"}]})
                    assert told.json()["model_version"] == number
                heard = seen[200, number]
                eventually(lambda number=number, heard=heard: seen[200, number] > heard)  # the callers go on meanwhile
    finally:
        over.set()
    for caller in callers:
        caller.join()
    assert set(seen) == {(200, 0), (200, 1)}
