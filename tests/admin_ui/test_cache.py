"""The cache page: settings are refused as the file's are, savings are shown, answers are forgotten."""

import asyncio
import hashlib
import re
from pathlib import Path
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.test import Client

from proxy.answers.kept import Kept, new_id
from proxy.answers.stores.opening import opened
from proxy.ledger.rollups import checking
from tenants.models import AuditEntry, Tenant
from tests.admin_ui.calls import record

URL = "/t/acme/cache/"
FIELDS = {"ttl": "600", "max_mb": "64", "sampled": "on", "semantic_threshold": "0.8", "semantic_ttl": "3600"}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings) -> Path:
    settings.CONFIG = settings.CONFIG.model_copy(update={"data_dir": tmp_path, "redis_url": ""})
    return tmp_path


@pytest.fixture
def page(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def keep(folder: Path, tenant_id: UUID, name: str, model: str = "claude-sonnet-5-5") -> None:
    at = 4_000_000_000.0
    key = hashlib.sha256(name.encode()).digest()
    kept = Kept(new_id(), tenant_id, key, model, "", at, at + 60, 5, 1, b"sealed")

    async def put() -> None:
        store = opened(redis_url="", folder=folder)
        await store.put(kept, 1_000_000)
        await store.aclose()

    asyncio.run(put())


def test_it_is_off_until_it_is_turned_on(page: Client, acme: Tenant) -> None:
    assert b"No answer is kept yet" in page.get(URL).content
    answer = page.post(URL, {**FIELDS, "enabled": "on"}, follow=True)
    assert b"Saved." in answer.content and b"No answer is kept yet" not in answer.content
    acme.refresh_from_db()
    assert acme.cache == {"exact": {"enabled": True, "ttl": 600}}


def test_like_questions_are_answered_where_that_is_turned_on(page: Client, acme: Tenant) -> None:
    given = {**FIELDS, "enabled": "on", "semantic_enabled": "on", "semantic_threshold": "0.9"}
    assert b"Saved." in page.post(URL, given, follow=True).content
    acme.refresh_from_db()
    assert acme.cache == {
        "exact": {"enabled": True, "ttl": 600},
        "semantic": {"enabled": True, "threshold": 0.9},
    }
    shown = page.get(URL).content
    assert b'value="0.9"' in shown and b"in other words" in shown
    answer = page.post(URL, {**given, "semantic_threshold": "0.2"})
    assert (answer.status_code, b"0.6" in answer.content) == (422, True)


def test_prompts_are_marked_where_that_is_turned_on_whatever_else_is_kept(page: Client, acme: Tenant) -> None:
    assert b"Saved." in page.post(URL, {**FIELDS, "ttl": "3600", "prompt_enabled": "on"}, follow=True).content
    acme.refresh_from_db()
    assert acme.cache == {"prompt": {"enabled": True}}


def test_what_cannot_be_is_refused_at_its_field(page: Client, acme: Tenant) -> None:
    answer = page.post(URL, {**FIELDS, "enabled": "on", "ttl": str(10**9)})
    assert answer.status_code == 422
    assert b"exact.ttl: give a whole number of seconds" in answer.content
    acme.refresh_from_db()
    assert acme.cache == {}


def shown(page: Client) -> str:
    """The page's words."""
    return re.sub("<[^>]*>", "", page.get(URL).content.decode())


def test_what_it_saved_is_shown(page: Client, acme: Tenant) -> None:
    record(acme, cache_state="miss").save()
    record(acme, cache_state="hit", saved_nano_usd=3_000_000_000).save()
    checking.rebuild()
    text = shown(page)
    assert "50 %" in text and "$3.00" in text and "1 the same, of 2" in text
    for _ in range(2):
        record(acme, cache_state="semantic-hit", saved_nano_usd=1_000_000_000).save()
    checking.rebuild()
    text = shown(page)
    assert "75 %" in text and "$5.00" in text and "1 the same and 2 in other words, of 4" in text


def test_answers_are_forgotten_after_a_question(page: Client, acme: Tenant, globex: Tenant, folder: Path) -> None:
    for name in "ab":
        keep(folder, acme.pk, name)
    keep(folder, acme.pk, "c", model="claude-opus-5-5")
    keep(folder, globex.pk, "a")
    assert b"It cannot be brought back" in page.get(f"{URL}forget/").content
    answer = page.post(f"{URL}forget/", {"model": "claude-sonnet-5-5"}, follow=True)
    assert b"2 kept answers forgotten" in answer.content
    assert b"1 kept answer forgotten" in page.post(f"{URL}forget/", {"model": ""}, follow=True).content
    entry = AuditEntry.objects.filter(action="cache.purge").earliest("revision")
    assert (entry.tenant_id, entry.changes) == (acme.pk, {"model": [None, "claude-sonnet-5-5"], "answers": [2, 0]})
    store = opened(redis_url="", folder=folder)
    assert asyncio.run(store.usage(globex.pk, 0)).entries == 1


def test_a_store_that_is_away_is_said(page: Client, acme: Tenant, folder: Path) -> None:
    (folder / "answers.sqlite3").mkdir()
    assert b"the store is away" in page.get(URL).content
    assert b"Nothing was forgotten" in page.post(f"{URL}forget/", {"model": ""}, follow=True).content


def test_members_without_the_role_see_no_such_page(client: Client, acme: Tenant, bob: User) -> None:
    client.force_login(bob)
    assert client.get(URL).status_code in {403, 404}
