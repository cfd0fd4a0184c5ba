"""The manager's pages in a real browser."""

import csv
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.e2e.browser.person import BROWSER, answer, go, review, saved
from tests.e2e.test_up import eventually
from winnow import Client

pytestmark = BROWSER


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
