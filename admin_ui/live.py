"""Calls as they end, for the people who watch this process's pages.

One look at the database every 0.4 s, and only while somebody watches: it sees the calls of every process and machine,
with or without Redis, and costs `/v1` nothing. Who reads too slowly loses records and is told how many.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta

from channels.db import database_sync_to_async

from admin_ui import feeds
from proxy.ledger import usage_queries
from proxy.ledger.usage_queries import Filter, Settled
from proxy.models import UsageRecord

POLL_SECONDS = 0.4
# Records are written a moment after their call ended, by clocks that differ a little.
_LOOK_BACK = timedelta(seconds=10)
_MOST_PER_LOOK = 200
_MOST_WAITING = 400

Look = Callable[[datetime, frozenset[str], int], Awaitable[Settled]]


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


class Feed(feeds.Feed[Watcher]):
    """Looks for ended calls while somebody watches."""

    name = "live requests"

    def __init__(self, look: Look, *, poll_seconds: float = POLL_SECONDS) -> None:
        super().__init__(poll_seconds)
        self._look = look
        self._known: frozenset[str] | None = None

    def watching(self, wanted: Filter) -> AbstractAsyncContextManager[Watcher]:
        """A view of the calls that end from now on. Raises Full."""
        return self.watched_by(Watcher(wanted))

    def begin(self) -> None:
        self._known = None  # before the first look, which is for what is old already

    async def look(self) -> None:
        moment, known = datetime.now(UTC) - _LOOK_BACK, self._known
        settled = await self._look(moment, known or frozenset(), 0 if known is None else _MOST_PER_LOOK)
        if known is not None:
            for watcher in self.watchers:
                watcher.offer(settled)
        self._known = settled.known


FEED = Feed(database_sync_to_async(usage_queries.settled_since))
