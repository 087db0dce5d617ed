"""Where passages are kept: one interface, two stores, and one suite of tests for both.

What of it a search may see is decided by the `Entry` rows of the database, so that a document's old passages are
seen until its new ones are complete, in a store without transactions too.
"""

import atexit
from collections.abc import Iterable, Sequence
from threading import Lock
from typing import Protocol, cast
from uuid import UUID

from django.conf import settings
from django.utils.module_loading import import_string

from proxy.knowledge.models import Index
from proxy.knowledge.passages import Hit, Piece, Question

# By name: only the store that is used is loaded.
_STORES = {
    Index.Store.EMBEDDED: "proxy.knowledge.stores.embedded.Embedded",
    Index.Store.WEAVIATE: "proxy.knowledge.stores.weaviate.Weaviate",
}


_opened: dict[str, "Store"] = {}
_opening = Lock()


class StoreDown(Exception):
    """The store does not answer. The message says which, and why."""


class Store(Protocol):
    """Passages of indexes. Calls block: they are made in threads. Raises StoreDown."""

    is_transactional: bool
    """Whether what it does is undone with the transaction it is done in."""

    def add(self, index: Index, entry_id: UUID, pieces: Sequence[Piece]) -> None:
        """Keep the passages of a new entry. Adding them twice keeps them once."""

    def remove(self, tenant_id: UUID, index_number: int, entry_id: UUID) -> None:
        """Forget an entry, if there is one."""

    def drop(self, tenant_id: UUID, index_number: int) -> None:
        """Forget an index."""

    def drop_tenant(self, tenant_id: UUID) -> None:
        """Forget everything of a tenant."""

    def search(self, index: Index, question: Question) -> list[Hit]:
        """The best by vectors and by words, in no order, both scores with each."""

    def read(self, index: Index, entry_id: UUID) -> list[Piece]:
        """An entry's passages in their order."""

    def count(self, index: Index, entries: Iterable[UUID]) -> int:
        """How many passages these entries have."""

    def close(self) -> None:
        """Let go of connections and memory."""


def chosen() -> Index.Store:
    """Where new indexes go in this deployment."""
    return Index.Store.WEAVIATE if settings.CONFIG.weaviate_url else Index.Store.EMBEDDED


def named(name: str) -> Store:
    """The store of this name, opened once in a process."""
    with _opening:
        if name not in _opened:
            _opened[name] = cast(Store, import_string(_STORES[Index.Store(name)])())
        return _opened[name]


@atexit.register
def close() -> None:
    """Close every store that this process opened."""
    with _opening:
        while _opened:
            _opened.popitem()[1].close()


def of(index: Index) -> Store:
    """The store that holds the index."""
    return named(index.store)
