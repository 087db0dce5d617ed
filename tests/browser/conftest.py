"""One server and one browser for all tests here, or a skip with the reason."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.journeys.server import ROOT, Server, serving

_SESSION = """
import django; django.setup()
import sys
from django.contrib.auth.models import User
from django.test import Client
from tenants.models import Membership, Tenant
name, slug = sys.argv[1:]
user, _ = User.objects.get_or_create(username=name)
if slug:
    tenant = Tenant.objects.get(slug=slug)
    Membership.objects.get_or_create(user=user, tenant=tenant, defaults={"role": "owner"})
client = Client()
client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
print(client.cookies["sessionid"].value)
"""


@dataclass
class Visit:
    """A signed-in person's browser, and what it said that it should not have."""

    page: Page
    server: Server
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        """Go to a page of the server."""
        self.page.goto(self.server.url + path)

    def listen(self) -> None:
        """Note dialogs, defects, requests to elsewhere and what the content policy stopped."""
        self.page.on("dialog", lambda dialog: (self.complaints.append(f"dialog {dialog.message}"), dialog.dismiss()))
        self.page.on("pageerror", lambda error: self.complaints.append(f"defect {error}"))
        self.page.on("console", lambda said: self._hear(said.text))
        self.page.on("request", lambda asked: self._see(asked.url))

    def _hear(self, text: str) -> None:
        if "Content Security Policy" in text or "Content-Security-Policy" in text:
            self.complaints.append(text)

    def _see(self, url: str) -> None:
        if not url.startswith((self.server.url, "data:", "blob:")):
            self.complaints.append(f"asked elsewhere: {url}")


@pytest.fixture(scope="session")
def browser_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of this run."""
    with serving(tmp_path_factory.mktemp("browser")) as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium. Not for the whole run: Playwright's loop stands in the way of other tests' own."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("needs Chromium (apt install chromium)")
    with sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser without a past."""
    made = browser.new_context(viewport={"width": 1440, "height": 900})
    made.set_default_timeout(15_000)
    yield made
    made.close()


@pytest.fixture
def acme_key(browser_server: Server) -> str:
    """A key of acme, made anew with it for each test that asks."""
    if not (browser_server.data_dir / "acme-key").exists():
        (browser_server.data_dir / "acme-key").write_text(browser_server.tenant("acme"))
    return (browser_server.data_dir / "acme-key").read_text()


@pytest.fixture
def visit(context: BrowserContext, browser_server: Server, acme_key: str) -> Iterator[Visit]:
    """Alice, an owner of acme, signed in. Whatever her browser complains about fails the test."""
    context.add_cookies(
        [{"name": "sessionid", "value": session(browser_server, "alice", "acme"), "url": browser_server.url}]
    )
    visit = Visit(context.new_page(), browser_server)
    visit.listen()
    yield visit
    assert visit.complaints == []


def session(server: Server, name: str, slug: str) -> str:
    """The cookie of somebody who has signed in."""
    env = {**server.env, "DJANGO_SETTINGS_MODULE": "proxy.settings", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", _SESSION, name, slug],
        cwd=Path(ROOT),
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.strip()
