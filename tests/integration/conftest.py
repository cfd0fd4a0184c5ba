"""A project with items, and a worker that does what is due, in this process."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

import pytest

from models.runtime import Runtime
from models.steps import deliver
from models.steps.accounts import Caller, create_user, user_caller
from models.steps.ingest import add_items
from models.steps.items import NewItem
from models.steps.projects import NewCategory, create_project
from models.store.tables import ProjectRow
from models.vocabulary import Role
from tests import working
from tests.integration.crashes import Crash, Mortal, crash_everywhere
from tests.unit.winnow_client.conftest import Answer, LoopbackServer

Drain = Callable[[], int]

EVEN_RESERVE = "9529"
"""A project's salt: of its first 12, 90, 120, 150 and 240 items it reserves a tenth, a quarter or half, as one would
expect, and of every wording of the texts below about as many. One that is drawn may reserve three of a hundred."""

TOPICS = {
    "Billing": ("I was charged twice for order {}", "my invoice number {} shows the wrong amount"),
    "Login": ("I cannot sign in, error {} appears", "the password reset mail {} never came"),
    "Shipping": ("parcel {} has not arrived yet", "the courier left package {} at the wrong door"),
}


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackServer]:
    """Somebody who listens to webhooks, and is asked again only when a test lets the time pass."""
    monkeypatch.setattr(deliver, "_FIRST_WAIT", timedelta(hours=1))
    server = LoopbackServer()
    server.behaviour = lambda _asked: Answer({"thanks": True})
    yield server
    server.close()


@pytest.fixture
def ann(runtime: Runtime) -> Caller:
    with runtime.database.transaction() as session:
        boss = Caller("system", "system", Role.ADMIN)
        return user_caller(create_user(session, boss, username="ann", password="a long passphrase", role=Role.MANAGER))


@pytest.fixture
def drain(runtime: Runtime) -> Drain:
    """Do every job that is due, and those they leave behind; returns how many."""
    return lambda: working.drain(runtime)


def texts(count: int) -> list[tuple[str, str]]:
    """Texts with their true categories, `count` in all."""
    pairs = []
    for number in range(count):
        name = list(TOPICS)[number % len(TOPICS)]
        wording = TOPICS[name][(number // len(TOPICS)) % 2]
        pairs.append((wording.format(number), name))
    return pairs


@pytest.fixture
def project(runtime: Runtime, ann: Caller) -> ProjectRow:
    with runtime.database.transaction() as session:
        made = create_project(
            session,
            ann,
            name="Support tickets",
            categories=[
                NewCategory("Billing", "invoices, charges, refunds"),
                NewCategory("Login", "passwords and signing in"),
                NewCategory("Shipping", "parcels and delivery"),
            ],
            settings={"retrain_every": 10},
        )
        made.salt = EVEN_RESERVE
        return made


@pytest.fixture
def filled(runtime: Runtime, ann: Caller, project: ProjectRow, drain: Drain) -> ProjectRow:
    """The project with 120 items, embedded, scored and queued."""
    put(runtime, ann, project, [NewItem(text) for text, _ in texts(120)])
    drain()
    return project


def put(runtime: Runtime, caller: Caller, project: ProjectRow, items: Sequence[NewItem]) -> None:
    with runtime.database.transaction() as session:
        add_items(session, caller, session.merge(project, load=False), items)


@pytest.fixture
def crash(runtime: Runtime, database_url: str) -> Iterator[Crash]:
    mortal = Mortal(database_url)
    yield lambda job: crash_everywhere(runtime, mortal, job)
    mortal.close()
