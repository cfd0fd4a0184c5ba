"""The page that describes the API, in a browser that reaches nothing but the API."""

from playwright.sync_api import BrowserContext, expect

from tests.e2e.test_up import Machine


def test_routes_are_read_and_tried_out_without_any_other_host(context: BrowserContext, machine: Machine) -> None:
    page = context.new_page()
    home = f"http://127.0.0.1:{machine.api}"
    asked: list[str] = []
    troubles: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.goto(f"{home}/docs")
    operation = page.locator("#operations-Operations-healthz")
    operation.scroll_into_view_if_needed()
    operation.get_by_role("button").first.click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".live-responses-table")).to_contain_text("alive")
    page.get_by_role("button", name="Authorize").first.click()
    expect(page.get_by_role("heading", name="Available authorizations")).to_be_visible()
    assert {address for address in asked if not address.startswith((f"{home}/", "data:"))} == set()
    assert troubles == []
