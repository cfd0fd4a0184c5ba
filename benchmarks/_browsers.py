"""Everything that `winnow up` starts, and browsers that work at it, for the benchmark of the pages."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from benchmarks._stack import free_port
from winnow import Client

PASSWORD = "a passphrase for the benchmark"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
"""Debian's, where it is installed."""

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_PATIENCE_MS = 60_000
# Notes, for each digit pressed, when it was pressed and when what it changed had been painted.
_STOPWATCH = """
() => {
  window.pressed = [];
  window.addEventListener('keydown', (event) => {
    if (!/^[1-9]$/.test(event.key)) return;
    const entry = { at: performance.timeOrigin + event.timeStamp, start: event.timeStamp, painted: null };
    window.pressed.push(entry);
    requestAnimationFrame(() => {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => { entry.painted = performance.now() - entry.start; };
      channel.port2.postMessage(0);
    });
  }, true);
}
"""


class Up:
    """A Winnow as `winnow up` starts it, in a folder, without the demo.

    Args:
        folder: an empty folder for its data and log.
        encoders: a folder with encoders that are exported already; copied where it is there.
        settings: other variables of the environment.
    """

    def __init__(self, folder: Path, encoders: Path, settings: Mapping[str, str] | None = None) -> None:
        self.folder, self.api, self.ui = folder, free_port(), free_port()
        self.variables = {
            **{name: value for name, value in os.environ.items() if not name.startswith("WINNOW_")},
            "WINNOW_DATA_DIR": str(folder / "data"),
            "WINNOW_API_PORT": str(self.api),
            "WINNOW_UI_PORT": str(self.ui),
            "WINNOW_ADMIN_PASSWORD": PASSWORD,
            "WINNOW_DEMO": "0",
            **(settings or {}),
        }
        if encoders.is_dir():
            shutil.copytree(encoders, folder / "data" / "encoders")
        self._log = folder / "up.log"
        with self._log.open("wb") as log:
            command = [sys.executable, "-m", "winnow", "up"]
            self._process = subprocess.Popen(command, env=self.variables, stdout=log, stderr=log)
        while "Stop       Ctrl-C" not in self._log.read_text():
            if self._process.poll() is not None:
                sys.exit(f"Winnow did not start:\n{self._log.read_text()}")
            time.sleep(0.2)

    def client(self) -> Client:
        """A client with all rights."""
        return Client(f"http://127.0.0.1:{self.api}", api_key=(self.folder / "data" / "local.key").read_text().strip())

    def kill_api(self) -> None:
        """Kills the API as a crash would; the supervisor starts it again."""
        for child in psutil.Process(self._process.pid).children(recursive=True):
            if re.search(r"-m api\b", " ".join(child.cmdline())):
                child.kill()

    def stop(self) -> None:
        """Ends everything."""
        self._process.terminate()
        self._process.wait(timeout=60)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless Chromium; Playwright's own where Debian's is not installed."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def signed_in(browser: Browser, up: Up, username: str) -> tuple[BrowserContext, Page]:
    """A tab of its own with this person signed in."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(_PATIENCE_MS)
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{up.ui}/")
    page.get_by_label("Name", exact=True).fill(username)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("Signed in as").wait_for()
    return context, page


def at_cards(page: Page, up: Up, slug: str) -> None:
    """Opens Review, with the stopwatch running."""
    page.goto(f"http://127.0.0.1:{up.ui}/review?project={slug}")
    page.locator(".desk .card").wait_for()
    page.locator(".reading h2, .reading .text").first.wait_for()
    page.evaluate(_STOPWATCH)


def presses(page: Page) -> list[dict[str, Any]]:
    """What the stopwatch noted."""
    found: list[dict[str, Any]] = page.evaluate("() => window.pressed")
    return found


def reviewed(page: Page) -> int:
    """How many decisions the card itself counts."""
    return int(page.locator(".count strong").inner_text())
