"""What people do from end to end: make a key, call with it by the SDK, watch the call come in, and leave."""

import re
import subprocess

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.journeys.clients import installs


@pytest.fixture
def sdk_python() -> str:
    """An interpreter that has the newest `anthropic`."""
    try:
        return str(installs.python_sdk(installs.PYTHON_SDKS[-1]))
    except installs.Missing as missing:
        pytest.skip(str(missing))


@pytest.mark.slow
@pytest.mark.clients
def test_a_new_keys_snippet_runs_as_it_stands_and_its_call_comes_in_live(visit: Visit, sdk_python: str) -> None:
    page = visit.page
    visit.open("/t/acme/keys/")
    page.get_by_role("link", name="Create key").click()
    page.fill("#id_name", "journey")
    page.get_by_role("button", name="Create key").click()
    page.get_by_role("tab", name="Python").click()
    snippet = page.get_by_role("tabpanel").inner_text()
    page.get_by_role("link", name="I have stored it").click()
    page.wait_for_url(re.compile("/t/acme/keys/$"))

    page.keyboard.press("g")
    page.keyboard.press("r")
    page.wait_for_url(re.compile("/t/acme/requests/"))
    expect(page.locator("[data-live-status]")).to_have_text("Live")
    page.wait_for_timeout(700)  # the first look is for what is old already
    done = subprocess.run([sdk_python, "-c", snippet], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    row = page.locator("#rows tr.fresh", has_text="journey")
    row.wait_for(state="visible")
    row.get_by_role("link").click()
    expect(page.get_by_role("heading", name="Where the time went")).to_be_visible()
    expect(page.locator("main")).to_contain_text("Anthropic/Python")


def test_who_signs_out_is_out_also_by_the_back_button(visit: Visit) -> None:
    page = visit.page
    visit.open("/t/acme/members/")
    page.get_by_label("Your account").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(visit.server.url + "/")
    page.go_back()
    expect(page).to_have_url(re.compile("/accounts/sign-in/"))
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert "acme" not in page.locator("main").inner_text()
