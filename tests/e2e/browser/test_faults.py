"""What goes wrong beneath the pages loses nothing and doubles nothing."""

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.e2e.browser.person import BROWSER, answer, counted, decided, go, review, saved
from tests.e2e.test_up import Machine
from winnow import Client

pytestmark = BROWSER


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


@pytest.mark.usefixtures("project")
def test_a_reload_keeps_the_sign_in_and_the_card(page: Page) -> None:
    reading = review(page)
    answer(page, reading)
    saved(page)
    shown = reading.locator("h2").inner_text()
    page.reload()
    expect(reading.locator("h2")).to_have_text(shown)
    expect(page.get_by_text("Signed in as")).to_be_visible()
    counted(page, 1, "reviewed")


@pytest.mark.usefixtures("project")
def test_a_page_that_is_loaded_again_while_it_loads_keeps_the_sign_in(page: Page) -> None:
    for pause in range(0, 1000, 100):  # milliseconds: at some of them a refresh token is used, and not yet replaced
        page.reload(wait_until="commit")
        page.wait_for_timeout(pause)
        page.reload(wait_until="commit")
        expect(page.get_by_text("Signed in as")).to_be_visible()


@pytest.mark.usefixtures("project")
def test_nothing_is_lost_or_doubled_when_the_api_dies(page: Page, machine: Machine, client: Client) -> None:
    reading = review(page)
    answer(page, reading)
    saved(page)
    machine.child("-m api").kill()
    for _ in range(4):
        answer(page, reading)
    counted(page, 5, "reviewed")
    saved(page)
    items = [item for _, item, _ in decided(client)]
    assert len(items) == len(set(items)) == 5


@pytest.mark.usefixtures("project")
def test_a_page_loaded_again_while_the_api_is_away_goes_on_by_itself(
    page: Page, machine: Machine, client: Client
) -> None:
    reading = review(page)
    machine.child("-m api").kill()
    answer(page, reading)
    page.reload()
    expect(page.get_by_text("The server does not answer; this page tries again by itself.")).to_be_visible()
    expect(page.get_by_text("Signed in as")).to_be_visible()
    saved(page)
    assert len(decided(client)) == 1


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
