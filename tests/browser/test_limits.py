"""A budget is set in the form, runs out, and the page that is open shows it by itself."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.journeys.asking import ask

pytestmark = pytest.mark.slow


def test_a_budget_runs_out_before_ones_eyes(visit: Visit) -> None:
    page = visit.page
    visit.open("/t/acme/keys/new/")
    page.get_by_label("Name").fill("two-a-day")
    row = page.get_by_role("group", name="Budget 1")
    row.get_by_label("Amount").fill("2")
    row.get_by_label("Unit").select_option("requests")
    row.get_by_label("Period").select_option("day")
    page.get_by_role("button", name="Create key").click()
    secret = page.locator("#issued-secret").inner_text()

    assert ask(visit.server.url, secret).status == 200
    visit.open("/t/acme/limits/")
    line = page.get_by_role("row").filter(has_text="two-a-day")
    expect(line).to_contain_text("1 request")
    expect(line).to_contain_text("50 %")
    assert ask(visit.server.url, secret).status == 200
    refused = ask(visit.server.url, secret)
    assert (refused.status, refused.json()["error"]["type"]) == (429, "billing_error")
    expect(line).to_contain_text("Used up: blocked", timeout=30_000)  # the page was not loaded again
    line.get_by_role("link", name="two-a-day").click()
    expect(page.get_by_role("heading", name="two-a-day")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="2 requests a day")).to_contain_text(re.compile("Used up: blocked"))
    visit.open("/t/acme/keys/")
    expect(page.get_by_role("row").filter(has_text="two-a-day")).to_contain_text("100 % of 2 requests a day")
