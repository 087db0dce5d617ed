"""Every page there is, in light, dark and on a phone: can it be used by everybody, and does it keep to itself?"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.conftest import Visit
from tests.journeys.clients import installs
from tests.journeys.server import ROOT, Server, serving

pytestmark = pytest.mark.slow

WIDTHS = (1280, 1024, 375)
PICTURES = os.environ.get("PICTURES_OF_PAGES", "")
"""A folder that pictures of every page are put into, for people to look at."""
_SERIOUS = """
async (options) => {
  const found = await axe.run(document, { resultTypes: ["violations"], ...options });
  return found.violations.filter((one) => ["serious", "critical"].includes(one.impact)).map(
    (one) => `${one.id}: ${one.nodes.slice(0, 3).map((at) => `${at.target} ${at.any.map((why) => why.message)}`)}`);
}
"""
_CUT_OFF = """[...document.querySelectorAll(".panel, .card")].filter((box) => box.scrollWidth > box.clientWidth + 1)
  .map((box) => `${box.className} ${box.scrollWidth} > ${box.clientWidth}`)"""
_COLOURS = {"runOnly": ["color-contrast"]}
# Who is signed out may meet these; who is signed in as staff meets the rest.
LEAST_PAGES = {"root": 70, "viewer": 12, "nobody": 4}


@dataclass(frozen=True)
class Walk:
    """A server with one of everything, its pages, and who may open them."""

    server: Server
    pages: dict[str, list[str]]
    cookies: dict[str, str]
    errors: dict[str, str]


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    with serving(tmp_path_factory.mktemp("walk")) as server:
        env = {**server.env, "DJANGO_SETTINGS_MODULE": "proxy.settings"}
        done = subprocess.run(
            [sys.executable, "-m", "tests.browser.walk"], cwd=ROOT, env=env, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
        yield Walk(server, **json.loads(done.stdout.splitlines()[-1]))


@pytest.fixture(scope="module")
def axe() -> Path:
    try:
        return installs.axe()
    except installs.Missing as missing:
        pytest.skip(str(missing))


@pytest.fixture
def person(browser: Browser, walk: Walk, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    """The browser of whom the test names, without motion: colours on their way are nobody's."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 900}, color_scheme="light", reduced_motion="reduce"
    )
    context.set_default_timeout(30_000)
    if request.param in walk.cookies:
        context.add_cookies([{"name": "sessionid", "value": walk.cookies[request.param], "url": walk.server.url}])
    yield context
    context.close()


def faults_of(page: Page, path: str) -> list[str]:
    """What is wrong with the page that is open, in every width and both themes."""
    found: list[Any] = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        page.evaluate("document.body.offsetHeight")
        needed = page.evaluate("document.documentElement.scrollWidth")
        if needed > width:
            found.append(f"wants {needed} px of {width}")
        found += [f"{width}: cut off: {what}" for what in page.evaluate(_CUT_OFF)]
        _picture(page, path, f"{width}-light")
        if width != 1024:
            found += [f"{width}: {fault}" for fault in page.evaluate(_SERIOUS, {})]
    page.set_viewport_size({"width": 1280, "height": 900})
    page.emulate_media(color_scheme="dark")
    _picture(page, path, "1280-dark")
    found += [f"dark: {fault}" for fault in page.evaluate(_SERIOUS, _COLOURS)]
    page.emulate_media(color_scheme="light")
    return [f"{path} {fault}" for fault in found]


def _picture(page: Page, path: str, mode: str) -> None:
    if PICTURES:
        name = re.sub(r"[^a-z0-9]+", "-", path.lower()).strip("-") or "start"
        page.screenshot(path=Path(PICTURES) / f"{name[:80]}-{mode}.png", full_page=True)


@pytest.mark.parametrize("person", ["root", "viewer", "nobody"], indirect=True)
def test_every_page_can_be_used_by_everybody(
    walk: Walk, person: BrowserContext, axe: Path, request: pytest.FixtureRequest
) -> None:
    who = request.node.callspec.params["person"]
    page = person.new_page()
    visit = Visit(page, walk.server)
    visit.listen()
    script = axe.read_text()
    faults = []
    paths = walk.pages[who]
    assert len(paths) >= LEAST_PAGES[who], paths
    for path in paths:
        page.set_viewport_size({"width": 1280, "height": 900})
        answer = page.goto(walk.server.url + path)
        assert answer is not None and answer.status == 200, path
        page.wait_for_load_state("networkidle")
        faults += [f"{path} {complaint}" for complaint in visit.complaints]
        page.evaluate(script)
        faults += faults_of(page, path)
        visit.complaints.clear()  # axe itself would style the page
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("person", ["nobody"], indirect=True)
def test_pages_of_errors_can_be_used_by_everybody(walk: Walk, person: BrowserContext, axe: Path) -> None:
    page = person.new_page()
    page.goto(walk.server.url)
    headers = {"content-type": "text/html; charset=utf-8"}
    faults = []
    for name, html in walk.errors.items():
        page.route(f"**/shown-{name}", lambda route, *, html=html: route.fulfill(headers=headers, body=html))
        page.goto(f"{walk.server.url}/shown-{name}")
        page.evaluate(axe.read_text())
        faults += faults_of(page, f"error-{name}")
    assert not faults, "\n".join(faults)
