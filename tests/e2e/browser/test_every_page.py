"""Every page for everybody: accessible by axe-core, and no wider than the window."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.e2e.browser.conftest import as_new, tickets
from tests.e2e.browser.person import (
    BLIND,
    BROWSER,
    PATIENCE_MS,
    SUGGESTED,
    WINDOW,
    every_page,
    open_page,
    review,
    sign_in,
    until_card,
)
from tests.e2e.test_up import Machine
from winnow import Client

pytestmark = BROWSER

_AXE = "axe-core@4.14.1"
"""One version: each brings rules of its own, which pages may break that no one has touched."""

_LASTS_SECONDS = PATIENCE_MS / 1000


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The accessibility checker axe-core, from npm."""
    npm = shutil.which("npm")
    folder = tmp_path_factory.mktemp("axe")
    if npm is None:
        pytest.skip("npm is not on the PATH: the accessibility check needs it")
    command = [npm, "install", "--silent", "--no-fund", "--no-audit", _AXE]
    with suppress(subprocess.TimeoutExpired):
        subprocess.run(command, cwd=folder, check=False, timeout=240)
    found = folder / "node_modules" / "axe-core" / "axe.min.js"
    if not found.exists():
        pytest.skip("npm could not install axe-core")
    return found.read_text(encoding="utf-8")


# The rectangle that chooses on the map is drawn by Vega without a title; nothing can be done about it from outside.
_CHECKED = """() => axe.run(
  { exclude: ['.chosen_brush', '.chosen_brush_bg'] },
  { resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] },
)"""


def faults_now(page: Page) -> list[tuple[str, str]]:
    """The serious faults of what is shown, after a moment for it to settle."""
    page.wait_for_timeout(500)
    violations = page.evaluate(_CHECKED)["violations"]
    return [
        (one["id"], one["nodes"][0]["html"][:200]) for one in violations if one["impact"] in {"serious", "critical"}
    ]


def lasting_faults(page: Page) -> list[tuple[str, str]]:
    """Those of a page at rest. While it is drawn, what is half faded in is too pale for a moment."""
    end = time.monotonic() + _LASTS_SECONDS
    while (found := faults_now(page)) and time.monotonic() < end:
        pass
    return found


_GROUND = "getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"
_NARROW = {"width": 390, "height": 844}


@pytest.fixture(scope="module", autouse=True)
def project(client: Client) -> Iterator[str]:
    """One for all of these: they look at it, and what is answered on the way is in nobody's way."""
    with tickets(client) as slug:
        yield slug


@pytest.fixture(scope="module")
def signed_in(chromium: BrowserContext, machine: Machine) -> Iterator[Page]:
    """Once for all of these, which only go from page to page."""
    yield sign_in(chromium, machine)
    as_new(chromium, machine)


@pytest.fixture
def page(signed_in: Page) -> Page:
    signed_in.set_viewport_size(WINDOW)
    signed_in.emulate_media(color_scheme="light")
    return signed_in


def turn(page: Page, colours: str) -> None:
    """Changes the colours where the page stands, as a system does in the evening."""
    before = page.evaluate(_GROUND)
    page.emulate_media(color_scheme=colours)
    page.wait_for_function(f"before => {_GROUND} !== before", arg=before)


def until_it_fits(page: Page) -> None:
    """Waits until nothing is wider than the window: what slides in or out may be for a moment."""
    page.wait_for_function(
        "() => { const m = document.querySelector('[data-testid=stMain]'); return m.scrollWidth <= m.clientWidth; }"
    )


def test_no_page_has_a_serious_fault_for_those_who_see_or_hear_it_otherwise_or_is_wider_than_the_window(
    page: Page, machine: Machine, client: Client, axe: str
) -> None:
    faults = []
    for path in every_page(client):
        open_page(page, machine, path)
        until_it_fits(page)
        page.evaluate(axe)
        faults += [(path, "light", *fault) for fault in lasting_faults(page)]
        turn(page, "dark")
        if faults_now(page):  # Streamlit gives some buttons the other colours only when they are drawn anew
            open_page(page, machine, path)
            page.evaluate(axe)
            faults += [(path, "dark", *fault) for fault in lasting_faults(page)]
        turn(page, "light")
    assert faults == []


def test_neither_a_card_with_a_suggestion_nor_a_blind_one_has_a_serious_fault(page: Page, axe: str) -> None:
    reading, faults = review(page), []
    page.evaluate(axe)
    for kind in (SUGGESTED, BLIND):
        until_card(page, reading, kind)
        for colours in ("dark", "light"):
            turn(page, colours)
            faults += [(kind, colours, *fault) for fault in lasting_faults(page)]
    assert faults == []


def test_no_page_is_wider_than_the_window_of_a_phone(page: Page, machine: Machine, client: Client) -> None:
    page.set_viewport_size(_NARROW)
    for path in every_page(client):
        open_page(page, machine, path)
        until_it_fits(page)
