"""The product in a real browser: every process real, a person with a keyboard."""

import csv
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright
from playwright.sync_api import TimeoutError as LateError

from tests.e2e.test_up import Machine, eventually
from winnow import Client

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PASSWORD = "a passphrase for the browser"
TOPICS = {
    "Billing": "I was charged twice for order {}\nPlease send the {} back to my card, the invoice is wrong.",
    "Login": "Error {} when I sign in\nThe password reset mail number {} never came.",
    "Shipping": "Parcel {} has not arrived yet\nThe courier left package {} at the wrong door.",
}
SLUG = "support-tickets"
LASTS_SECONDS = 20.0
PATIENCE_MS = 120_000

pytestmark = [
    pytest.mark.timeout(1200),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the PATH: install Debian's `chromium` to run these"),
]


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, encoder_cache: Path) -> Iterator[Machine]:
    made = Machine(tmp_path_factory.mktemp("browser"), WINNOW_ADMIN_PASSWORD=PASSWORD, WINNOW_DEMO="0")
    made.lend(encoder_cache, made.folder / "data")
    made.up()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


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
    client.add_items(SLUG, [{"text": text, "fields": {"channel": "mail"}} for text in texts])
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


def sign_in(context: BrowserContext, machine: Machine) -> Page:
    opened = context.new_page()
    opened.goto(f"http://127.0.0.1:{machine.ui}/")
    opened.get_by_label("Name", exact=True).fill("admin")
    opened.get_by_label("Password", exact=True).fill(PASSWORD)
    opened.get_by_role("button", name="Sign in").click()
    opened.get_by_text("Signed in as").wait_for()
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


def saved(page: Page) -> None:
    expect(page.locator(".saved")).to_have_text("All saved")


def decided(client: Client) -> list[tuple[str | None, str, tuple[str, ...]]]:
    """What stands, newest first: action, item, categories; undone decisions and their undos among them."""
    return [(one.action, one.item_id, tuple(one.categories)) for one in client.decisions(SLUG)]


def test_twenty_cards_by_keyboard_make_version_1_serve(page: Page, client: Client, project: str) -> None:
    reading = review(page)
    expect(page.get_by_text("The next version trains after 12 more decisions.")).to_be_visible()
    for _ in range(20):
        answer(page, reading)
    saved(page)
    assert len(decided(client)) == 20
    assert len({item for _, item, _ in decided(client)}) == 20
    expect(page.get_by_text("Version 1 serves")).to_be_visible()
    assert client.stats(project).serving_model == 1

    go(page, "Models")
    expect(page.get_by_text("Version 1", exact=True)).to_be_visible()
    page.get_by_role("button", name="Roll back").click()
    page.get_by_role("dialog").get_by_role("button", name="Roll back").click()
    expect(page.get_by_text("Version 0 serves now.")).to_be_visible()
    assert client.stats(project).serving_model == 0


@pytest.mark.usefixtures("project")
def test_every_key_does_what_the_card_says(page: Page, client: Client) -> None:
    reading = review(page)
    heading = reading.locator("h2")

    def then(*expected: tuple[str, tuple[str, ...]]) -> None:
        saved(page)
        assert [(action, names) for action, _, names in decided(client)[: len(expected)]] == list(expected)

    while not page.locator(".suggested").count():
        answer(page, reading)
    suggested = page.locator(".suggested span").inner_text()
    page.keyboard.press("Enter")
    then(("accept", (suggested,)))

    shown = heading.inner_text()
    page.keyboard.type("ship")
    expect(page.locator(".search")).to_have_value("ship")
    page.keyboard.press("Enter")
    expect(heading).not_to_have_text(shown)
    saved(page)
    assert decided(client)[0][2] == ("Shipping",)

    page.keyboard.press("Backspace")
    expect(heading).to_have_text(shown)
    then(("undo", ()))

    page.keyboard.press("/")
    page.keyboard.type("log")
    page.keyboard.press("1")
    saved(page)
    assert decided(client)[0][2] == ("Login",)

    page.keyboard.press("n")
    page.keyboard.type("is this 1 or f?")
    page.keyboard.press("Enter")
    page.keyboard.press("f")
    then(("flag", ()))
    assert next(client.decisions(SLUG)).note == "is this 1 or f?"

    page.keyboard.press(" ")
    then(("skip", ()))

    page.keyboard.press("?")
    expect(page.get_by_role("region", name="Keyboard help")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("region", name="Keyboard help")).to_be_hidden()


