"""The snapshots of who may call, kept in the process and dropped within a second of any change.

A secret's snapshot is built once from the database (`Source`), then served from memory. A poll of the
audit trail's revisions drops what changed; polling is a few microseconds of database time and needs no
bus, so it holds alike for one process and for a hundred machines. A snapshot that was being read while
a change came in is read again: no request in flight can bring an old state back.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, TypeVar
from uuid import UUID

import structlog

from proxy.call import Caller
from proxy.errors import Unavailable
from proxy.ledger.prices import PriceBook

POLL_SECONDS = 0.25
STALE_AFTER_SECONDS = 60.0
"""How long known keys are still served when the database cannot be asked for changes."""
_MAX_ENTRIES = 100_000

log = structlog.get_logger(__name__)
T = TypeVar("T")


class SourceDown(Exception):
    """The database could not be asked."""


class Source(Protocol):
    """Where snapshots come from. The methods block, and raise SourceDown."""

    def caller(self, digests: Sequence[str]) -> Caller | None:
        """The snapshot behind the first of the digests that is known."""

    def prices(self) -> PriceBook:
        """What tokens cost, as it stands now."""

    def revision(self) -> int:
        """The number of the latest change."""

    def changes(self, since: int) -> Sequence[tuple[int, UUID | None]]:
        """(revision, tenant) of each later change, in order; no tenant: everybody is concerned."""


class Directory:
    """Snapshots by secret. `run` calls a blocking function off the event loop; `on_change` is told of each change.

    `on_change` may raise SourceDown.
    """

    def __init__(
        self,
        source: Source,
        run: Callable[..., Awaitable[Any]] = asyncio.to_thread,
        on_change: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._source = source
        self._run = run
        self._on_change = on_change
        self._callers: dict[str, Caller | None] = {}
        self._loading: dict[str, asyncio.Future[Caller | None]] = {}
        self._generation = 0
        self._revision = 0
        self._polled_at = 0.0
        self._poller: asyncio.Task[None] | None = None
        self.prices = PriceBook([])

    async def start(self) -> None:
        """Read the prices and begin to follow changes. Raises SourceDown."""
        self._revision = await self._run(self._source.revision)
        self.prices = await self._run(self._source.prices)
        self._polled_at = time.monotonic()
        self._poller = asyncio.create_task(self._follow(), name="directory")

    async def stop(self) -> None:
        """Stop following changes."""
        if self._poller is not None:
            self._poller.cancel()
            await asyncio.gather(self._poller, return_exceptions=True)

    @property
    def is_fresh(self) -> bool:
        """Whether changes were asked for recently enough to trust what is kept."""
        return time.monotonic() - self._polled_at < STALE_AFTER_SECONDS

    async def find(self, digests: Sequence[str]) -> Caller | None:
        """The caller behind a secret's digests (newest pepper first), or None. Raises Unavailable."""
        if not self.is_fresh:
            raise Unavailable("The proxy cannot reach its database to check keys. Try again shortly.")
        known = self._callers
        digest = digests[0]
        if digest in known:
            return known[digest]
        loading = self._loading.get(digest)
        if loading is None:
            loading = asyncio.ensure_future(self._load(digests))
            self._loading[digest] = loading
            loading.add_done_callback(lambda _done: self._loading.pop(digest, None))
        return await asyncio.shield(loading)

    async def _load(self, digests: Sequence[str]) -> Caller | None:
        """Read until no change came in between, then keep."""
        while True:
            generation = self._generation
            try:
                caller: Caller | None = await self._run(self._source.caller, digests)
            except SourceDown:
                raise Unavailable("The proxy cannot reach its database to check keys. Try again shortly.") from None
            if generation == self._generation:
                if len(self._callers) >= _MAX_ENTRIES:
                    self._callers.clear()
                self._callers[digests[0]] = caller
                return caller

    async def _follow(self) -> None:
        """Ask for changes for ever; an unreachable database is logged once per outage."""
        is_down = False
        while True:
            await asyncio.sleep(POLL_SECONDS)
            try:
                await self.refresh()
                if is_down:
                    log.warning("database is back")
                is_down = False
            except SourceDown as error:
                if not is_down:
                    log.error("database cannot be asked for changes", error=str(error))
                is_down = True

    async def refresh(self) -> None:
        """Ask once for changes and drop what they concern. Raises SourceDown."""
        asked_at = time.monotonic()
        changes = await self._run(self._source.changes, self._revision)
        if changes:
            self._drop({tenant for _revision, tenant in changes})
            if any(tenant is None for _revision, tenant in changes):
                self.prices = await self._run(self._source.prices)
            self._revision = changes[-1][0]
        self._polled_at = asked_at
        if changes and self._on_change is not None:
            await self._on_change()

    def _drop(self, tenants: set[UUID | None]) -> None:
        self._generation += 1
        if None in tenants:
            self._callers.clear()
            return
        self._callers = {
            digest: caller
            for digest, caller in self._callers.items()
            if caller is not None and caller.tenant.id not in tenants
        }
