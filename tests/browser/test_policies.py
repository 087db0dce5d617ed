"""A rule is written from a template, tried and enforced; it stops a request, whose page says which rule it was."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.journeys.asking import HELLO, ask

pytestmark = pytest.mark.slow
ASKED = {**HELLO, "messages": [{"role": "user", "content": "Write about Project Condor."}]}


def test_a_rule_blocks_and_one_sees_why(visit: Visit, acme_key: str) -> None:
    page = visit.page
    visit.open("/t/acme/policies/")
    page.get_by_role("link", name="Keep project names inside").click()
    page.get_by_label("Words").fill("project condor")
    page.get_by_label("Must match").fill("about PROJECT c0ndor")
    expect(page.locator("#preview")).to_contain_text("about PROJECT c0ndor matches")
    page.get_by_label("Must not match").fill("a condor flies")
    page.get_by_label("Mode", exact=True).select_option("enforce")
    page.get_by_role("button", name="Keep as draft").click()

    expect(page.get_by_text("holds for nobody yet")).to_be_visible()
    page.get_by_label("Text, or a request as JSON").fill("Write about Project Condor.")
    expect(page.locator("#tried mark")).to_have_text(["Project Condor"])
    assert ask(visit.server.url, acme_key, ASKED).status == 200
    page.get_by_role("link", name="Look at what it changes").click()
    page.get_by_role("button", name="Activate the draft").click()

    expect(page.get_by_text("holds from the next second on")).to_be_visible()
    page.wait_for_timeout(1500)
    refused = ask(visit.server.url, acme_key, ASKED)
    assert refused.status == 451
    expect(page.get_by_role("listitem").filter(has_text="project-names")).to_be_visible()
    page.wait_for_timeout(2000)
    page.get_by_role("link", name="project-names", exact=True).click()
    page.get_by_role("link", name="req_").first.click()
    expect(page.get_by_text("stopped it")).to_be_visible()
    assert not visit.complaints
