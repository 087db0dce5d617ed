"""From a file on somebody's machine to an answer that cites it, in the browser, for everybody and in every light."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Visit, session
from tests.browser.payloads import PAYLOADS
from tests.browser.test_every_page import axe, faults_of  # noqa: F401
from tests.journeys.server import ROOT, Server
from tests.proxy.knowledge import files

pytestmark = pytest.mark.slow

LEAVE = "Every employee has thirty days of paid holiday in each calendar year."
TRAVEL = "Journeys by train are booked by the travel office, never by yourself."
QUESTION = "How many days of paid holiday does an employee have in a year?"
SLOW_MS = 60_000


@pytest.fixture(scope="module")
def reader(browser_server: Server) -> Iterator[None]:
    """Somebody who reads what is loaded."""
    env = {**browser_server.env, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, "-m", "tests.browser.reading"], cwd=ROOT, env=env)
    yield
    process.terminate()
    process.wait(20)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "handbook.pdf").write_bytes(files.pdf(TRAVEL, LEAVE))
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.4 and nothing more")
    (tmp_path / "photo.png").write_bytes(b"\x89PNG")
    return tmp_path


def make(visit: Visit, name: str) -> Page:
    visit.open("/t/acme/collections/new/")
    visit.page.get_by_label("Name").fill(name)
    visit.page.get_by_role("button", name="Make it").click()
    expect(visit.page.get_by_role("heading", name=name)).to_be_visible()
    return visit.page


def rows(page: Page) -> Any:
    return page.locator("#documents-table tbody")


def drop(page: Page, *paths: Path) -> None:
    """As a hand drops files, which a field's own files are not."""
    data = page.evaluate_handle("() => new DataTransfer()")
    for path in paths:
        add = """([data, name, bytes]) => data.items.add(new File([new Uint8Array(bytes)], name))"""
        page.evaluate(add, [data, path.name, list(path.read_bytes())])
    page.dispatch_event("#loader [data-drop]", "drop", {"dataTransfer": data})


def test_files_are_dropped_watched_and_found(visit: Visit, reader: None, folder: Path) -> None:
    page = make(visit, "rules")
    expect(page.locator("[data-live-status]")).to_have_text("Live")
    drop(page, *sorted(folder.iterdir()))
    expect(page.locator("[data-files]")).to_contain_text("Files of this ending are not read here")
    expect(page.locator("[data-summary]")).to_contain_text("2 taken in, 1 not taken in")
    expect(rows(page).filter(has_text="Ready")).to_be_visible(timeout=SLOW_MS)  # nothing was loaded again
    expect(rows(page)).to_contain_text("Export it again", timeout=SLOW_MS)
    page.get_by_label("Question", exact=True).fill(QUESTION)
    page.get_by_role("button", name="Search").click()
    found = page.locator(".passages-found > li").first
    expect(found).to_contain_text(LEAVE, timeout=SLOW_MS)
    expect(found.locator("mark").first).to_be_visible()
    found.get_by_role("link", name="handbook.pdf").click()
    expect(page.locator("li:target")).to_contain_text(LEAVE)
    page.get_by_label("Title optional", exact=True).fill("The handbook")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="The handbook")).to_be_visible()
    page.get_by_role("button", name="Read again").click()
    expect(page.locator("#how-far")).to_have_text("Ready", timeout=SLOW_MS)  # nor here
    expect(page.get_by_role("button", name="Read again")).to_be_visible()
    page.get_by_role("link", name="Delete").click()
    expect(page.locator("dialog[open]")).to_contain_text("with 2 passages")
    page.get_by_role("button", name="Delete it").click()
    expect(page.locator("#documents")).not_to_contain_text("The handbook")


def test_a_document_is_loaded_asked_about_and_cited(visit: Visit, reader: None, folder: Path) -> None:
    page = visit.page
    visit.open("/t/acme/playground/")
    page.get_by_label("Ask as").select_option("ci")
    page.get_by_label("Answer from").select_option("A new collection…")
    page.get_by_label("Its name").fill("asked")
    page.set_input_files("#files", folder / "handbook.pdf")
    page.get_by_label("Prompt", exact=True).fill(f"{QUESTION}\n#simulate cite")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#files-list")).to_contain_text("Ready", timeout=SLOW_MS)
    expect(page.locator("#progress")).to_have_text("Ended: end_turn", timeout=SLOW_MS)
    expect(page.locator("#given")).to_contain_text("of asked")
    source = page.locator("#sources li").filter(has_text="asked/handbook.pdf#page=2")
    expect(source.locator("blockquote")).to_have_text(LEAVE)
    expect(page.locator("#answer a.cite").first).to_have_text("1")
    source.get_by_role("link").click()
    expect(page).to_have_url(re.compile("/collections/documents/.*#passage-1$"))
    expect(page.locator("li:target")).to_contain_text("page 2")
    page.reload()
    expect(page.locator("section", has_text="In answers")).to_contain_text("req_", timeout=SLOW_MS)


