"""The review card in a real browser: every key, many categories, reasons and guidelines."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser.person import (
    BLIND,
    BROWSER,
    PASSWORD,
    SLUG,
    SUGGESTED,
    TOPICS,
    answer,
    counted,
    decided,
    go,
    review,
    saved,
    truth,
    until_card,
)
from tests.e2e.test_up import Machine, eventually
from winnow import Client

pytestmark = BROWSER


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

    until_card(page, reading, SUGGESTED)
    suggested = page.locator(f"{SUGGESTED} span").inner_text()
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

    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    highlighted = page.locator(".options .at .name").inner_text()
    page.keyboard.press("Enter")
    saved(page)
    assert decided(client)[0][2] == (highlighted,)

    rows = reading.locator(".fields tr")
    expect(rows).to_have_count(4)
    page.keyboard.press("ArrowRight")
    expect(rows).to_have_count(5)
    page.keyboard.press("ArrowLeft")
    expect(rows).to_have_count(4)

    page.keyboard.press("?")
    expect(page.get_by_role("region", name="Keyboard help")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("region", name="Keyboard help")).to_be_hidden()


@pytest.mark.usefixtures("project")
def test_guideline_and_reasons_are_a_key_away(page: Page) -> None:
    reading = review(page)
    until_card(page, reading, SUGGESTED)
    for _ in range(3):  # of each category something is known then, and one has a question
        answer(page, reading)
    page.keyboard.press("n")
    page.keyboard.type("is a lost parcel one of these?")
    page.keyboard.press("Enter")
    known = truth(reading)
    answer(page, reading)
    saved(page)
    page.keyboard.press("g")
    guide = page.get_by_role("region", name="What belongs where")
    for _ in range(len(TOPICS)):
        page.keyboard.press("ArrowDown")
        if page.locator(".options .at .name").inner_text() == known:
            break
    expect(guide.get_by_role("heading", name=known)).to_be_visible()
    expect(guide.get_by_role("heading", name="Typical")).to_be_visible()
    expect(guide).to_contain_text("admin noted: ")
    expect(guide).to_contain_text("is a lost parcel one of these?")
    page.keyboard.press("g")
    expect(guide).to_be_hidden()
    until_card(page, reading, SUGGESTED)
    page.keyboard.press("w")
    expect(reading.locator("mark, .alike, .why").first).to_be_visible()
    expect(reading.get_by_text("Looking for reasons")).to_have_count(0)
    until_card(page, reading, BLIND)
    page.keyboard.press("w")
    expect(page.get_by_text("they would tell what the machine thinks")).to_be_visible()
    expect(reading.locator("mark")).to_have_count(0)


@pytest.mark.usefixtures("project")
def test_what_a_key_shows_is_in_view_in_a_low_window(page: Page) -> None:
    page.set_viewport_size({"width": 1280, "height": 480})
    review(page)
    page.keyboard.press("Backspace")
    expect(page.get_by_text("There is nothing left to undo here.")).to_be_in_viewport(ratio=1)
    expect(page.get_by_role("button", name="Help")).to_be_in_viewport(ratio=1)
    for key, name in (("?", "Keyboard help"), ("g", "What belongs where")):
        page.keyboard.press(key)
        expect(page.get_by_role("region", name=name).get_by_role("heading").first).to_be_in_viewport()
        page.keyboard.press("Escape")
        expect(page.locator(".reason")).to_be_in_viewport(ratio=1)


@pytest.mark.usefixtures("project")
def test_the_enter_that_ends_a_word_of_an_input_method_answers_nothing(page: Page, client: Client) -> None:
    review(page)
    page.keyboard.press("/")
    page.keyboard.type("ship")
    composed = {"key": "Enter", "isComposing": True, "bubbles": True, "composed": True, "cancelable": True}
    page.locator(".search").dispatch_event("keydown", composed)
    expect(page.locator(".search")).to_have_value("ship")
    counted(page, 0, "reviewed")
    page.keyboard.press("Enter")
    counted(page, 1, "reviewed")
    saved(page)
    assert len(decided(client)) == 1


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


@pytest.mark.usefixtures("project")
def test_a_note_that_is_being_written_outlasts_a_reload(page: Page, client: Client) -> None:
    reading = review(page)
    heading = reading.locator("h2")
    heading.wait_for()
    shown = heading.inner_text()
    page.keyboard.press("n")
    page.keyboard.type("is this one of ours? 1")
    page.reload()
    note = page.get_by_label("Note", exact=True)
    expect(note).to_have_value("is this one of ours? 1")
    expect(heading).to_have_text(shown)
    page.locator(".desk").focus()
    page.keyboard.press("f")
    saved(page)
    newest = next(iter(client.decisions(SLUG)))
    assert (newest.action, newest.note) == ("flag", "is this one of ours? 1")
    page.reload()
    heading.wait_for()
    expect(note).to_be_hidden()


def test_the_number_in_a_name_is_typed_into_the_search(page: Page, client: Client, project: str) -> None:
    for tier in (3, 1, 2):
        client.add_category(project, f"Tier {tier} support")
    reading = review(page)
    reading.locator("h2").wait_for()
    page.keyboard.type("/tier ")
    options = page.locator(".options li")
    expect(options).to_have_count(3)
    expect(options.first.locator("kbd").first).to_have_text("·")
    page.keyboard.type("2")
    expect(options).to_have_count(1)
    page.keyboard.press("Enter")
    saved(page)
    assert decided(client)[0][2] == ("Tier 2 support",)


@pytest.mark.usefixtures("project")
def test_an_answer_that_was_not_taken_is_settled_by_a_key(page: Page, machine: Machine, client: Client) -> None:
    reading = review(page)
    heading = reading.locator("h2")
    elsewhere = Client(f"http://127.0.0.1:{machine.api}", username="admin", password=PASSWORD)
    shown = ""
    for key, stands in (("+", "correct"), ("-", "accept")):
        expect(heading).not_to_have_text(shown)
        until_card(page, reading, SUGGESTED)
        expect(page.locator(".saved")).to_have_text(re.compile("Ready|All saved"))
        shown = heading.inner_text()
        item = next(one for one in client.items(SLUG) if one.text.startswith(shown))
        suggested = page.locator(f"{SUGGESTED} span").inner_text()
        elsewhere.decide(SLUG, item_id=item.id, action="accept", categories=[suggested])
        page.keyboard.press("2")
        refused = page.locator(".refused")
        expect(refused.locator("kbd").first).to_have_text("+")
        page.keyboard.press(key)
        expect(refused).to_have_count(0)
        saved(page)
        assert next(iter(client.decisions(SLUG))).action == stands
