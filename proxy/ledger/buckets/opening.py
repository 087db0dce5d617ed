"""Chooses where this process keeps its buckets."""

import multiprocessing
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from proxy.ledger.buckets import looking
from proxy.ledger.buckets.demand import Buckets
from proxy.ledger.buckets.fallback import FallbackBuckets, SharedStore
from proxy.ledger.buckets.local import LocalBuckets
from proxy.ledger.buckets.machine import MachineBuckets
from proxy.ledger.buckets.shared import SharedBuckets


@asynccontextmanager
async def opened(*, redis_url: str, folder: Path, name: str) -> AsyncIterator[Buckets]:
    """In Redis where there is one; in a file where this is one of several workers; else in memory."""
    store: SharedStore
    buckets: LocalBuckets | FallbackBuckets
    if redis_url:
        store = SharedBuckets(redis_url, name)
    elif multiprocessing.parent_process() is not None:  # uvicorn's way of having several workers
        store = MachineBuckets(folder / "limits.sqlite3")
    else:
        buckets = LocalBuckets()
        with looking.shown(buckets):
            yield buckets
        return
    buckets = FallbackBuckets(store)
    await buckets.start()
    try:
        with looking.shown(buckets):
            yield buckets
    finally:
        await buckets.aclose()
