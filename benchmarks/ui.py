"""How fast the pages are, and whether a fast hand loses anything: real processes, real browsers.

    python -m benchmarks.ui [--quick] [--json FILE] [--items N] [--encoders FOLDER]

Texts are made up (seed 0): ten kinds of trouble with each of fifteen things make 150 categories. They are encoded by
the static encoder, so that the start is short; nothing that is timed encodes a text. Prints:

- from the keystroke to the next card painted, and to the decision's row in the database;
- the same for a plain card of `st.button`s on the same API;
- decisions typed by two people at once, undisturbed, with the API killed in the middle, and with the network cut:
  how many were typed, stored, lost, doubled, and how many items both had;
- the first paint of each page;
- items settled a minute in groups and one by one, by a hand that takes `--card` seconds for a card and `--tile` for
  each item of a group: an assumption, of which the result is a consequence.
"""

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page

from benchmarks._browsers import PASSWORD, Up, at_cards, chromium, presses, reviewed, signed_in
from benchmarks._plain import plain_card
from benchmarks._stack import about, settle
from winnow import Client

SEED = 0
THINGS = (
    "invoice parcel account password order printer ticket contract router camera heater saddle violin passport tyre"
)
TROUBLES = "late broken lost wrong twice unclear missing blocked expired noisy"
PAGES = {
    "Overview": "",
    "Review": "review",
    "Many at once": "many-at-once",
    "Explore": "explore",
    "Map": "explore?view=Map",
    "Categories": "categories",
    "Item": "item?item={item}",
    "Second looks": "second-looks",
    "Import": "import",
    "Data": "data",
    "Trends": "trends",
    "Models": "models",
    "Projects": "projects",
    "People and keys": "people",
}
READY = ".desk .card, .desk .grid li, [data-testid=stMainBlockContainer] h1"
Numbers = dict[str, Any]


