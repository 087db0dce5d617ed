"""Requests in a browser: live within a second, still there without a socket, and deaf to hostile text."""

import json
import re
import subprocess
import sys
import time

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.payloads import PAYLOADS
from tests.journeys.asking import HELLO, ask
from tests.journeys.server import ROOT

LIST = "/t/acme/requests/"

STORE = """
import django; django.setup()
import json, sys
from tenants.models import Tenant
from tests.proxy.ledger.calls import store
tenant = Tenant.objects.get(slug="acme")
texts = json.load(sys.stdin)
for number, text in enumerate(texts):
    store(tenant.pk, id=f"req_{number:024x}", model_asked=text[:200], model_served=text[:200], user_agent=text[:300],
          session_id=text[:100], agent_id=text[:100], parent_agent_id=text[:100], key_name=text[:100],
          upstream_name=text[:100], error_type=text[:64], error_message=text[:500], stop_reason=text[:64],
          upstream_request_id=text[:100], state="failed", status=500,
          trace=[{"step": text, "us": 5, text: text, "facts": [text]}])
"""


def call(visit: Visit, key: str, **headers: str) -> str:
    """Ask once; the request's id."""
    reply = ask(visit.server.url, key, HELLO, **headers)
    assert reply.status == 200
    return reply.headers["x-llmp-request-id"]


def wait_for_live(visit: Visit) -> None:
    expect(visit.page.locator("[data-live-status]")).to_have_text("Live")
    visit.page.wait_for_timeout(700)  # the first look is for what is old already


def test_a_call_appears_without_a_reload_and_leads_to_its_page(visit: Visit, acme_key: str) -> None:
    visit.open(LIST)
    wait_for_live(visit)
    began = time.monotonic()
    row = visit.page.locator(f"#{call(visit, acme_key)}")
    row.wait_for(state="attached")
    assert time.monotonic() - began < 4  # a second, on a machine that does nothing else
    row.locator("a").click()
    expect(visit.page.get_by_role("heading", name="Where the time went")).to_be_visible()
    expect(visit.page.locator(".waterfall li").first).to_contain_text("Check the key")


def test_paused_nothing_moves_and_what_came_is_counted(visit: Visit, acme_key: str) -> None:
    visit.open(LIST)
    wait_for_live(visit)
    visit.page.get_by_role("button", name="Pause").click()
    made = [call(visit, acme_key) for _ in range(2)]
    expect(visit.page.locator("[data-live-status]")).to_have_text("Paused, 2 new")
    assert visit.page.locator(f"#{made[0]}").count() == 0
    visit.page.get_by_role("button", name="Resume").click()
    for pk in made:
        visit.page.locator(f"#{pk}").wait_for(state="attached")


def test_without_a_socket_the_page_asks_every_few_seconds(visit: Visit, acme_key: str) -> None:
    visit.page.route_web_socket(re.compile("/ws/"), lambda socket: socket.close())
    visit.open(LIST)
    expect(visit.page.locator("[data-live-status]")).to_have_text("Every few seconds")
    visit.page.locator(f"#{call(visit, acme_key)}").wait_for(state="attached")


def test_a_filter_holds_for_what_comes_in_live(visit: Visit, acme_key: str) -> None:
    visit.open(f"{LIST}?session=this-one")
    wait_for_live(visit)
    other = call(visit, acme_key)
    wanted = call(visit, acme_key, **{"x-claude-code-session-id": "this-one"})
    visit.page.locator(f"#{wanted}").wait_for(state="attached")
    assert visit.page.locator(f"#{other}").count() == 0


@pytest.mark.slow
def test_nothing_of_what_is_stored_ever_runs(visit: Visit, acme_key: str) -> None:
    assert len(PAYLOADS) == 60
    visit.open(LIST)
    wait_for_live(visit)
    env = {**visit.server.env, "DJANGO_SETTINGS_MODULE": "proxy.settings", "PYTHONPATH": str(ROOT)}
    subprocess.run(
        [sys.executable, "-c", STORE], cwd=ROOT, env=env, input=json.dumps(PAYLOADS), text=True, timeout=60, check=True
    )
    visit.page.locator(f"#req_{0:024x}").wait_for(state="attached")  # they came in live
    paths = [LIST, "/t/acme/audit/", "/t/acme/playground/", "/t/acme/"]
    paths += [f"/t/acme/usage/?by={by}&range=1h" for by in ("model", "client", "session", "agent", "upstream", "key")]
    paths += [f"{LIST}req_{number:024x}/" for number in range(len(PAYLOADS))]
    for path in paths:
        visit.open(path)
        for slot in visit.page.locator(".chart .slot").all()[-2:]:
            slot.hover()
        assert visit.page.evaluate("window.__x") is None, path
    assert visit.page.locator("img[src=x]").count() == 0
