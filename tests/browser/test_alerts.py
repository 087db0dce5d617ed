"""A budget crosses a threshold: the alert is on the page, and a receiver on the loopback checked its signature."""

import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.conftest import Visit, session
from tests.journeys.asking import ask
from tests.journeys.server import serving
from tests.journeys.test_alerts import working
from tests.proxy.alerts import receiver

pytestmark = pytest.mark.slow


def test_an_owner_makes_a_webhook_and_is_told_on_the_page_and_there(context: BrowserContext, tmp_path: Path) -> None:
    with receiver.listening() as there, serving(tmp_path) as server, working(server):
        key = server.tenant("acme", budgets=[{"period": "total", "requests": 4, "alert_at": [75]}])
        cookie = {"name": "sessionid", "value": session(server, "alice", "acme"), "url": server.url}
        context.add_cookies([cookie])
        page = context.new_page()
        visit = Visit(page, server)
        visit.listen()

        visit.open("/t/acme/alerts/")
        expect(page.get_by_role("heading", name="Nothing has happened yet")).to_be_visible()
        page.get_by_role("link", name="a webhook").click()
        page.get_by_label("Name").fill("pager")
        page.get_by_label("URL").fill(there.url + "/hook")
        page.get_by_role("button", name="Add").click()
        secret = page.locator("#issued-secret").inner_text()
        page.get_by_role("link", name="I have stored it").click()
        page.get_by_role("button", name="Send a test").click()
        expect(page.get_by_text("pager took the test.")).to_be_visible()
        assert there.received[0].is_signed_by(secret)

        assert [ask(server.url, key).status for _ in range(3)] == [200] * 3
        give_up_at = time.monotonic() + 60
        while len(there.received) < 2 and time.monotonic() < give_up_at:
            time.sleep(0.1)
        assert there.received[1].is_signed_by(secret)

        page.get_by_role("link", name=re.compile("^Alerts: 1")).or_(page.locator("a.bell")).first.click()
        expect(page.get_by_role("link", name="Acme has used 75 % of its 4 requests in total")).to_be_visible()
        expect(page.locator(".bell .count")).to_have_text("1")
        page.get_by_role("button", name=re.compile("Acknowledge: Acme")).click()
        expect(page.get_by_role("heading", name="Everything is acknowledged")).to_be_visible()
        expect(page.locator(".bell .count")).to_have_count(0)
        assert visit.complaints == []
