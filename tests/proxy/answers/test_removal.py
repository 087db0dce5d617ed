"""A tenant that is deleted takes its kept answers along."""

import asyncio
from pathlib import Path

import pytest

from proxy import tasks
from proxy.answers import purging, removal
from proxy.answers.stores import StoreDown
from proxy.answers.stores.machine import MachineStore
from tenants import actions
from tenants.models import Tenant
from tests.proxy.answers.test_stores import PLENTY, files, kept


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings) -> Path:
    settings.CONFIG = settings.CONFIG.model_copy(update={"data_dir": tmp_path, "redis_url": ""})
    return tmp_path


def keep(folder: Path, tenant: Tenant) -> None:
    async def put() -> None:
        store = MachineStore(folder / "answers.sqlite3")
        await store.put(kept(tenant.pk, "canary", model="canary"), PLENTY)
        await store.aclose()

    asyncio.run(put())


@pytest.mark.django_db
def test_with_the_tenant_its_answers_are_gone_from_the_file(folder: Path, django_capture_on_commit_callbacks) -> None:
    acme = actions.create_tenant(actor="test", slug="acme", name="Acme")
    keep(folder, acme)
    assert b"canary" in files(folder)
    with django_capture_on_commit_callbacks(execute=True):
        actions.delete_tenant(actor="test", tenant=acme)
    assert b"canary" not in files(folder)


@pytest.mark.django_db
def test_where_the_store_is_away_the_worker_does_it_later(
    folder: Path, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks
) -> None:
    acme = actions.create_tenant(actor="test", slug="acme", name="Acme")
    tenant_id = acme.pk
    keep(folder, acme)
    sent: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(removal.current_app, "send_task", lambda name, args, **_more: sent.append((name, args)))
    with monkeypatch.context() as away:
        away.setattr(purging, "opened", lambda **_where: Away())
        with django_capture_on_commit_callbacks(execute=True):
            actions.delete_tenant(actor="test", tenant=acme)
    assert b"canary" in files(folder)
    assert sent == [(tasks.forget_answers.name, [str(tenant_id)])]
    tasks.forget_answers(*sent[0][1])
    assert b"canary" not in files(folder)


class Away:
    """A store that does not answer."""

    async def end(self, *_what: object) -> int:
        raise StoreDown("away")

    async def aclose(self) -> None:
        """Nothing is open."""
