"""The product in a real browser: every process real, a person with a keyboard."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Error, Page, expect, sync_playwright

from benchmarks._browsers import CHROMIUM, FLAGS
from tests.e2e.browser.person import FIELDS, PASSWORD, PATIENCE_MS, SLUG, TOPICS, WINDOW, sign_in
from tests.e2e.test_up import Machine, eventually
from winnow import Client

_KEPT = "cookies,local_storage,indexeddb,cache_storage,service_workers"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With a failure goes what the pages show: what was waited for does not tell what came instead."""
    report = yield
    context = getattr(item, "funcargs", {}).get("context")
    if report.failed and report.when == "call" and context is not None:
        for opened in context.pages:
            with suppress(Error):
                report.sections.append((f"shown at {opened.url}", opened.locator("body").inner_text(timeout=5000)))
    return report


@pytest.fixture(scope="package")
def machine(tmp_path_factory: pytest.TempPathFactory, encoder_cache: Path) -> Iterator[Machine]:
    made = Machine(tmp_path_factory.mktemp("browser"), WINNOW_ADMIN_PASSWORD=PASSWORD, WINNOW_DEMO="0")
    made.lend(encoder_cache, made.folder / "data")
    made.up()
    yield made
    made.stop()


@pytest.fixture(scope="package")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    """One browser with a folder of its own: there it keeps the pages' scripts compiled, a third of what a load costs."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("chromium"), executable_path=CHROMIUM, args=FLAGS, viewport=WINDOW
        )
        opened.set_default_timeout(PATIENCE_MS)
        yield opened
        opened.close()


@pytest.fixture(scope="package")
def client(machine: Machine) -> Iterator[Client]:
    with machine.client() as opened:
        yield opened


@contextmanager
def tickets(client: Client) -> Iterator[str]:
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
def project(client: Client) -> Iterator[str]:
    """The tickets for one test alone, which may do with them what it likes."""
    with tickets(client) as slug:
        yield slug


@pytest.fixture
def context(chromium: BrowserContext, machine: Machine) -> Iterator[BrowserContext]:
    """The browser as if nobody had used it."""
    yield chromium
    as_new(chromium, machine)


def as_new(browser: BrowserContext, machine: Machine) -> None:
    """Closes what is open, and has the browser forget everything but the files that it was sent."""
    browser.set_offline(offline=False)
    blank = browser.new_page()
    for opened in browser.pages:
        if opened != blank:
            opened.close()
    origin = f"http://127.0.0.1:{machine.ui}"
    browser.new_cdp_session(blank).send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": _KEPT})
    browser.clear_cookies()


@pytest.fixture
def page(context: BrowserContext, machine: Machine) -> Page:
    """Signed in as admin."""
    return sign_in(context, machine)