def test_what_documents_say_stays_text_wherever_it_is_shown(visit: Visit, reader: None, tmp_path: Path) -> None:
    (tmp_path / "hostile.md").write_text("# Holiday\n\n" + "\n\n".join(PAYLOADS))
    for number, payload in enumerate(PAYLOADS[:6]):
        (tmp_path / f"{payload.replace('/', '_')}{number}.txt").write_text(f"Holiday {payload}")
    page = make(visit, "hostile")
    page.set_input_files("#files", sorted(tmp_path.iterdir()))
    expect(page.locator(".chips")).to_contain_text("Ready 7", timeout=SLOW_MS)
    page.get_by_label("Question", exact=True).fill(f"Holiday {PAYLOADS[0]}")
    page.get_by_role("button", name="Search").click()
    expect(page.locator(".passages-found")).to_be_visible(timeout=SLOW_MS)
    visit.open("/t/acme/playground/?collection=hostile")
    page.get_by_label("Ask as").select_option("ci")
    page.get_by_label("Prompt", exact=True).fill("Holiday and windows?\n#simulate cite")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#sources li").first).to_be_visible(timeout=SLOW_MS)
    expect(page.locator("#progress")).to_have_text("Ended: end_turn")
    assert page.locator("#sources, #answer").locator("img, script, iframe, svg, form").count() == 0
    page.locator("#sources a").first.click()
    expect(page.locator("li:target")).to_be_visible()
    assert page.evaluate("window.__x") is None


def test_who_is_signed_out_meanwhile_is_told_and_nothing_is_taken_in(visit: Visit, folder: Path) -> None:
    page = make(visit, "left")
    page.context.clear_cookies()
    page.set_input_files("#files", folder / "handbook.pdf")
    expect(page.locator("[data-files]")).to_contain_text("It was not taken in. Load the page again, and sign in")
    expect(page.locator("[data-summary]")).to_have_text("1 not taken in.")


def test_without_a_socket_the_page_asks_for_itself(visit: Visit, reader: None, folder: Path) -> None:
    visit.page.add_init_script("WebSocket = class extends EventTarget { constructor() { super();"
                               "setTimeout(() => this.dispatchEvent(new CloseEvent('close')), 10); } }")  # fmt: skip
    page = make(visit, "polled")
    expect(page.locator("[data-live-status]")).to_have_text("Every few seconds")
    page.set_input_files("#files", folder / "handbook.pdf")
    expect(rows(page)).to_contain_text("Ready", timeout=SLOW_MS)


def test_without_scripts_the_form_does_it(
    browser_server: Server, browser: Any, acme_key: str, reader: None, folder: Path
) -> None:
    context = browser.new_context(java_script_enabled=False)
    cookie = {"name": "sessionid", "value": session(browser_server, "alice", "acme"), "url": browser_server.url}
    context.add_cookies([cookie])
    page = context.new_page()
    page.goto(f"{browser_server.url}/t/acme/collections/new/")
    page.get_by_label("Name").fill("plain")
    page.get_by_role("button", name="Make it").click()
    page.set_input_files("#files", sorted(folder.iterdir()))
    page.get_by_role("button", name="Load", exact=True).click()
    expect(page.locator("body")).to_contain_text("2 files taken in")
    expect(page.locator("body")).to_contain_text("photo.png: Files of this ending")
    page.get_by_label("Question", exact=True).fill("holiday")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("heading", name="What would a question find?")).to_be_visible()
    context.close()


def test_pages_with_something_in_them_can_be_used_by_everybody(
    visit: Visit,
    reader: None,
    context: BrowserContext,
    folder: Path,
    axe: Path,  # noqa: F811
) -> None:
    page = make(visit, "usable")
    page.emulate_media(reduced_motion="reduce", color_scheme="light")
    page.set_input_files("#files", sorted(folder.iterdir()))
    expect(rows(page)).to_contain_text("Ready", timeout=SLOW_MS)
    page.get_by_label("Question", exact=True).fill(QUESTION)
    page.get_by_role("button", name="Search").click()
    expect(page.locator(".passages-found")).to_be_visible(timeout=SLOW_MS)
    faults = check(page, axe, "collection-found")
    visit.open("/t/acme/playground/?collection=usable")
    page.get_by_label("Prompt", exact=True).fill(f"{QUESTION}\n#simulate cite")
    page.set_input_files("#files", folder / "photo.png")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#sources li").first).to_be_visible(timeout=SLOW_MS)
    expect(page.locator("#trace .facts-table")).to_be_visible(timeout=SLOW_MS)
    faults += check(page, axe, "playground-cited")
    page.locator("#sources a").first.click()
    faults += check(page, axe, "document-cited")
    assert faults == []
    visit.complaints.clear()  # axe itself would style the page


def check(page: Page, script: Path, name: str) -> list[str]:
    page.evaluate(script.read_text())
    return faults_of(page, name)
