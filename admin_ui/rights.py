"""Whether those who watch live pages still may: one look twice a second for all watchers of a process.

A look reads what can end a right, and nothing else: the revision of the last audited change (roles, tenants, accounts),
the sessions that still exist, and the accounts' own state. Only whose part has changed is asked in full again.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from channels.db import database_sync_to_async
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import DatabaseError, InterfaceError

from tenants import audit

POLL_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Marks:
    """What a look found. Accounts by id: their password's hash, and whether they are active and staff."""

    revision: int
    sessions: frozenset[str]
    accounts: Mapping[int, tuple[Any, ...]]

    def of(self, session_key: str, user_id: int) -> tuple[Any, ...]:
        """What concerns one watcher."""
        return self.revision, session_key in self.sessions, self.accounts.get(user_id)


Look = Callable[[Collection[str], Collection[int]], Awaitable[Marks]]


class Standing:
    """One watcher's rights as they were when they were last asked in full."""

    def __init__(self, session_key: str, user_id: int, wake: Callable[[], None]) -> None:
        self.session_key = session_key
        self.user_id = user_id
        self._wake = wake
        self._mark: tuple[Any, ...] | None = None
        self._is_in_doubt = False

    def compare(self, marks: Marks) -> None:
        """Wake the watcher if what concerns it has changed; at the first look too, as something may have before it."""
        mark = marks.of(self.session_key, self.user_id)
        if mark != self._mark:
            self._mark, self._is_in_doubt = mark, True
            self._wake()

    def is_in_doubt(self) -> bool:
        """Whether the rights have to be asked in full now; says so once for each change."""
        was, self._is_in_doubt = self._is_in_doubt, False
        return was


class Guard:
    """Looks while somebody watches."""

    def __init__(self, look: Look, *, poll_seconds: float = POLL_SECONDS) -> None:
        self._look = look
        self._poll_seconds = poll_seconds
        self._standings: set[Standing] = set()
        self._task: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def watching(self, session_key: str, user_id: int, wake: Callable[[], None]) -> AsyncIterator[Standing]:
        """Follow this person's rights; `wake` is called when they may have changed."""
        standing = Standing(session_key, user_id, wake)
        self._standings.add(standing)
        if self._task is None:
            self._task = asyncio.create_task(self._follow(), name="rights of watchers")
        try:
            yield standing
        finally:
            self._standings.discard(standing)
            if not self._standings and self._task is not None:
                self._task.cancel()
                self._task = None

    async def _follow(self) -> None:
        while True:
            standings = list(self._standings)
            keys, ids = {one.session_key for one in standings}, {one.user_id for one in standings}
            try:
                marks = await self._look(keys, ids)
            except (DatabaseError, InterfaceError):
                pass  # the feed beside this one says that the database is away
            else:
                for standing in standings:
                    standing.compare(marks)
            await asyncio.sleep(self._poll_seconds)


def look(session_keys: Collection[str], user_ids: Collection[int]) -> Marks:
    """What the database says now, in three queries."""
    accounts = User.objects.filter(pk__in=user_ids).values_list("pk", "password", "is_active", "is_superuser")
    return Marks(
        revision=audit.latest_revision(),
        sessions=frozenset(Session.objects.filter(pk__in=session_keys).values_list("pk", flat=True)),
        accounts={pk: tuple(state) for pk, *state in accounts},
    )


GUARD = Guard(database_sync_to_async(look))
