"""Which index of a collection answers, and which one is being made. The old one answers until the new one is whole."""

from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.db.models.signals import post_save
from django.utils import timezone

from proxy.knowledge import stores
from proxy.knowledge.models import Document, Entry, Index
from tenants.models import Collection

_SHAPE = ("embedding", "chunk_tokens", "chunk_overlap", "personal_data")


def connect() -> None:
    """Hear of collections that are to be cut or embedded in another way, whoever changes them."""
    post_save.connect(_collection_saved, sender=Collection)


def newest(collection: Collection) -> Index:
    """The index that documents go into: the one being built, else the one that answers; made if there is none."""
    index = Index.objects.filter(collection=collection).order_by("-id").first()
    return index or _make(collection, Index.State.SERVING)


def follow(collection: Collection) -> None:
    """Begin a new index where the collection is no longer as its newest index was made, and queue its documents."""
    with transaction.atomic():
        kept = Collection.objects.select_for_update().filter(pk=collection.pk).first()
        if kept is None:
            return
        index = Index.objects.filter(collection=kept).order_by("-id").first()
        if index is None or _shape(index) == _shape(kept):
            return
        serving = Index.objects.filter(collection=kept, state=Index.State.SERVING).first()
        Index.objects.filter(collection=kept, state=Index.State.BUILDING).delete()
        if serving is not None and _shape(serving) == _shape(kept):
            return  # changed back before the new one was whole
        if serving is not None and not serving.entries.exists():
            serving.delete()
            serving = None
        _make(kept, Index.State.BUILDING if serving else Index.State.SERVING)
        requeue(Document.objects.filter(collection=kept))


def requeue(documents: Any) -> int:
    """Have these documents read again; how many."""
    return int(
        documents.update(
            status=Document.Status.QUEUED,
            reason="",
            progress=0,
            attempts=0,
            claim="",
            claimed_until=None,
            queued_at=timezone.now(),
        )
    )


def settle(index: Index) -> bool:
    """Let a new index answer once it holds all that the old one does; whether it does now."""
    with transaction.atomic():
        Collection.objects.select_for_update().get(pk=index.collection_id)
        fresh = Index.objects.filter(pk=index.pk, state=Index.State.BUILDING).first()
        if fresh is None or missing(fresh):
            return False
        Index.objects.filter(collection=fresh.collection_id, state=Index.State.SERVING).delete()
        Index.objects.filter(pk=fresh.pk).update(state=Index.State.SERVING, version=F("version") + 1)
    return True


def missing(index: Index) -> int:
    """How many documents an index that is being built still waits for."""
    documents = Document.objects.filter(collection=index.collection_id)
    is_under_way = Q(status__in=(*Document.WAITING, *Document.RUNNING))
    is_served = Q(entries__index__state=Index.State.SERVING)
    has_it = Entry.objects.filter(index=index).values("document")
    return documents.filter(is_under_way | is_served).exclude(pk__in=has_it).distinct().count()


def _make(collection: Collection, state: Index.State) -> Index:
    shape = {name: getattr(collection, name) for name in _SHAPE}
    made, _is_new = Index.objects.get_or_create(
        collection=collection,
        state=state,
        defaults={**shape, "tenant_id": collection.tenant_id, "store": stores.chosen()},
    )
    return made


def _shape(row: Collection | Index) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in _SHAPE)


def _collection_saved(instance: Collection, **_signal: Any) -> None:
    transaction.on_commit(lambda: follow(instance))
