"""Asking from the browser: the answer streams in as text, with its trace beside it."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.journeys.asking import HELLO, ask

URL = "/t/acme/playground/"
HOSTILE = "say <img src=x onerror=window.__x=1><script>window.__x=1</script>"


def write(visit: Visit, key: str, prompt: str) -> None:
    visit.open(URL)
    visit.page.get_by_label("Ask as").select_option("A key I paste")
    visit.page.get_by_label("API key").fill(key)
    visit.page.get_by_label("Prompt", exact=True).fill(prompt)


def test_an_answer_streams_in_as_text_and_its_trace_follows(visit: Visit, acme_key: str) -> None:
    write(visit, acme_key, HOSTILE)
    visit.page.get_by_role("button", name="Send").click()
    expect(visit.page.locator("#progress")).to_have_text("Ended: end_turn")
    expect(visit.page.locator("#answer")).to_contain_text("<img src=x onerror=window.__x=1>")
    expect(visit.page.locator("#trace .waterfall")).to_contain_text("Wait for the upstream")
    expect(visit.page.locator("#trace .facts-table")).to_contain_text("Charged")
    assert visit.page.evaluate("window.__x") is None
    visit.page.locator("#permalink").click()
    expect(visit.page.get_by_role("heading", name="Tokens and cost")).to_be_visible()


def test_a_dry_run_shows_what_would_be_sent(visit: Visit, acme_key: str) -> None:
    write(visit, acme_key, "hello")
    visit.page.get_by_role("button", name="Dry run").click()
    expect(visit.page.locator("#progress")).to_have_text("Nothing was sent")
    expect(visit.page.locator("#answer")).to_contain_text('"would_send"')


def test_a_refusal_is_shown_with_its_reason(visit: Visit, acme_key: str) -> None:
    write(visit, "llmp_wrong", "hello")
    visit.page.get_by_role("button", name="Send").click()
    expect(visit.page.locator("#progress")).to_have_text("authentication_error")
    expect(visit.page.locator("#answer")).to_have_text("invalid x-api-key")


def test_an_unfinished_form_says_what_is_missing(visit: Visit, acme_key: str) -> None:
    visit.open(URL)
    visit.page.get_by_label("Ask as").select_option("A key I paste")
    visit.page.get_by_role("button", name="Send").click()
    expect(visit.page.locator("#problem")).to_contain_text("Paste an API key.")
    expect(visit.page.get_by_label("API key")).to_be_focused()


def test_the_key_is_in_no_address_and_no_storage(visit: Visit, acme_key: str) -> None:
    write(visit, acme_key, "hello")
    visit.page.get_by_role("button", name="Send").click()
    expect(visit.page.locator("#progress")).to_have_text("Ended: end_turn")
    kept = visit.page.evaluate("JSON.stringify([location.href, localStorage, sessionStorage, document.cookie])")
    assert acme_key not in kept


def ask_as_ci(visit: Visit, prompt: str) -> None:
    visit.open(URL)
    visit.page.get_by_label("Ask as").select_option("ci")
    visit.page.get_by_label("Prompt", exact=True).fill(prompt)
    visit.page.get_by_role("button", name="Send").click()


def test_a_chosen_key_is_asked_as_without_its_secret(visit: Visit, acme_key: str) -> None:
    ask_as_ci(visit, "hello")
    expect(visit.page.locator("#progress")).to_have_text("Ended: end_turn")
    expect(visit.page.locator("#trace .facts-table")).to_contain_text("Charged")
    visit.page.locator("#permalink").click()
    facts = visit.page.locator("main")
    expect(facts).to_contain_text("playground")
    expect(facts).to_contain_text("ci")


def test_what_the_page_was_given_is_worth_nothing_elsewhere_and_nothing_after(visit: Visit, acme_key: str) -> None:
    with visit.page.expect_response(re.compile("/playground/pass/$")) as given:
        ask_as_ci(visit, "hello")
    secret = given.value.json()["secret"]
    expect(visit.page.locator("#progress")).to_have_text("Ended: end_turn")
    assert ask(visit.server.url, secret, HELLO).status == 401  # no cookie
    asked = """async (secret) => (await fetch("/v1/messages", { method: "POST", body: "{}",
      headers: { "x-api-key": secret, "anthropic-version": "2023-06-01" } })).status"""
    assert visit.page.evaluate(asked, secret) == 400  # let in, though it asked nothing
    visit.page.get_by_label("Your account").click()
    visit.page.get_by_role("button", name="Sign out").click()
    visit.page.wait_for_url(re.compile("/$"))
    assert visit.page.evaluate(asked, secret) == 401