@pytest.mark.usefixtures("project")
def test_guideline_and_reasons_are_a_key_away(page: Page) -> None:
    reading = review(page)
    while not page.locator(".suggested").count():
        answer(page, reading)
    page.keyboard.press("g")
    guide = page.get_by_role("region", name="What belongs where")
    expect(guide).to_contain_text("parcels, delivery")
    page.keyboard.press("g")
    expect(guide).to_be_hidden()
    page.keyboard.press("w")
    expect(reading.locator("mark, .alike, .why").first).to_be_visible()
    expect(reading.get_by_text("Looking for reasons")).to_have_count(0)
    while not page.locator(".reason.blind").count():
        answer(page, reading)
    page.keyboard.press("w")
    expect(page.get_by_text("they would tell what the machine thinks")).to_be_visible()
    expect(reading.locator("mark")).to_have_count(0)


def test_a_group_is_settled_by_one_key_and_taken_back_by_another(page: Page, client: Client, project: str) -> None:
    go(page, "Many at once")
    tiles = page.locator(".grid li")
    tiles.first.wait_for()
    many = tiles.count()
    page.keyboard.press("1")
    expect(page.locator(".grid li.off")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator(".count")).to_contain_text(f"{many - 1} settled")
    saved(page)
    assert client.stats(project).items.decided == many - 1
    assert all(one.said is not None for one in client.decisions(project))
    page.keyboard.press("Backspace")
    expect(page.locator(".count")).to_contain_text("0 settled")
    expect(page.locator(".saved")).to_have_text("Ready")
    eventually(lambda: client.stats(project).items.decided == 0)


def test_a_group_survives_an_api_that_dies(page: Page, machine: Machine, client: Client, project: str) -> None:
    go(page, "Many at once")
    tiles = page.locator(".grid li")
    tiles.first.wait_for()
    many = tiles.count()
    machine.child("-m api").kill()
    page.keyboard.press("Enter")
    saved(page)
    items = [item for _, item, _ in decided(client)]
    assert len(items) == len(set(items)) == many
    assert client.stats(project).items.decided == many


