"""The manager's pages in a real browser."""

import csv
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect

from tests.e2e.browser.person import BROWSER, answer, go, open_page, review, saved
from tests.e2e.test_up import Machine, eventually
from winnow import Client

pytestmark = BROWSER

OF_THE_FIRST_REVIEWER = (0x2E, 0x7D, 0x5B)


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

    go(page, "Overview")
    with (
        page.expect_download() as download
    ):  # by the keyboard: whenever the chart is drawn anew, a pointer loses its buttons
        page.get_by_role("button", name="Download as PNG: Decisions by day and reviewer").press("Enter")
    with Image.open(download.value.path()) as picture:
        assert picture.format == "PNG"
        drawn = {colour: count for count, colour in picture.convert("RGB").getcolors(picture.width * picture.height)}
    assert drawn[OF_THE_FIRST_REVIEWER] > 100, "the bar of twenty decisions is in the picture"
    page.get_by_text("The figures behind it").first.click()
    with page.expect_download() as download:
        page.get_by_test_id("stDownloadButton").get_by_role("button", name="CSV").first.click()
    with Path(download.value.path()).open(newline="", encoding="utf-8") as opened:
        assert sum(int(row["decisions"]) for row in csv.DictReader(opened)) == 20

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
    expect(page.get_by_text("Used of the present minute")).to_be_visible()
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_a_category_is_changed_after_a_look_at_what_it_means_and_taken_back(
    page: Page, machine: Machine, client: Client, project: str
) -> None:
    def names() -> set[str]:
        return {one.name for one in client.project(project).categories}

    open_page(page, machine, "categories")
    page.get_by_label("Name", exact=True).fill("Invoices")
    page.keyboard.press("Tab")
    expect(page.get_by_text("This is what it will mean")).to_be_visible()
    assert "Invoices" not in names()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Billing is changed.")).to_be_visible()
    assert "Invoices" in names()
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(page.get_by_text("Billing is changed.")).to_be_hidden()
    assert "Billing" in names()
