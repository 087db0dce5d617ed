"""What every page has in common: our own files only, one place for colours, and no word about other tenants."""

import hashlib
import json
import re
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.templatetags.static import static
from django.test import Client

from admin_ui import navigation
from tenants.models import Tenant

ROOT = Path(__file__).resolve().parents[2]
VENDOR = ROOT / "static/vendor"
_COLOUR = re.compile(r"#[0-9a-fA-F]{3,8}\b|\b(?:rgb|hsl|oklch)a?\(")
_INLINE = re.compile(r"<script(?![^>]*\bsrc=)|\son[a-z]+=|\sstyle=|<style|hx-on|javascript:", re.I)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def test_vendored_files_are_those_of_the_manifest() -> None:
    manifest = json.loads((VENDOR / "manifest.json").read_text())
    found = {path.name for path in VENDOR.iterdir()} - {"manifest.json"}
    assert found == set(manifest)
    for name, entry in manifest.items():
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == entry["sha256"], name


def test_colours_are_named_in_one_file() -> None:
    sheets = [path for path in (ROOT / "static/css").glob("*.css") if path.name != "variables.css"]
    assert len(sheets) >= 4
    assert {path.name: found for path in sheets if (found := _COLOUR.findall(path.read_text()))} == {}


def test_no_template_has_inline_script_or_style() -> None:
    templates = list((ROOT / "templates").rglob("*.html"))
    assert len(templates) > 20
    written = {path.name: re.sub("{%.*?%}", "", path.read_text()) for path in templates}
    found = {name: _INLINE.findall(text) for name, text in written.items()}
    assert {name: what for name, what in found.items() if what} == {}


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_can_be_read_on_every_ground(theme: int) -> None:
    css = (ROOT / "static/css/variables.css").read_text()
    pairs = re.findall(r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", css)
    colours = {name: (light, dark)[theme] for name, light, dark in pairs}
    grounds = [colours[name] for name in ("ground", "surface", "raised", "hover", "sunken")]
    for name in ("text", "text-soft", "accent", "good", "warn", "bad", "info"):
        assert min(contrast(colours[name], ground) for ground in grounds) >= 4.5, name
    for tone in ("good", "warn", "bad", "info", "accent"):
        assert contrast(colours[tone], colours[f"{tone}-soft"]) >= 4.5, tone
        assert contrast(colours["text"], colours[f"{tone}-soft"]) >= 4.5, tone
    assert contrast(colours["on-accent"], colours["accent"]) >= 4.5
    assert contrast(colours["on-accent"], colours["bad"]) >= 4.5


def test_the_theme_is_in_the_first_byte_of_the_page(client: Client, alice: User) -> None:
    client.force_login(alice)
    assert "data-theme" not in client.get("/t/acme/").content.decode()[:200]
    client.cookies["theme"] = "dark"
    assert '<html lang="en" data-theme="dark">' in client.get("/t/acme/").content.decode()
    client.cookies["theme"] = '"><script>'
    assert "data-theme" not in client.get("/t/acme/").content.decode()[:200]


def test_times_are_in_the_viewers_zone(client: Client, alice: User) -> None:
    client.force_login(alice)
    assert re.search("CES?T", client.get("/t/acme/settings/").content.decode())
    client.cookies["zone"] = "Asia/Tokyo"
    assert "JST" in client.get("/t/acme/settings/").content.decode()
    client.cookies["zone"] = "../../etc/passwd"
    assert client.get("/t/acme/settings/").status_code == 200


def test_the_switcher_names_only_tenants_of_the_person(client: Client, alice: User, globex: Tenant) -> None:
    client.force_login(alice)
    page = client.get("/t/acme/").content.decode()
    assert "Acme Corp" in page
    assert "Globex" not in page and "globex" not in page


def test_htmx_may_evaluate_nothing(client: Client, alice: User) -> None:
    client.force_login(alice)
    page = client.get("/t/acme/").content.decode()
    config = json.loads(re.search(r"name=\"htmx-config\" content='([^']+)'", page)[1])
    assert config["allowEval"] is False
    assert config["allowScriptTags"] is False
    assert config["includeIndicatorStyles"] is False
    assert config["selfRequestsOnly"] is True
    policy = client.get("/t/acme/").headers["content-security-policy"]
    assert "unsafe" not in policy


def test_a_foreign_tenant_answers_like_one_that_does_not_exist(client: Client, charlie: User, acme: Tenant) -> None:
    client.force_login(charlie)
    foreign, missing = client.get("/t/acme/"), client.get("/t/nowhere/")
    assert foreign.status_code == missing.status_code == 404
    assert foreign.content == missing.content


def test_who_is_not_signed_in_is_asked_to(client: Client, acme: Tenant) -> None:
    for path in ("/t/acme/", "/platform/", "/start/", "/t/nowhere/"):
        answer = client.get(path)
        assert answer.status_code == 302 and answer.headers["location"].startswith("/accounts/sign-in/"), path


def test_start_leads_to_the_only_tenant(client: Client, alice: User, globex: Tenant) -> None:
    client.force_login(alice)
    assert client.get("/start/").headers["location"] == "/t/acme/"
    client.force_login(User.objects.create_superuser("root"))
    assert client.get("/start/").headers["location"] == "/platform/"
    client.force_login(User.objects.create_user("nobody"))
    assert "belong to no tenant" in client.get("/start/").content.decode()


@pytest.mark.parametrize("rail", [navigation.TENANT, navigation.PLATFORM])
def test_each_letter_leads_to_one_page(rail: tuple[tuple[str, tuple[navigation.Entry, ...]], ...]) -> None:
    letters = [entry.key for _group, entries in rail for entry in entries if entry.key]
    assert len(letters) == len(set(letters)) and "g" not in letters


def test_a_page_that_names_no_icon_has_one_too(client: Client) -> None:
    answer = client.get("/favicon.ico")
    assert (answer.status_code, answer["location"]) == (302, static("icon.svg"))
