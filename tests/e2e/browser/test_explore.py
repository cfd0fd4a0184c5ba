"""Many at once, Explore, its map and items, in a real browser."""

from contextlib import suppress

from playwright.sync_api import Locator, Page, expect
from playwright.sync_api import TimeoutError as LateError

from tests.e2e.browser.person import BROWSER, PATIENCE_MS, counted, go, saved
from tests.e2e.test_up import Machine, eventually
from winnow import Client

pytestmark = BROWSER


def test_a_group_is_settled_by_one_key_and_taken_back_by_another(page: Page, client: Client, project: str) -> None:
    go(page, "Many at once")
    tiles = page.locator(".grid li")
    tiles.first.wait_for()
    many = tiles.count()
    page.keyboard.press("1")
    expect(page.locator(".grid li.off")).to_have_count(1)
    page.keyboard.press("Enter")
    counted(page, many - 1, "settled")
    saved(page)
    assert client.stats(project).items.decided == many - 1
    assert all(one.said is not None for one in client.decisions(project))
    page.keyboard.press("Backspace")
    counted(page, 0, "settled")
    expect(page.locator(".saved")).to_have_text("Ready")
    eventually(lambda: client.stats(project).items.decided == 0)


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
    """Draw a rectangle over the most of a chart, unless it is being drawn anew just now."""
    box = chart.bounding_box()
    if box is None:
        return
    page.mouse.dblclick(box["x"] + 3, box["y"] + 3)  # clears one that was drawn before
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + box["height"] - 30, steps=8)
    page.mouse.up()
