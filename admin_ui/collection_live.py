"""Which collections changed, for the people who watch them: one look for all watchers of a process.

What the look sees, worker processes wrote; so it needs no broker, and documents are read no slower for it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any
from uuid import UUID

from channels.db import database_sync_to_async

from admin_ui import collection_pages, feeds

POLL_SECONDS = 0.7

Look = Callable[[Collection[UUID]], Awaitable[Mapping[UUID, tuple[Any, ...]]]]


class Watcher:
    """One person's view of a collection."""

    def __init__(self, collection_id: UUID) -> None:
        self.collection_id = collection_id
        self._mark: tuple[Any, ...] | None = None
        self._is_changed = False
        self._news = asyncio.Event()

    def compare(self, mark: tuple[Any, ...]) -> None:
        """Note a change; the first look counts as one, as something may have happened before it."""
        if mark != self._mark:
            self._mark, self._is_changed = mark, True
            self._news.set()

    def wake(self) -> None:
        """Let `changed` return at once."""
        self._news.set()

    async def changed(self) -> bool:
        """Whether there is something new to show; waits until there is, or until it is woken."""
        await self._news.wait()
        self._news.clear()
        was, self._is_changed = self._is_changed, False
        return was


class Feed(feeds.Feed[Watcher]):
    """Looks at the marks of collections while somebody watches."""

    name = "live collections"

    def __init__(self, look: Look, *, poll_seconds: float = POLL_SECONDS) -> None:
        super().__init__(poll_seconds)
        self._look = look

    def watching(self, collection_id: UUID) -> AbstractAsyncContextManager[Watcher]:
        """A view of the collection. Raises Full."""
        return self.watched_by(Watcher(collection_id))

    async def look(self) -> None:
        marks = await self._look({watcher.collection_id for watcher in self.watchers})
        for watcher in self.watchers:
            if watcher.collection_id in marks:
                watcher.compare(marks[watcher.collection_id])


FEED = Feed(database_sync_to_async(collection_pages.marks))
