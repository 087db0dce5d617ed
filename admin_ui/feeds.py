"""What all live pages are fed by: one look for all watchers of a process, and only while somebody watches."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

import structlog
from django.db import DatabaseError, InterfaceError

MOST_WATCHERS = 200

Watcher = TypeVar("Watcher")

log = structlog.get_logger(__name__)


class Full(Exception):
    """As many people watch as this process serves."""


class Feed(Generic[Watcher]):
    """Follows something in the database. A subclass says how it looks, and tells `self.watchers` what it saw."""

    name = "live"

    def __init__(self, poll_seconds: float) -> None:
        self.watchers: set[Watcher] = set()
        self._poll_seconds = poll_seconds
        self._task: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        return self._task is not None

    @asynccontextmanager
    async def watched_by(self, watcher: Watcher) -> AsyncIterator[Watcher]:
        """Tell this watcher, too. Raises Full."""
        if len(self.watchers) >= MOST_WATCHERS:
            raise Full
        self.watchers.add(watcher)
        if self._task is None:
            self._task = asyncio.create_task(self._follow(), name=self.name)
        try:
            yield watcher
        finally:
            self.watchers.discard(watcher)
            if not self.watchers and self._task is not None:
                self._task.cancel()
                self._task = None

    def begin(self) -> None:
        """Somebody watches, after nobody did."""

    async def look(self) -> None:
        """Look once, and tell. May raise django.db.Error: then it is asked again."""
        raise NotImplementedError

    async def _follow(self) -> None:
        self.begin()
        is_down = False
        while True:
            try:
                await self.look()
            except (DatabaseError, InterfaceError) as error:
                if not is_down:
                    log.warning(f"{self.name} wait for the database", error=type(error).__name__)
                is_down = True
            else:
                is_down = False
            await asyncio.sleep(self._poll_seconds)
