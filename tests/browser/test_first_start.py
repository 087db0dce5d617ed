"""From the first start's link to the first request, as a person sees it; and the frame from the keyboard."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.conftest import Visit
from tests.journeys.asking import HELLO, ask
from tests.journeys.server import ROOT, Server, serving

PASSWORD = "a-long-walk-in-the-rain"
_PREPARE = "import django; django.setup(); from proxy.hosting import bootstrap; print(bootstrap.prepare().welcome_path)"


@pytest.fixture
def fresh(tmp_path: Path, context: BrowserContext) -> Iterator[Visit]:
    """A server nobody has used, and a browser nobody is signed in with, at the link of the first start."""
    with serving(tmp_path) as server:
        visit = Visit(context.new_page(), server)
        visit.listen()
        visit.open(welcome_link(server))
        yield visit
    assert visit.complaints == []


def welcome_link(server: Server) -> str:
    env = {**server.env, "DJANGO_SETTINGS_MODULE": "proxy.settings"}
    done = subprocess.run(
        [sys.executable, "-c", _PREPARE], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.strip()


def choose_password(visit: Visit) -> None:
    visit.page.fill("#id_new_password1", PASSWORD)
    visit.page.fill("#id_new_password2", PASSWORD)
    visit.page.get_by_role("button", name="Set the password").click()
    visit.page.wait_for_url(re.compile(r"/t/demo/"))


@pytest.mark.slow
def test_the_checklist_ticks_itself_from_the_link_to_the_first_request(fresh: Visit) -> None:
    choose_password(fresh)
    page = fresh.page
    fresh.open("/platform/tenants/new/")
    page.fill("#id_name", "Initech")
    page.fill("#id_slug", "initech")
    page.get_by_role("button", name="Create tenant").click()
    ticked = page.locator("#checklist li.done")
    expect(page.locator("#checklist")).to_be_visible()
    expect(ticked).to_have_count(0)

    page.get_by_role("link", name="Connect an upstream").click()
    page.fill("#id_name", "simulator")
    page.select_option("#id_kind", "simulator")
    page.get_by_role("button", name="Connect", exact=True).click()
    page.get_by_role("button", name="Test").click()
    expect(page.locator("#tested")).to_contain_text("simulator answers")

    page.get_by_role("link", name="Keys").click()
    page.get_by_role("link", name="Create the first key").click()
    page.fill("#id_name", "ci")
    page.get_by_role("button", name="Create key").click()
    secret = page.locator("#issued-secret").inner_text()
    page.get_by_role("tab", name="Claude Code").click()
    expect(page.get_by_role("tabpanel")).to_contain_text(f"ANTHROPIC_AUTH_TOKEN={secret}")
    page.get_by_role("link", name="I have stored it").click()
    expect(page.get_by_role("link", name="ci", exact=True)).to_be_visible()
    assert secret not in page.content()

    page.get_by_role("link", name="Home").click()
    expect(ticked).to_have_count(2)
    assert ask(fresh.server.url, secret, HELLO).status == 200
    expect(ticked).to_have_count(3)

    fresh.open("/t/initech/keys/")
    page.get_by_role("link", name="Revoke", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("1 request")
    dialog.get_by_role("link", name="Keep it").click()
    expect(dialog).to_be_hidden()
    page.get_by_role("link", name="Revoke", exact=True).click()
    dialog.get_by_role("button", name="Revoke it").click()
    expect(page.locator(".toast")).to_contain_text("ci is revoked")


def test_theme_menu_and_search_work_from_the_keyboard(visit: Visit) -> None:
    page = visit.page
    visit.open("/t/acme/keys/")
    page.get_by_role("button", name=re.compile("light and dark")).press("Enter")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.set_viewport_size({"width": 375, "height": 800})
    page.get_by_role("button", name="Menu").press("Enter")
    expect(page.locator("#rail a").first).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#rail")).to_be_hidden()


def test_letters_lead_to_pages_but_never_while_somebody_types(visit: Visit) -> None:
    page = visit.page
    visit.open("/t/acme/")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_contain_text("Requests")
    page.keyboard.press("g")
    page.keyboard.press("k")  # under the sheet nothing moves
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile("/t/acme/$"))
    for letter, path in {"r": "requests", "k": "keys", "u": "usage", "p": "playground", "h": ""}.items():
        page.keyboard.press("g")
        page.keyboard.press(letter)
        page.wait_for_url(re.compile(f"/t/acme/{path}/?$"))
    visit.open("/t/acme/keys/")
    page.keyboard.press("/")
    page.keyboard.type("gr?/")
    expect(page.get_by_role("searchbox")).to_have_value("gr?/")
    expect(page).to_have_url(re.compile("/t/acme/keys/"))
    page.get_by_role("heading", level=1).click()
    page.keyboard.press("r")
    page.keyboard.press("Control+g")
    page.keyboard.press("r")  # alone it is a letter like any other
    expect(page).to_have_url(re.compile("/t/acme/keys/"))


def test_no_page_scrolls_sideways_on_a_phone(visit: Visit) -> None:
    visit.page.set_viewport_size({"width": 375, "height": 800})
    wide = {}
    for path in ("", "keys/", "keys/new/", "members/", "members/invite/", "upstreams/", "upstreams/new/", "settings/"):
        visit.open(f"/t/acme/{path}")
        if (width := visit.page.evaluate("document.documentElement.scrollWidth")) > 375:
            wide[path] = width
    assert wide == {}
