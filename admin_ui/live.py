"""Calls as they end, for the people who watch this process's pages.

One look at the database every 0.4 s, and only while somebody watches: it sees the calls of every process and machine,
with or without Redis, and costs `/v1` nothing. Who reads too slowly loses records and is told how many.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import structlog
from channels.db import database_sync_to_async
from django.db import DatabaseError, InterfaceError

from proxy.ledger import usage_queries
from proxy.ledger.usage_queries import Filter, Settled
from proxy.models import UsageRecord

POLL_SECONDS = 0.4
# Records are written a moment after their call ended, by clocks that differ a little.
_LOOK_BACK = timedelta(seconds=10)
_MOST_PER_LOOK = 200
_MOST_WAITING = 400
MOST_WATCHERS = 200

Look = Callable[[datetime, frozenset[str], int], Awaitable[Settled]]

log = structlog.get_logger(__name__)


class Full(Exception):
    """As many people watch as this process serves."""


class Watcher:
    """One person's view: the records they ask for that they have not been sent yet."""

    def __init__(self, wanted: Filter) -> None:
        self.wanted = wanted
        self._waiting: deque[UsageRecord] = deque()
        self._dropped = 0
        self._news = asyncio.Event()

    def offer(self, settled: Settled) -> None:
        """Take what is asked for; the oldest go when too many wait."""
        found = [row for row in settled.rows if self.wanted.matches(row)]
        self._waiting.extend(found)
        self._dropped += settled.left_out
        while len(self._waiting) > _MOST_WAITING:
            self._waiting.popleft()
            self._dropped += 1
        if found or settled.left_out:
            self._news.set()

    def wake(self) -> None:
        """Let `take` return at once, with nothing if nothing waits."""
        self._news.set()

    async def take(self) -> tuple[list[UsageRecord], int]:
        """What waits, the oldest first, and how many were dropped since the last time; as soon as there is any."""
        await self._news.wait()
        self._news.clear()
        rows, dropped = list(self._waiting), self._dropped
        self._waiting.clear()
        self._dropped = 0
        return rows, dropped


class Feed:
    """Looks for ended calls while somebody watches."""

    def __init__(self, look: Look, *, poll_seconds: float = POLL_SECONDS) -> None:
        self._look = look
        self._poll_seconds = poll_seconds
        self._watchers: set[Watcher] = set()
        self._task: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        return self._task is not None

    @asynccontextmanager
    async def watching(self, wanted: Filter) -> AsyncIterator[Watcher]:
        """A view of the calls that end from now on. Raises Full."""
        if len(self._watchers) >= MOST_WATCHERS:
            raise Full
        watcher = Watcher(wanted)
        self._watchers.add(watcher)
        if self._task is None:
            self._task = asyncio.create_task(self._follow(), name="live requests")
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)
            if not self._watchers and self._task is not None:
                self._task.cancel()
                self._task = None

    async def _follow(self) -> None:
        known: frozenset[str] | None = None  # before the first look, which is for what is old already
        is_down = False
        while True:
            moment = datetime.now(UTC) - _LOOK_BACK
            try:
                settled = await self._look(moment, known or frozenset(), 0 if known is None else _MOST_PER_LOOK)
            except (DatabaseError, InterfaceError) as error:
                if not is_down:
                    log.warning("live requests wait for the database", error=type(error).__name__)
                is_down = True
            else:
                if known is not None:
                    self._tell(settled)
                known, is_down = settled.known, False
            await asyncio.sleep(self._poll_seconds)

    def _tell(self, settled: Settled) -> None:
        for watcher in self._watchers:
            watcher.offer(settled)


FEED = Feed(database_sync_to_async(usage_queries.settled_since))
