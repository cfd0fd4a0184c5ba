"""What a person does at the pages, for the tests of them in a real browser."""

import re

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from benchmarks._browsers import CHROMIUM
from tests.e2e.test_up import Machine
from winnow import Client

BROWSER = [
    pytest.mark.timeout(1200),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the PATH: install Debian's `chromium` to run these"),
]
PASSWORD = "a passphrase for the browser"
SLUG = "support-tickets"
TOPICS = {
    "Billing": "I was charged twice for order {}\nPlease send the {} back to my card, the invoice is wrong.",
    "Login": "Error {} when I sign in\nThe password reset mail number {} never came.",
    "Shipping": "Parcel {} has not arrived yet\nThe courier left package {} at the wrong door.",
}
FIELDS = {"channel": "mail", "desk": "two", "tone": "calm", "language": "English", "year": 2026}
"""More than the card shows before it is unfolded."""
PATIENCE_MS = 120_000
WINDOW = {"width": 1280, "height": 800}
SUGGESTED, BLIND = ".suggested", ".reason.blind"
"""On a card that shows what the machine thinks, and on a check that does not."""
_PAGES = (
    "",
    "review",
    "many-at-once",
    "explore",
    "explore?view=Map",
    "categories",
    "second-looks",
    "import",
    "data",
    "trends",
    "models",
    "projects",
    "people",
)


def sign_in(context: BrowserContext, machine: Machine) -> Page:
    opened = context.new_page()
    opened.goto(f"http://127.0.0.1:{machine.ui}/")
    opened.get_by_label("Name", exact=True).fill("admin")
    opened.get_by_label("Password", exact=True).fill(PASSWORD)
    opened.get_by_role("button", name="Sign in").click()
    opened.get_by_text("Signed in as").wait_for()
    opened.wait_for_function("sessionStorage.getItem('winnow:sign-in')")  # or a reload would ask for the password again
    return opened


def go(page: Page, name: str) -> None:
    page.get_by_test_id("stSidebarNav").get_by_role("link", name=name).click()


def review(page: Page) -> Locator:
    go(page, "Review")
    page.locator(".desk .card").wait_for()
    return page.locator(".reading")


def truth(reading: Locator) -> str:
    text = reading.locator("h2").inner_text()
    return {"I": "Billing", "E": "Login", "P": "Shipping"}[text[0]]


def answer(page: Page, reading: Locator) -> None:
    """Chooses the right category by its digit, as soon as there is a card."""
    reading.locator("h2").wait_for()
    name = truth(reading)
    names = page.locator(".options .name")
    names.first.wait_for()
    page.keyboard.press(str(names.all_inner_texts().index(name) + 1))


def until_card(page: Page, reading: Locator, kind: str) -> None:
    """Answers until a card of this kind is there, `SUGGESTED` or `BLIND`: which comes next is left to chance."""
    reading.locator("h2").wait_for()
    while not page.locator(kind).count():
        answer(page, reading)
        reading.locator("h2").wait_for()


def counted(page: Page, number: int, what: str) -> None:
    """So many and no others: "0 settled" stands in "10 settled" too."""
    expect(page.locator(".count")).to_contain_text(re.compile(rf"\b{number} {what}"))


def saved(page: Page) -> None:
    expect(page.locator(".saved")).to_have_text("All saved")


def decided(client: Client) -> list[tuple[str | None, str, tuple[str, ...]]]:
    """What stands, newest first: action, item, categories; undone decisions and their undos among them."""
    return [(one.action, one.item_id, tuple(one.categories)) for one in client.decisions(SLUG)]


def open_page(page: Page, machine: Machine, path: str) -> None:
    """Opens a page of the project by its address, and waits until it is drawn."""
    page.goto(f"http://127.0.0.1:{machine.ui}/{path}{'&' if '?' in path else '?'}project={SLUG}")
    page.get_by_test_id("stMainBlockContainer").locator("h1, .desk .card").first.wait_for()
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


def every_page(client: Client) -> list[str]:
    """The address of every page of the project, that of one of its items among them."""
    return [*_PAGES, f"item?item={next(iter(client.items(SLUG))).id}"]
