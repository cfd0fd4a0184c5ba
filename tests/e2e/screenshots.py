"""Makes the pictures of the documentation again: `python -m tests.e2e.screenshots [FOLDER]`.

The real stack runs on a folder of its own with the demo project. A reviewer is played from the true labels, so the
figures in the pictures are what truly came out. Needs Chromium on the PATH and the packages of `winnow[demo]`; takes
some minutes.
"""

import argparse
import io
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect

from benchmarks._browsers import chromium
from tests.e2e.browser.person import PASSWORD, PATIENCE_MS, go, sign_in
from tests.e2e.test_up import Machine, eventually
from winnow import Client
from winnow.demo.articles import SLUG, load
from winnow.demo.reviewer import simulate

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
SIZE = {"width": 1280, "height": 800}
DECISIONS = 600
PAGES = {
    "overview": "Overview",
    "categories": "Categories",
    "second-looks": "Second looks",
    "data": "Data",
    "trends": "Trends",
    "models": "Models",
    "projects": "Projects",
    "people": "People and keys",
}
PLACES = {
    "explore": "explore?project={slug}&q=film",
    "map": "explore?project={slug}&view=Map",
    "item": "item?project={slug}&item={item}",
}
COLOURS = 96  # a picture of so many colours is a third as large and looks the same
HELD_BACK = 40
SETTLE_MS = 1500
PATIENCE_SECONDS = 900.0
THINK_MS = 2000  # a person's pace: the card shows it


def main() -> None:
    """The command."""
    asked = argparse.ArgumentParser(prog="python -m tests.e2e.screenshots", description=__doc__)
    asked.add_argument("folder", nargs="?", type=Path, default=IMAGES, help="where the pictures go")
    asked.add_argument("--decisions", type=int, default=DECISIONS, help="how many the played reviewer makes")
    asked.add_argument("--encoders", type=Path, help="a folder with a prepared encoder, to start sooner")
    asked.add_argument("--data", type=Path, help="a data folder of an earlier run to go on from, with its decisions")
    given = asked.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    with running(given.encoders, given.data) as machine, machine.client() as client, chromium() as browser:
        if given.data is None:
            play(machine, client, given.decisions)
        take(browser, machine, client, given.folder)


@contextmanager
def running(encoders: Path | None, data: Path | None) -> Iterator[Machine]:
    """Everything that `winnow up` starts, with the demo, in a folder that is thrown away."""
    with tempfile.TemporaryDirectory() as name:
        machine = Machine(Path(name), WINNOW_ADMIN_PASSWORD=PASSWORD)
        if data is not None:
            shutil.copytree(data, machine.folder / "data", ignore=shutil.ignore_patterns("*.sock", "*.pid", "*.lock"))
        elif encoders is not None:
            shutil.copytree(encoders, machine.folder / "data" / "encoders")
        machine.up()
        try:
            yield machine
        finally:
            machine.supervisor.terminate()
            machine.supervisor.wait(timeout=60)


def play(machine: Machine, client: Client, decisions: int) -> None:
    """Some weeks of work in some minutes: decisions from the true labels, until everything is quiet again."""
    eventually((machine.folder / "data" / "demo").exists, PATIENCE_SECONDS)
    eventually(lambda: client.stats(SLUG).queue.open, PATIENCE_SECONDS)
    for played in simulate(client, decisions):
        if played.truth is not None:
            print(played.sentence(), flush=True)  # noqa: T201 - it says how far it is
    eventually(lambda: not client.stats(SLUG).jobs)


def take(browser: Browser, machine: Machine, client: Client, folder: Path) -> None:
    """Every page in both themes."""
    item = next(iter(client.items(SLUG, state="decided"))).id
    for colours in ("light", "dark"):
        page = signed_in(browser, machine, colours)
        suffix = "" if colours == "light" else "-dark"
        for name, title in PAGES.items():
            go(page, title)
            settled(page)
            shoot(page, folder / f"{name}{suffix}.png")
        for name, path in PLACES.items():
            page.goto(f"http://127.0.0.1:{machine.ui}/{path.format(slug=SLUG, item=item)}")
            settled(page)
            shoot(page, folder / f"{name}{suffix}.png")
        go(page, "Import")
        page.locator("input[type=file]").set_input_files(more_articles(machine.folder))
        page.get_by_role("button", name="Import this file").wait_for()
        settled(page)
        shoot(page, folder / f"import{suffix}.png")
        go(page, "Many at once")
        page.locator(".grid li").first.wait_for()
        page.wait_for_timeout(SETTLE_MS)
        shoot(page, folder / f"many-at-once{suffix}.png")
        card(page, blind=False)
        page.keyboard.press("w")
        page.locator(".reading .alike").wait_for()
        page.wait_for_timeout(SETTLE_MS)
        shoot(page, folder / f"review{suffix}.png")
        card(page, blind=True)
        shoot(page, folder / f"review-blind{suffix}.png")
        page.context.close()


def signed_in(browser: Browser, machine: Machine, colours: str) -> Page:
    context = browser.new_context(viewport=SIZE, color_scheme=colours)
    context.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    return sign_in(context, machine)


def settled(page: Page) -> None:
    """Waits until the page is drawn and its moving parts rest."""
    page.get_by_test_id("stMainBlockContainer").locator("h1").first.wait_for()
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
    page.wait_for_timeout(SETTLE_MS)


def card(page: Page, *, blind: bool) -> None:
    """Skips cards until one of the kind is in front; a card that is hard to tell makes the better picture."""
    if not page.locator(".desk .reading").count():  # groups have a desk too
        go(page, "Review")
    page.locator(".desk .card").wait_for()
    wanted = page.locator(".reason.blind" if blind else ".reason:not(.blind)")
    for _ in range(200):
        page.locator(".reading h2").wait_for()
        if wanted.count() and (blind or page.locator(".suggested").count()):
            page.wait_for_timeout(SETTLE_MS)
            return
        page.keyboard.press(" ")
        page.wait_for_timeout(THINK_MS)
    message = "no such card came up"
    raise LookupError(message)


def more_articles(folder: Path) -> Path:
    """A file as a team might have it: some articles with their own ids."""
    path = folder / "newsroom.csv"
    rows = ["id,headline,paragraph"]
    for article in load()[:HELD_BACK]:
        cells = (f"N-{article.id}", article.headline, article.paragraph)
        rows.append(",".join('"' + cell.replace('"', '""') + '"' for cell in cells))
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def shoot(page: Page, path: Path) -> None:
    page.mouse.move(SIZE["width"] - 1, SIZE["height"] - 1)
    drawn = Image.open(io.BytesIO(page.screenshot()))
    drawn.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    print(path, flush=True)  # noqa: T201 - it says how far it is


if __name__ == "__main__":
    main()
