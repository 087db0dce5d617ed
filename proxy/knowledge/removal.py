"""What is outside of the database goes after its rows are gone: noted in their transaction, done later, tried again."""

import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import connection
from django.db.models.signals import pre_delete
from django.utils import timezone

from proxy.knowledge import stores
from proxy.knowledge.models import Document, Index, Removal
from proxy.knowledge.stores import StoreDown
from proxy.knowledge.stores.embedded import sqlite
from tenants.models import Collection, Tenant

_UPLOAD_LIFE = timedelta(hours=1)

log = structlog.get_logger(__name__)


def connect() -> None:
    """Hear of tenants, collections and indexes that go, whoever deletes them."""
    pre_delete.connect(_tenant_goes, sender=Tenant)
    pre_delete.connect(_collection_goes, sender=Collection)
    pre_delete.connect(_index_goes, sender=Index)


def folder() -> Path:
    """Where the files of documents are."""
    return Path(settings.CONFIG.documents_dir or settings.CONFIG.data_dir / "documents")


def note_document(document: Document) -> None:
    """The document's file is to go."""
    _note(document.tenant_id, path=document.path)


def note_entry(index: Index, entry_id: Any) -> None:
    """The entry's passages are to go, or what is left of their words."""
    _note(index.tenant_id, index_number=index.pk, entry_id=entry_id)


def note_pending(index: Index, entry_id: UUID) -> None:
    """Passages are about to be stored: unless their entry comes to be, they go within the hour."""
    _note(index.tenant_id, index_number=index.pk, entry_id=entry_id, due_at=timezone.now() + _UPLOAD_LIFE)


def forget_pending(entry_id: UUID) -> None:
    """Their entry is here: they stay."""
    Removal.objects.filter(entry_id=entry_id).delete()


def note_upload(tenant_id: UUID, path: str) -> int:
    """A file is about to be written: unless it becomes a document's, it goes within the hour. The note's number."""
    return _note(tenant_id, path=path, due_at=timezone.now() + _UPLOAD_LIFE).pk


def _note(tenant_id: UUID, *, due_at: datetime | None = None, **what: Any) -> Removal:
    return Removal.objects.create(tenant_id=tenant_id, due_at=due_at or timezone.now(), **what)


def sweep() -> int:
    """Do what was noted; how much of it was done. What fails stays noted."""
    done = 0
    for row in Removal.objects.filter(due_at__lte=timezone.now()).order_by("pk"):
        try:
            _act(row)
        except (StoreDown, OSError) as failed:
            log.warning("something of a deleted document could not be removed yet", error=str(failed))
            continue
        row.delete()
        done += 1
    if done and connection.vendor == "sqlite" and not connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # deleted text must not live on in the log
    return done


def _act(row: Removal) -> None:
    if row.path:
        _remove_file(row.path)
    elif row.index_number is None:
        for store in _weaviate():
            store.drop_tenant(row.tenant_id)
    elif row.entry_id is None:
        for store in _weaviate():
            store.drop(row.tenant_id, row.index_number)
    else:
        _remove_entry(row)


def _remove_entry(row: Removal) -> None:
    assert row.index_number is not None and row.entry_id is not None
    index = Index.objects.filter(pk=row.index_number).first()
    if index is None:
        return
    if index.store == Index.Store.WEAVIATE:
        stores.of(index).remove(row.tenant_id, row.index_number, row.entry_id)
    elif connection.vendor == "sqlite":
        sqlite.Words.tidy(row.index_number)


def _remove_file(path: str) -> None:
    if Document.objects.filter(path=path).exists():
        return
    base = folder().resolve()
    target = (base / path).resolve()
    if base not in target.parents:
        return
    if target.is_dir():
        shutil.rmtree(target)
    else:
        target.unlink(missing_ok=True)


def _weaviate() -> list[stores.Store]:
    return [stores.named(Index.Store.WEAVIATE)] if settings.CONFIG.weaviate_url else []


def _tenant_goes(instance: Tenant, **_signal: Any) -> None:
    if settings.CONFIG.weaviate_url:
        _note(instance.pk)
    _note(instance.pk, path=str(instance.pk))


def _collection_goes(instance: Collection, **_signal: Any) -> None:
    _note(instance.tenant_id, path=f"{instance.tenant_id}/{instance.pk}")


def _index_goes(instance: Index, **_signal: Any) -> None:
    if instance.store == Index.Store.EMBEDDED:
        stores.of(instance).drop(instance.tenant_id, instance.pk)
    else:
        _note(instance.tenant_id, index_number=instance.pk)