def main() -> None:
    """The command."""
    asked = argparse.ArgumentParser(prog="python -m benchmarks.ui", description=__doc__.splitlines()[0])
    asked.add_argument("--quick", action="store_true", help="600 items, few repetitions: a minute or two")
    asked.add_argument("--json", type=Path, help="a file for the figures")
    asked.add_argument("--items", type=int, default=100_000)
    asked.add_argument("--presses", type=int, default=200, help="keystrokes to time")
    asked.add_argument("--typed", type=int, default=1_000, help="decisions of two people at once, each time")
    asked.add_argument("--cut", type=float, default=20.0, help="seconds without a network")
    asked.add_argument("--repeats", type=int, default=5, help="loads of each page")
    asked.add_argument("--minutes", type=float, default=1.0, help="in groups, and one by one")
    asked.add_argument("--card", type=float, default=1.5, help="assumed seconds to read a card")
    asked.add_argument("--tile", type=float, default=0.5, help="assumed seconds to read an item of a group")
    asked.add_argument("--encoders", type=Path, default=Path(".winnow/encoders"), help="an exported encoder")
    given = asked.parse_args()
    if given.quick:
        given.items, given.presses, given.typed = min(given.items, 600), 25, 40
        given.cut, given.repeats, given.minutes = 4.0, 1, 0.15
    told = about(SEED)
    print(json.dumps(told), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        up = Up(Path(folder), given.encoders, {"WINNOW_ENCODER_RUNTIME": "static"})
        try:
            with up.client() as client, chromium() as browser:
                figures = measure(up, client, browser, given)
        finally:
            up.stop()
    if given.json:
        given.json.write_text(json.dumps({**told, **figures}, indent=2) + "\n")


def measure(up: Up, client: Client, browser: Browser, given: argparse.Namespace) -> dict[str, Numbers]:
    """Everything, one after the other."""
    slug = fill(client, given.items)
    for name in ("ann", "ben"):
        client.create_user(name, PASSWORD, "reviewer")
    figures: dict[str, Numbers] = {"project": {"items": given.items, "categories": len(categories())}}
    print(json.dumps(figures["project"]), flush=True)
    context, page = signed_in(browser, up, "admin")
    figures["keystroke"] = keystrokes(up, client, page, slug, given.presses)
    print(json.dumps(figures["keystroke"]), flush=True)
    figures["plain st.button card"] = plain_card(up, browser, slug, max(10, given.presses // 10))
    print(json.dumps(figures["plain st.button card"]), flush=True)
    for name, trouble in (("undisturbed", None), ("API killed", up.kill_api), ("network cut", "cut")):
        figures[f"two at once, {name}"] = two_at_once(up, client, browser, slug, given, trouble)
        print(name, json.dumps(figures[f"two at once, {name}"]), flush=True)
    figures["first paint, ms"] = first_paints(up, client, page, slug, given.repeats)
    print(json.dumps(figures["first paint, ms"]), flush=True)
    figures["items a minute"] = by_the_minute(up, page, slug, given)
    print(json.dumps(figures["items a minute"]), flush=True)
    context.close()
    return figures


def categories() -> list[str]:
    """The names of all categories."""
    return [f"{thing} {trouble}" for thing in THINGS.split() for trouble in TROUBLES.split()]


def fill(client: Client, items: int) -> str:
    """A project with these items, embedded, scored and queued. No second looks: they ask an item twice on purpose."""
    chance, names = np.random.default_rng(SEED), categories()
    project = client.create_project(
        "Troubles",
        categories=[{"name": name} for name in names],
        settings={"retrain_every": 10_000, "audit_rate": 0.1, "second_look_rate": 0.0},
    )
    said = "My {0} is {1}, number {2}\nWrote {3} about the {0} on day {4}; it is still {1}. Please look at case {2}."
    for start in range(0, items, 1_000):
        texts = []
        for number in range(start, min(start + 1_000, items)):
            thing, trouble = names[int(chance.integers(len(names)))].split()
            texts.append(said.format(thing, trouble, number, ("once", "twice")[number % 2], int(chance.integers(365))))
        client.add_items(project.slug, texts)
    settle(client, project.slug)
    return project.slug


def keystrokes(up: Up, client: Client, page: Page, slug: str, count: int) -> Numbers:
    """Digits pressed at five a second: when the next card is painted, when the decision is stored."""
    at_cards(page, up, slug)
    type_at_pace([page], count, 0.2)
    saved(page)
    noted = presses(page)[:count]
    stored = sorted(
        (one for one in client.decisions(slug, reviewer="admin") if one.created_at), key=lambda one: int(one.id)
    )
    waits = [
        one.created_at.timestamp() * 1000 - press["at"]
        for press, one in zip(noted, stored, strict=False)
        if one.created_at
    ]
    painted = [press["painted"] for press in noted if press["painted"] is not None]
    return {"presses": len(noted), "painted, ms": spread(painted), "stored, ms": spread(waits)}


def two_at_once(
    up: Up,
    client: Client,
    browser: Browser,
    slug: str,
    given: argparse.Namespace,
    trouble: Callable[[], None] | str | None,
) -> Numbers:
    """Two people type at five a second each; in the middle something may happen."""
    begun = datetime.now(UTC)
    people = [signed_in(browser, up, name) for name in ("ann", "ben")]
    pages = [page for _, page in people]
    for page in pages:
        at_cards(page, up, slug)
    half, done = given.typed // 4, 0
    type_at_pace(pages, half, 0.2)
    if trouble == "cut":
        for context, _ in people:
            context.set_offline(offline=True)
        done = type_at_pace(pages, half, 0.2, seconds=given.cut)
        for context, _ in people:
            context.set_offline(offline=False)
    elif callable(trouble):
        trouble()
    type_at_pace(pages, given.typed // 2 - half - done, 0.2)
    for page in pages:
        saved(page)
    typed = sum(reviewed(page) for page in pages)
    by_person = {
        name: [one.item_id for one in client.decisions(slug, reviewer=name, since=begun)] for name in ("ann", "ben")
    }
    every = [item for items in by_person.values() for item in items]
    for context, _ in people:
        context.close()
    return {
        "typed": typed,
        "stored": len(every),
        "lost": max(0, typed - len(every)),
        "doubled": sum(count - 1 for count in Counter(every).values()),
        "items both had": len(set(by_person["ann"]) & set(by_person["ben"])),
    }


def type_at_pace(pages: list[Page], count: int, every: float, seconds: float = 3600.0) -> int:
    """Presses digits on each page wherever a card is up, until each page had so many or the time is over."""
    pressed = [0] * len(pages)
    end = time.monotonic() + seconds
    while min(pressed) < count and time.monotonic() < end:
        tick = time.monotonic() + every
        for place, page in enumerate(pages):
            if pressed[place] < count and page.locator(".desk .card:visible").count():
                page.keyboard.press("1")
                pressed[place] += 1
        time.sleep(max(0.0, tick - time.monotonic()))
    return min(pressed)


def saved(page: Page) -> None:
    """Waits until the server has everything."""
    page.locator(".saved", has_text="All saved").wait_for(timeout=120_000)


def first_paints(up: Up, client: Client, page: Page, slug: str, repeats: int) -> Numbers:
    """From asking for a page's address, signed in already, to its heading (on Review: the card) being there."""
    found = {}
    item = next(iter(client.items(slug, state="decided"))).id
    for name, pattern in PAGES.items():
        path = pattern.format(item=item)
        times = []
        for _ in range(repeats):
            start = time.perf_counter()
            page.goto(f"http://127.0.0.1:{up.ui}/{path}{'&' if '?' in path else '?'}project={slug}")
            page.locator(READY).first.wait_for()
            times.append((time.perf_counter() - start) * 1000)
        found[name] = spread(times)
    return found


def by_the_minute(up: Up, page: Page, slug: str, given: argparse.Namespace) -> Numbers:
    """Items settled by a hand that reads each card, and each item of a group, for an assumed time."""
    at_cards(page, up, slug)
    start, end = reviewed(page), time.monotonic() + 60 * given.minutes
    while time.monotonic() < end:
        time.sleep(given.card)
        page.locator(".desk .card").wait_for()
        page.keyboard.press("1")
    saved(page)
    one_by_one = (reviewed(page) - start) / given.minutes
    page.goto(f"http://127.0.0.1:{up.ui}/many-at-once?project={slug}")
    page.get_by_label("Confidence").click()  # nothing is sure yet where nobody has decided much
    page.get_by_role("option", name="Any confidence").click()
    end = time.monotonic() + 60 * given.minutes
    while time.monotonic() < end:
        page.locator(".grid li").first.wait_for()
        time.sleep(given.tile * page.locator(".grid li").count())
        page.keyboard.press("Enter")
    saved(page)
    in_groups = reviewed(page) / given.minutes
    ratio = round(in_groups / one_by_one, 1) if one_by_one else None
    assumed = {"seconds a card": given.card, "seconds an item of a group": given.tile}
    return {"one by one": round(one_by_one), "in groups": round(in_groups), "ratio": ratio, "assumed": assumed}


def spread(values: list[float]) -> Numbers:
    """Median and 95th percentile."""
    if not values:
        return {"p50": None, "p95": None, "n": 0}
    half, most = np.percentile(values, [50, 95])
    return {"p50": round(float(half), 1), "p95": round(float(most), 1), "n": len(values)}


if __name__ == "__main__":
    main()
