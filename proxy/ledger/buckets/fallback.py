"""A shared store, and this process's own share of the limits while that one is away."""

import asyncio
import contextlib
import time
from typing import Protocol

import structlog

from proxy.ledger.buckets.demand import Demand, Store, StoreDown, Taken
from proxy.ledger.buckets.local import LocalBuckets

RETRY_SECONDS = 1.0
"""How long a store that failed is left alone; then it is asked again."""
_KEEP_SECONDS = 5.0

log = structlog.get_logger(__name__)


class SharedStore(Store, Protocol):
    """A store that several processes share, and that can be away."""

    processes: int

    async def keep_places(self) -> None:
        """Say that this process's calls are still under way. Raises StoreDown."""

    async def aclose(self) -> None:
        """Close what is open."""


class FallbackBuckets:
    """Rate limits are soft: without their store calls go on, within the share that is this process's own."""

    def __init__(self, store: SharedStore, *, keep_seconds: float = _KEEP_SECONDS) -> None:
        self._store = store
        self._local = LocalBuckets()
        self._keep_seconds = keep_seconds
        self._down_until: float | None = None
        self._keeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to keep this process's places."""
        await self._keep_once()
        self._keeper = asyncio.create_task(self._keep(), name="buckets")

    async def aclose(self) -> None:
        """Stop, and close the store."""
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        await self._store.aclose()

    async def take(self, demand: Demand) -> Taken:
        """As `Buckets.take`; never down."""
        if self._down_until is None or time.monotonic() >= self._down_until:
            try:
                taken = await self._store.take(demand)
            except StoreDown as error:
                self._failed(error)
            else:
                self._answered()
                return taken
        return await self._local.take(_share_of(demand, self._store.processes))

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(self._keep_seconds if self._down_until is None else RETRY_SECONDS)
            await self._keep_once()

    async def _keep_once(self) -> None:
        try:
            await self._store.keep_places()
            self._answered()
        except StoreDown as error:
            self._failed(error)

    def _failed(self, error: StoreDown) -> None:
        if self._down_until is None:
            log.error("rate limits are kept in the process: their store is away", error=str(error))
        self._down_until = time.monotonic() + RETRY_SECONDS

    def _answered(self) -> None:
        if self._down_until is not None:
            log.warning("rate limits are shared again")
            self._down_until = None


def _share_of(demand: Demand, processes: int) -> Demand:
    """The demand against one process's part of each limit."""
    return demand._replace(
        wants=[want._replace(limit=max(want.limit // processes, 1)) for want in demand.wants],
        places=[place._replace(limit=max(place.limit // processes, min(place.limit, 1))) for place in demand.places],
    )
