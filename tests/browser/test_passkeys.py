"""A passkey is added and opens the door alone, with an authenticator that the browser itself plays."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Visit
from tests.journeys.server import Server

PASSWORD = "a-long-walk-in-the-rain"
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def visit(context: BrowserContext, browser_server: Server, acme_key: str) -> Iterator[Visit]:
    """Somebody at the name `localhost`: passkeys belong to names, and browsers trust this one without TLS."""
    page = context.new_page()
    devtools = context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    local = Server(
        browser_server.url.replace("127.0.0.1", "localhost"),
        browser_server.env,
        browser_server.data_dir,
        browser_server.process,
    )
    visit = Visit(page, local)
    visit.listen()
    yield visit
    assert visit.complaints == []


def choose_password(page: Page, server: Server, name: str) -> None:
    made = f"from django.contrib.auth.models import User; User.objects.get_or_create(username={name!r})"
    server.manage("shell", "-c", made)
    link = server.manage("sign_in_link", name).strip()
    page.goto(server.url + re.sub("^http://[^/]+", "", link))
    page.fill("#id_new_password1", PASSWORD)
    page.fill("#id_new_password2", PASSWORD)
    page.get_by_role("button", name="Set the password").click()
    page.wait_for_url(re.compile("/start/"))


def test_a_passkey_is_added_and_signs_in_without_a_password(visit: Visit) -> None:
    page = visit.page
    choose_password(page, visit.server, "petra")
    visit.open("/accounts/second-factor/webauthn/add/")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    page.get_by_label("Name").fill("laptop")
    page.get_by_label("Passwordless").check()
    page.get_by_role("button", name="Add").click()
    page.wait_for_url(re.compile("/accounts/second-factor/(?!webauthn/add)"))
    visit.open("/accounts/second-factor/webauthn/")
    expect(page.locator("main")).to_contain_text("laptop")

    page.context.clear_cookies()
    visit.open("/accounts/sign-in/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(re.compile("/start/"))
    visit.open("/accounts/second-factor/")
    expect(page.get_by_role("heading", name="Two-Factor Authentication")).to_be_visible()

    page.context.clear_cookies()
    visit.open("/accounts/sign-in/")
    page.get_by_label("User name").fill("petra")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(re.compile("/second-factor/authenticate/"))  # asked for beside the password
    visit.open("/start/")
    expect(page).to_have_url(re.compile("/accounts/second-factor/authenticate/"))  # nothing opens before
    page.get_by_role("button", name="Use a security key").click()
    page.wait_for_url(lambda url: "/accounts/" not in url)
