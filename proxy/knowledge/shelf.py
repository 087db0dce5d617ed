"""Passages as the event loop sees them: found and remembered in threads, in a time that a request can spare."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

import structlog
from django.db import DatabaseError, InterfaceError, close_old_connections

from proxy.call import Privacy, Wanted
from proxy.knowledge import library
from proxy.knowledge.library import QuestionRefused, SearchDown, UnknownCollection, Wish
from proxy.knowledge.passages import Passage
from proxy.knowledge.turns import memory
from proxy.knowledge.turns.memory import Given

Result = TypeVar("Result")

log = structlog.get_logger(__name__)


class ShelfDown(Exception):
    """Passages cannot be had now. The message says why, without anything of a request."""


class Shelf:
    """`run` calls a blocking function off the event loop."""

    def __init__(
        self, run: Callable[..., Awaitable[Any]] = asyncio.to_thread, *, deadline_seconds: float = 5.0
    ) -> None:
        self._run = run
        self._deadline_seconds = deadline_seconds

    async def find(self, tenant_id: UUID, wanted: Wanted, question: str, asker: Privacy | None = None) -> list[Passage]:
        """The passages that answer the question, the best first; none, where it holds what may not leave.

        Raises ShelfDown.
        """
        wish = Wish(top_k=wanted.top_k, min_score=wanted.min_score)
        try:
            return await self._in_time(lambda: library.search(tenant_id, wanted.collections, question, wish, asker))
        except QuestionRefused:
            return []  # what refuses the request says why

    async def recall(self, tenant_id: UUID, digests: Sequence[bytes]) -> Mapping[bytes, Given]:
        """What these turns were given before. Raises ShelfDown."""
        if not digests:
            return {}
        at = datetime.now(UTC)
        return await self._in_time(lambda: self._run(_asking, memory.recall, tenant_id, digests, at))

    async def remember(self, tenant_id: UUID, digest: bytes, given: Given) -> None:
        """Keep what a turn is given. Where that fails, it is logged: the turn may be given something else next."""
        at = datetime.now(UTC)
        try:
            await self._in_time(lambda: self._run(_asking, memory.remember, tenant_id, digest, given, at))
        except ShelfDown as down:
            log.warning("what a turn was given is not remembered", error=str(down))

    async def _in_time(self, ask: Callable[[], Awaitable[Result]]) -> Result:
        try:
            async with asyncio.timeout(self._deadline_seconds):
                return await ask()
        except TimeoutError:
            raise ShelfDown(f"it took longer than {self._deadline_seconds:g} seconds") from None
        except QuestionRefused:
            raise
        except SearchDown as down:
            raise ShelfDown(str(down)) from down
        except UnknownCollection as unknown:  # removed a moment ago
            raise ShelfDown(f"there is no collection {str(unknown)!r} any more") from unknown
        except (DatabaseError, InterfaceError) as error:
            raise ShelfDown(f"the database cannot be asked ({type(error).__name__})") from error


def _asking(function: Callable[..., Any], *args: Any) -> Any:
    close_old_connections()
    return function(*args)