def test_a_link_leads_to_an_item_and_back_leads_back(
    page: Page, client: Client, machine: Machine, project: str
) -> None:
    item = next(iter(client.items(project, q="charged")))
    page.goto(f"http://127.0.0.1:{machine.ui}/explore?project={project}&q=charged")
    expect(page.get_by_label("Words")).to_have_value("charged")
    page.goto(f"http://127.0.0.1:{machine.ui}/item?project={project}&item={item.id}")
    expect(page.get_by_role("heading", name=f"Item {item.id}")).to_be_visible()
    expect(page.get_by_text("Nobody has decided it yet.")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Explore")).to_be_visible()
    expect(page.get_by_label("Words")).to_have_value("charged")


def test_a_cloud_of_the_map_is_looked_over_together(page: Page, machine: Machine, project: str) -> None:
    page.goto(f"http://127.0.0.1:{machine.ui}/explore?project={project}&view=Map")
    chart = page.locator("[data-testid=stVegaLiteChart] svg, [data-testid=stVegaLiteChart] canvas").first
    chart.wait_for()
    together = page.get_by_role("button", name="over together")
    for _ in range(12):  # the chart listens a while after it is drawn; nothing tells when
        drag_over(page, chart)
        with suppress(LateError):
            together.wait_for(timeout=PATIENCE_MS / 12)
            break
    together.click()
    expect(page.get_by_role("heading", name="Many at once")).to_be_visible()
    expect(page.get_by_text("Chosen by you, with this answer.")).to_be_visible()


def drag_over(page: Page, chart: Locator) -> None:
    """Draw a rectangle over the most of a chart."""
    box = chart.bounding_box()
    assert box is not None
    page.mouse.dblclick(box["x"] + 3, box["y"] + 3)  # clears one that was drawn before
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + box["height"] - 30, steps=8)
    page.mouse.up()


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The accessibility checker axe-core, from npm."""
    npm = shutil.which("npm")
    folder = tmp_path_factory.mktemp("axe")
    if npm is None:
        pytest.skip("npm is not on the PATH: the accessibility check needs it")
    command = [npm, "install", "--silent", "--no-fund", "--no-audit", "axe-core@4"]
    with suppress(subprocess.TimeoutExpired):
        subprocess.run(command, cwd=folder, check=False, timeout=240)
    found = folder / "node_modules" / "axe-core" / "axe.min.js"
    if not found.exists():
        pytest.skip("npm could not install axe-core")
    return found.read_text(encoding="utf-8")


# The rectangle that chooses on the map is drawn by Vega without a title; nothing can be done about it from outside.
CHECKED = """() => axe.run(
  { exclude: ['.chosen_brush', '.chosen_brush_bg'] },
  { resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] },
)"""
EVERY_PAGE = (
    "",
    "review",
    "many-at-once",
    "explore",
    "explore?view=Map",
    "second-looks",
    "import",
    "data",
    "trends",
    "models",
    "projects",
    "people",
)


def lasting_faults(page: Page) -> list[tuple[str, str]]:
    """The serious faults of a page at rest. While it is drawn, what is half faded in is too pale for a moment."""
    end = time.monotonic() + LASTS_SECONDS
    while True:
        page.wait_for_timeout(500)
        violations = page.evaluate(CHECKED)["violations"]
        serious = [one for one in violations if one["impact"] in {"serious", "critical"}]
        if not serious or time.monotonic() > end:
            return [(one["id"], one["nodes"][0]["html"][:200]) for one in serious]


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_no_page_has_a_serious_fault_for_those_who_see_or_hear_it_otherwise(
    chromium: Browser, machine: Machine, project: str, axe: str, colours: str
) -> None:
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, color_scheme=colours)
    context.set_default_timeout(PATIENCE_MS)
    page = sign_in(context, machine)
    faults = []
    for path in EVERY_PAGE:
        page.goto(f"http://127.0.0.1:{machine.ui}/{path}{'&' if '?' in path else '?'}project={project}")
        page.get_by_test_id("stMainBlockContainer").locator("h1, .desk .card").first.wait_for()
        expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
        page.evaluate(axe)
        faults += [(path, *fault) for fault in lasting_faults(page)]
    context.close()
    assert faults == []


@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_is_wider_than_the_window(page: Page, machine: Machine, project: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    for path in EVERY_PAGE:
        page.goto(f"http://127.0.0.1:{machine.ui}/{path}{'&' if '?' in path else '?'}project={project}")
        page.get_by_test_id("stMainBlockContainer").locator("h1, .desk .card").first.wait_for()
        expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
        page.wait_for_function(  # at rest: what slides in or out may be wider for a moment
            "() => { const m = document.querySelector('[data-testid=stMain]'); return m.scrollWidth <= m.clientWidth; }"
        )


@pytest.mark.usefixtures("project")
def test_a_reload_keeps_the_sign_in_and_the_card(page: Page) -> None:
    reading = review(page)
    answer(page, reading)
    saved(page)
    shown = reading.locator("h2").inner_text()
    page.reload()
    expect(reading.locator("h2")).to_have_text(shown)
    expect(page.get_by_text("Signed in as")).to_be_visible()
    expect(page.locator(".count")).to_contain_text("1 reviewed")


@pytest.mark.usefixtures("project")
def test_nothing_is_lost_or_doubled_when_the_api_dies(page: Page, machine: Machine, client: Client) -> None:
    reading = review(page)
    answer(page, reading)
    saved(page)
    machine.child("-m api").kill()
    for _ in range(4):
        answer(page, reading)
    expect(page.locator(".count")).to_contain_text("5 reviewed")
    saved(page)
    items = [item for _, item, _ in decided(client)]
    assert len(items) == len(set(items)) == 5


@pytest.mark.usefixtures("project")
def test_nothing_is_lost_when_the_network_is_cut_and_the_page_reloaded(
    page: Page, context: BrowserContext, machine: Machine, client: Client
) -> None:
    reading = review(page)
    streamlit = machine.child("streamlit")
    streamlit.suspend()  # nothing that the page sends is answered
    for _ in range(3):
        answer(page, reading)
    expect(page.locator(".saved")).to_contain_text("3 answers kept in this browser")
    assert decided(client) == []
    context.set_offline(offline=True)
    streamlit.resume()
    context.set_offline(offline=False)
    page.reload()
    reading.wait_for()
    saved(page)
    items = [item for _, item, _ in decided(client)]
    assert len(items) == len(set(items)) == 3


def test_a_file_goes_in_through_the_page_and_its_bad_row_comes_back(
    page: Page, client: Client, project: str, tmp_path: Path
) -> None:
    file = tmp_path / "mails.csv"
    file.write_bytes(b"id,message\n1,The printer is jammed\n2,Caf\xe9 closed\n3,Where is my bill\n")
    go(page, "Import")
    page.locator("input[type=file]").set_input_files(file)
    expect(page.get_by_text("Line 3:")).to_be_visible()
    page.get_by_role("button", name="Import this file").click()
    expect(page.get_by_text("3 rows read · 2 added · 1 set aside, each with its line and reason")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Rejected rows").click()
    with Path(download.value.path()).open(newline="", encoding="utf-8") as opened:
        rejected = list(csv.DictReader(opened))
    assert [row["line"] for row in rejected] == ["3"]
    assert client.stats(project).items.total == 152


def test_a_manager_walks_through_every_page(page: Page, client: Client, project: str) -> None:
    reading = review(page)
    for _ in range(20):
        answer(page, reading)
    saved(page)
    eventually(lambda: client.stats(project).serving_model)

    go(page, "Trends")
    expect(page.get_by_text("Measured on the blind checks of each day")).to_be_visible()
    expect(page.get_by_text("Measured on the newest blind checks there were")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Trends")).to_be_visible()

    go(page, "Models")
    page.get_by_text("Compare two versions").click()
    page.get_by_role("button", name="Details").first.click()
    expect(page.get_by_role("dialog").get_by_text("More numbers")).to_be_visible()
    page.keyboard.press("Escape")

    go(page, "Data")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    with Path(download.value.path()).open(newline="", encoding="utf-8") as opened:
        rows = list(csv.DictReader(opened))
    assert len(rows) == 150
    assert sum(bool(row["category"]) for row in rows) == 20

    go(page, "Second looks")
    expect(page.get_by_text("Decisions that look wrong beside the others")).to_be_visible()
    go(page, "People and keys")
    expect(page.get_by_text("admin (you)")).to_be_visible()
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_of_several_categories_enter_confirms_the_set(page: Page, client: Client, project: str) -> None:
    assert project
    categories = [{"name": name} for name in TOPICS]
    slug = client.create_project("Topics", task="multi", categories=categories).slug
    client.add_items(slug, [wording.format(number, number) for number in range(6) for wording in TOPICS.values()])
    eventually(lambda: client.stats(slug).queue.open > 5)
    page.goto(page.url.split("?")[0].rstrip("/") + f"/review?project={slug}")
    page.locator(".desk .card").wait_for()
    ticked = page.locator(".options .on .name")
    for name in ticked.all_inner_texts():
        page.locator(".options button", has_text=name).click()
    expect(ticked).to_have_count(0)
    page.keyboard.press("1")
    page.keyboard.press("2")
    expect(ticked).to_have_count(2)
    chosen = ticked.all_inner_texts()
    page.keyboard.press("Enter")
    saved(page)
    assert [sorted(one.categories) for one in client.decisions(slug)] == [sorted(chosen)]
    client.delete_project(slug)
