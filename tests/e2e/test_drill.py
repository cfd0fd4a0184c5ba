"""A drill with real Prometheus and Alertmanager: a worker is killed, somebody is told, it comes back.

The same run fills the dashboards: every query of every panel gets an answer with numbers in it.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.test_dashboards import queries, with_values
from tests.e2e.observed import ROOT, System, eventually
from winnow import Client, NotFound

TOPICS = {
    "Billing": ("I was charged twice for order {}", "my invoice number {} shows the wrong amount"),
    "Login": ("I cannot sign in, error {} appears", "the password reset mail {} never came"),
    "Shipping": ("parcel {} has not arrived yet", "the courier left package {} at the wrong door"),
}
ENCODER = "all-MiniLM-L6-v2-*-fp32-onnx"

pytestmark = pytest.mark.timeout(1200)


def truth() -> dict[str, str]:
    return {
        wording.format(number): name
        for number in range(20)
        for name, wordings in TOPICS.items()
        for wording in wordings
    }


@pytest.fixture(scope="module")
def system(
    tmp_path_factory: pytest.TempPathFactory, redis_url: str, encoder: Any, encoder_cache: Path
) -> Iterator[System]:
    del encoder  # it is exported now
    made = System(tmp_path_factory.mktemp("drill"), redis_url, next(encoder_cache.glob(ENCODER)).resolve())
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def began() -> float:
    return time.time()


@pytest.fixture(scope="module")
def slug(began: float, system: System) -> str:
    """A project in which two versions were trained, and asked."""
    del began
    with Client(f"http://127.0.0.1:{system.api}", api_key=system.key()) as client:
        project = client.create_project(
            "Support tickets",
            categories=[
                {"name": "Billing", "description": "invoices, charges, refunds"},
                {"name": "Login", "description": "passwords and signing in"},
                {"name": "Shipping", "description": "parcels and delivery"},
            ],
            settings={"retrain_every": 20},
        ).slug
        client.add_items(project, list(truth()))
        for version in (1, 2):
            eventually(lambda: client.stats(project).queue.open >= 20)
            client.predict(project, ["where is my parcel", "I cannot sign in"])
            with pytest.raises(NotFound):
                client.project("no-such-project")
            for task in client.lease(project, 22):
                answer = truth()[task.item.text or ""]
                client.decide(project, task_id=task.task_id, action="correct", categories=[answer])
            eventually(lambda wanted=version: (client.stats(project).serving_model or 0) >= wanted)
        client.predict(project, ["where is my parcel", "I cannot sign in"])
        return project


@pytest.mark.usefixtures("slug")
def test_somebody_is_told_that_the_worker_is_gone_and_that_it_is_back(system: System) -> None:
    heard = system.watch.receiver.heard
    assert not heard("WorkerGone")
    system.kill_worker()
    killed = time.monotonic()
    eventually(lambda: heard("WorkerGone"))
    assert time.monotonic() - killed > 10, "it was told before the worker could be missed"
    system.start_worker()
    eventually(lambda: heard("WorkerGone", "resolved"))


def test_every_panel_has_something_to_show(system: System, slug: str, began: float) -> None:
    def silent() -> list[str]:
        return [place for place, query in queries() if not system.watch.values(with_values(query, slug), began)]

    deadline = time.monotonic() + 300
    with Client(f"http://127.0.0.1:{system.api}", api_key=system.key()) as client:
        while missing := silent():
            assert time.monotonic() < deadline, f"no numbers for {missing}"
            client.predict(slug, ["where is my parcel", "I cannot sign in"])  # a rate needs something that goes on
            client.train(slug)
            time.sleep(2)


def test_the_smoke_test_passes_where_all_is_well(system: System) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    done = subprocess.run(
        [ROOT / "deploy" / "smoke", f"http://127.0.0.1:{system.api}"],
        env={**os.environ, "WINNOW_API_KEY": system.key(), "no_proxy": "127.0.0.1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("Winnow works.\n")
    with Client(f"http://127.0.0.1:{system.api}", api_key=system.key()) as client:
        assert not [project for project in client.projects() if project.slug.startswith("smoke-")]
