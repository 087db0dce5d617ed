"""Kept answers are forgotten by model, tag and id, by the command and on the page, and the audit says so."""

import asyncio
import io
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from proxy.answers import purging
from proxy.answers.stores import StoreDown
from proxy.answers.stores.machine import MachineStore
from tenants import actions
from tenants.models import AuditEntry, Membership, Tenant
from tests.proxy.answers.test_stores import NOW, PLENTY, kept

pytestmark = pytest.mark.django_db

KEPT = {"a": ("m", "faq"), "b": ("m", "news"), "c": ("n", "faq")}


@pytest.fixture
def acme() -> Tenant:
    return actions.create_tenant(actor="test", slug="acme", name="Acme")


@pytest.fixture(autouse=True)
def ids(tmp_path: Path, settings, acme: Tenant) -> dict[str, str]:
    """The entries' names, of this tenant and of another."""
    settings.CONFIG = settings.CONFIG.model_copy(update={"data_dir": tmp_path, "redis_url": ""})
    other = actions.create_tenant(actor="test", slug="globex", name="Globex")
    entries = {name: kept(acme.pk, name, model=model, tag=tag) for name, (model, tag) in KEPT.items()}

    async def put() -> None:
        store = MachineStore(tmp_path / "answers.sqlite3")
        for one in [*entries.values(), kept(other.pk, "a", model="m", tag="faq")]:
            await store.put(one, PLENTY)
        await store.aclose()

    asyncio.run(put())
    return {name: one.id for name, one in entries.items()}


def left(slug: str = "acme") -> int:
    return purging.usage(Tenant.objects.get(slug=slug).pk, NOW).entries


@pytest.mark.parametrize(
    ("arguments", "count"),
    [((), 3), (("--tag", "faq"), 2), (("--model", "m"), 2), (("--model", "m", "--tag", "faq"), 1), (("--tag", "x"), 0)],
)
def test_the_command_forgets_what_fits_everything_given(arguments: tuple[str, ...], count: int) -> None:
    out = io.StringIO()
    call_command("purge_cache", "acme", *arguments, stdout=out)
    assert f"{count} forgotten" in out.getvalue()
    assert (left(), left("globex")) == (3 - count, 1)
    entry = AuditEntry.objects.get(action="cache.purge")
    assert entry.changes["answers"] == [count, 0]


def test_the_command_forgets_one(ids: dict[str, str]) -> None:
    call_command("purge_cache", "acme", "--id", ids["b"], stdout=io.StringIO())
    assert left() == 2


def test_the_command_says_that_the_store_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_what: object) -> int:
        raise StoreDown("no file")

    monkeypatch.setattr(purging, "purge", away)
    with pytest.raises(CommandError, match="store of kept answers is away"):
        call_command("purge_cache", "acme", stdout=io.StringIO())
    assert not AuditEntry.objects.filter(action="cache.purge").exists()


@pytest.mark.parametrize(
    ("given", "count"),
    [({"tag": "faq"}, 2), ({"model": "m", "tag": "news"}, 1), ({"tag": "x"}, 0), ({"model": "", "tag": ""}, 3)],
)
def test_the_page_forgets_what_fits_everything_given(
    client: Client, acme: Tenant, given: dict[str, str], count: int
) -> None:
    alice = User.objects.create_user("alice")
    actions.set_role(actor="test", tenant=acme, user=alice, role=Membership.Role.ADMIN)
    client.force_login(alice)
    text = client.post("/t/acme/cache/forget/", given, follow=True).content.decode()
    assert f"{count} kept answer{'' if count == 1 else 's'} forgotten" in text
    assert (left(), left("globex")) == (3 - count, 1)
