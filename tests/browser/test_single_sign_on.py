"""Signing in by the organisation's provider, in a browser and against the real server."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from tests import openid_provider
from tests.browser.conftest import Visit
from tests.journeys.server import serving

pytestmark = pytest.mark.slow


@pytest.fixture
def stranger(tmp_path: Path, context: BrowserContext) -> Iterator[tuple[Visit, openid_provider.Provider]]:
    """Nobody yet, before a server whose people come from a provider."""
    with openid_provider.providing() as provider:
        settings = {
            "LLMP_OIDC_ISSUER": provider.issuer,
            "LLMP_OIDC_CLIENT_ID": openid_provider.CLIENT_ID,
            "LLMP_OIDC_CLIENT_SECRET": openid_provider.CLIENT_SECRET,
            "LLMP_OIDC_LABEL": "Sign in with Example",
            "LLMP_OIDC_JOIN": "@example.com=acme:member",
        }
        with serving(tmp_path, **settings) as server:
            server.tenant("acme")
            visit = Visit(context.new_page(), server)
            yield visit, provider


def test_one_click_leads_from_the_door_to_the_pages_of_the_team(
    stranger: tuple[Visit, openid_provider.Provider],
) -> None:
    visit, provider = stranger
    visit.open("/t/acme/requests/")
    visit.page.get_by_role("link", name="Sign in with Example").click()
    visit.page.wait_for_url(re.compile("/t/acme/requests/$"))
    visit.page.get_by_label("Your account").click()
    expect(visit.page.locator("header .menu p")).to_contain_text("alice")
    visit.page.get_by_role("button", name="Sign out").click()

    provider.claims |= {"sub": "u-2", "email": "mallory@elsewhere.org"}
    visit.open("/accounts/sign-in/")
    visit.page.get_by_role("link", name="Sign in with Example").click()
    expect(visit.page.get_by_role("heading", name="You have no account here")).to_be_visible()
