"""The product in a real browser: every process real, a person with a keyboard."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from benchmarks._browsers import chromium as started
from tests.e2e.browser.person import FIELDS, PASSWORD, PATIENCE_MS, SLUG, TOPICS, sign_in
from tests.e2e.test_up import Machine, eventually
from winnow import Client


@pytest.fixture(scope="package")
def machine(tmp_path_factory: pytest.TempPathFactory, encoder_cache: Path) -> Iterator[Machine]:
    made = Machine(tmp_path_factory.mktemp("browser"), WINNOW_ADMIN_PASSWORD=PASSWORD, WINNOW_DEMO="0")
    made.lend(encoder_cache, made.folder / "data")
    made.up()
    yield made
    made.stop()


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE_MS)
    with started() as browser:
        yield browser


@pytest.fixture
def client(machine: Machine) -> Iterator[Client]:
    with machine.client() as opened:
        yield opened


@pytest.fixture
def project(client: Client) -> Iterator[str]:
    """A project of 150 tickets with cards to review and a version after every 12 decisions."""
    descriptions = {"Billing": "invoices, charges", "Login": "passwords", "Shipping": "parcels, delivery"}
    client.create_project(
        "Support tickets",
        categories=[{"name": name, "description": text} for name, text in descriptions.items()],
        settings={"retrain_every": 12, "audit_rate": 0.1},
    )
    texts = [wording.format(number, number) for number in range(50) for wording in TOPICS.values()]
    client.add_items(SLUG, [{"text": text, "fields": FIELDS} for text in texts])
    eventually(lambda: client.stats(SLUG).queue.open > 40)
    yield SLUG
    client.delete_project(SLUG)


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    opened = chromium.new_context(viewport={"width": 1280, "height": 800})
    opened.set_default_timeout(PATIENCE_MS)
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext, machine: Machine) -> Page:
    """Signed in as admin."""
    return sign_in(context, machine)
