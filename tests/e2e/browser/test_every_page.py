"""Every page for everybody: accessible by axe-core, and no wider than the window."""

import shutil
import subprocess
import time
from contextlib import suppress

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.browser.person import (
    BLIND,
    BROWSER,
    PATIENCE_MS,
    SUGGESTED,
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


def lasting_faults(page: Page) -> list[tuple[str, str]]:
    """The serious faults of a page at rest. While it is drawn, what is half faded in is too pale for a moment."""
    end = time.monotonic() + _LASTS_SECONDS
    while True:
        page.wait_for_timeout(500)
        violations = page.evaluate(_CHECKED)["violations"]
        serious = [one for one in violations if one["impact"] in {"serious", "critical"}]
        if not serious or time.monotonic() > end:
            return [(one["id"], one["nodes"][0]["html"][:200]) for one in serious]


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("colours", ["light", "dark"])
def test_no_page_has_a_serious_fault_for_those_who_see_or_hear_it_otherwise(
    chromium: Browser, machine: Machine, client: Client, axe: str, colours: str
) -> None:
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, color_scheme=colours)
    context.set_default_timeout(PATIENCE_MS)
    page = sign_in(context, machine)
    faults = []
    for path in every_page(client):
        open_page(page, machine, path)
        page.evaluate(axe)
        faults += [(path, *fault) for fault in lasting_faults(page)]
    context.close()
    assert faults == []


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("colours", ["light", "dark"])
def test_neither_a_card_with_a_suggestion_nor_a_blind_one_has_a_serious_fault(
    chromium: Browser, machine: Machine, axe: str, colours: str
) -> None:
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, color_scheme=colours)
    context.set_default_timeout(PATIENCE_MS)
    page = sign_in(context, machine)
    reading, faults = review(page), []
    page.evaluate(axe)
    for kind in (SUGGESTED, BLIND):
        until_card(page, reading, kind)
        faults += [(kind, *fault) for fault in lasting_faults(page)]
    context.close()
    assert faults == []


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_is_wider_than_the_window(page: Page, machine: Machine, client: Client, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    for path in every_page(client):
        open_page(page, machine, path)
        page.wait_for_function(  # at rest: what slides in or out may be wider for a moment
            "() => { const m = document.querySelector('[data-testid=stMain]'); return m.scrollWidth <= m.clientWidth; }"
        )
