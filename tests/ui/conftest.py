"""The real API on a real port, and a worker that does what is due on demand."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
import uvicorn
from streamlit.components.v2.manifest_scanner import scan_component_manifests

from api.app import create_app
from models.runtime import Runtime
from models.steps.accounts import Caller, create_user
from models.store.tables import WorkerRow
from models.store.types import utc_now
from models.vocabulary import Role
from tests.working import drain
from winnow import Client

PASSWORD = "a long passphrase"
CATEGORIES = [
    {"name": "Billing", "description": "invoices, charges, refunds"},
    {"name": "Login", "description": "passwords and signing in"},
    {"name": "Shipping", "description": "parcels and delivery"},
]
TEXTS = ("I was charged twice for order {}", "error {} when I sign in", "parcel {} has not arrived yet")


@dataclass(frozen=True)
class Stage:
    """Where a UI test plays.

    Attributes:
        url: of the API.
        runtime: of the same database.
        drain: does every job that is due.
        stop: ends the API, as an outage would.
    """

    url: str
    runtime: Runtime
    drain: Callable[[], int]
    stop: Callable[[], None]

    def client(self, username: str = "mary") -> Client:
        return Client(self.url, username=username, password=PASSWORD, retries=0)


@pytest.fixture
def backend() -> str:
    """The UI meets the database only through the API: one kind is enough here."""
    return "sqlite"


@pytest.fixture(autouse=True, scope="session")
def components_once() -> Iterator[None]:
    """Streamlit asks every package that is installed whether it brings components, again for each application."""
    found = scan_component_manifests()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("streamlit.components.v2.manifest_scanner.scan_component_manifests", lambda: found)
        yield


@pytest.fixture(autouse=True)
def no_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streamlit's test runner has a mock for what connects, which has no address."""
    monkeypatch.setattr("streamlit.runtime.context._get_client_context", lambda: None)


@pytest.fixture
def stage(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """The API with an administrator, ada, a manager, mary, a reviewer, rita, and an empty project list."""
    boss = Caller("system", "system", Role.ADMIN)
    with runtime.database.transaction() as session:
        create_user(session, boss, username="ada", password=PASSWORD, role=Role.ADMIN)
        create_user(session, boss, username="mary", password=PASSWORD, role=Role.MANAGER)
        create_user(session, boss, username="rita", password=PASSWORD, role=Role.REVIEWER)
        session.add(WorkerRow(name="in this process", seen_at=utc_now() + timedelta(days=1)))
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    app = create_app(runtime.settings, encoder=runtime.encoder)
    # A connection that rests is kept, however long the machine stands still before the next request on it.
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_keep_alive=3600))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)

    def stop() -> None:
        server.should_exit = True
        thread.join()
        listening.close()

    monkeypatch.setenv("WINNOW_API_URL", url)
    yield Stage(url, runtime, lambda: drain(runtime), stop)
    stop()


@pytest.fixture
def tickets(stage: Stage) -> str:
    """The slug of a project with 60 items that are embedded, scored and queued."""
    with stage.client() as client:
        project = client.create_project("Support tickets", categories=CATEGORIES, settings={"retrain_every": 10})
        client.add_items(project.slug, [TEXTS[number % 3].format(number) for number in range(60)])
    stage.drain()
    return project.slug
