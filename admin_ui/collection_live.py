"""Which collections changed, for the people who watch them: one look for all watchers of a process.

What the look sees, worker processes wrote; so it needs no broker, and documents are read no slower for it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import structlog
from channels.db import database_sync_to_async
from django.db import DatabaseError, InterfaceError

from admin_ui import collection_pages

POLL_SECONDS = 0.7
MOST_WATCHERS = 200

Look = Callable[[Collection[UUID]], Awaitable[Mapping[UUID, tuple[Any, ...]]]]

log = structlog.get_logger(__name__)


class Full(Exception):
    """As many people watch as this process serves."""


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


class Feed:
    """Looks while somebody watches."""

    def __init__(self, look: Look, *, poll_seconds: float = POLL_SECONDS) -> None:
        self._look = look
        self._poll_seconds = poll_seconds
        self._watchers: set[Watcher] = set()
        self._task: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        return self._task is not None

    @asynccontextmanager
    async def watching(self, collection_id: UUID) -> AsyncIterator[Watcher]:
        """A view of the collection. Raises Full."""
        if len(self._watchers) >= MOST_WATCHERS:
            raise Full
        watcher = Watcher(collection_id)
        self._watchers.add(watcher)
        if self._task is None:
            self._task = asyncio.create_task(self._follow(), name="live collections")
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)
            if not self._watchers and self._task is not None:
                self._task.cancel()
                self._task = None

    async def _follow(self) -> None:
        is_down = False
        while True:
            try:
                marks = await self._look({watcher.collection_id for watcher in self._watchers})
            except (DatabaseError, InterfaceError) as error:
                if not is_down:
                    log.warning("live collections wait for the database", error=type(error).__name__)
                is_down = True
            else:
                is_down = False
                for watcher in self._watchers:
                    if watcher.collection_id in marks:
                        watcher.compare(marks[watcher.collection_id])
            await asyncio.sleep(self._poll_seconds)


FEED = Feed(database_sync_to_async(collection_pages.marks))
