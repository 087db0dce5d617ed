"""What people do with kept answers from outside a web process's own loop: look how much there is, and forget some."""

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import UUID

from asgiref.sync import async_to_sync
from django.conf import settings

from proxy.answers.kept import Usage
from proxy.answers.stores import Filter, Store
from proxy.answers.stores.opening import opened

_Found = TypeVar("_Found")


def usage(tenant_id: UUID, now: float) -> Usage:
    """What a tenant's answers take. Raises StoreDown."""
    return _with_store(lambda store: store.usage(tenant_id, now))


def purge(tenant_id: UUID, which: Filter) -> int:
    """Forget answers; how many they were. Raises StoreDown."""
    return _with_store(lambda store: store.purge(tenant_id, which))


def end(tenant_id: UUID) -> int:
    """Forget everything of a tenant that is gone, and keep nothing more of it. Raises StoreDown."""
    return _with_store(lambda store: store.end(tenant_id, time.time()))


def _with_store(work: Callable[[Store], Awaitable[_Found]]) -> _Found:
    async def run() -> _Found:
        store = opened(redis_url=settings.CONFIG.redis_url, folder=settings.CONFIG.data_dir)
        try:
            return await work(store)
        finally:
            await store.aclose()

    return async_to_sync(run)()
