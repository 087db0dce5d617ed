"""Collections from one store to another: copied whole, counted, and only then answered from there."""

from dataclasses import dataclass

from django.db import transaction
from django.db.models import F

from proxy.knowledge import stores
from proxy.knowledge.models import Index


class Incomplete(Exception):
    """The copy does not hold what the original does; the original goes on answering."""


@dataclass(frozen=True, slots=True)
class Moved:
    """An index that is in the other store now."""

    collection: str
    passages: int


def move(index: Index, to: Index.Store) -> Moved:
    """Copy every entry, compare the counts, switch over, and remove the original. May be repeated after a failure.

    Raises Incomplete, and StoreDown from either side.
    """
    source, target = stores.of(index), stores.named(to)
    version = index.version
    entries = list(index.entries.order_by("pk"))
    copied = 0
    for entry in entries:
        pieces = source.read(index, entry.pk)
        with transaction.atomic():
            if pieces:
                target.add(index, entry.pk, pieces)
        copied += len(pieces)
    counted = target.count(index, [entry.pk for entry in entries])
    expected = sum(entry.chunk_count for entry in entries)
    if not counted == copied == expected:
        raise Incomplete(f"{index.collection}: {expected} passages, {copied} read, {counted} in {to.label}.")
    with transaction.atomic():
        switched = Index.objects.filter(pk=index.pk, version=version).update(store=to, version=F("version") + 1)
        if switched and source.is_transactional:
            _remove(index, source)
    if not switched:
        raise Incomplete(f"{index.collection}: its documents changed meanwhile. Move it again.")
    if not source.is_transactional:
        _remove(index, source)
    return Moved(str(index.collection), counted)


def _remove(index: Index, source: stores.Store) -> None:
    for entry in index.entries.all():
        source.remove(index.tenant_id, index.pk, entry.pk)
    source.drop(index.tenant_id, index.pk)
