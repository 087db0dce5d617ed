"""Asking from the browser: the answer streams in as text, with its trace beside it."""

from playwright.sync_api import expect

from tests.browser.conftest import Visit

URL = "/t/acme/playground/"
HOSTILE = "say <img src=x onerror=window.__x=1><script>window.__x=1</script>"


def write(visit: Visit, key: str, prompt: str) -> None:
    visit.open(URL)
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
    visit.page.get_by_role("button", name="Send").click()
    expect(visit.page.locator("#problem")).to_contain_text("Paste an API key.")
    expect(visit.page.get_by_label("API key")).to_be_focused()


def test_the_key_is_in_no_address_and_no_storage(visit: Visit, acme_key: str) -> None:
    write(visit, acme_key, "hello")
    visit.page.get_by_role("button", name="Send").click()
    expect(visit.page.locator("#progress")).to_have_text("Ended: end_turn")
    kept = visit.page.evaluate("JSON.stringify([location.href, localStorage, sessionStorage, document.cookie])")
    assert acme_key not in kept
