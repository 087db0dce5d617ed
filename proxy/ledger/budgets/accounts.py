"""Budgets as the event loop sees them: reservations in the database, made in its threads.

Calls that come while a transaction is under way are reserved together by the next one: under load a call costs a
part of a transaction, and alone it waits for nobody.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

import structlog
from django.db import DatabaseError, InterfaceError, close_old_connections

from proxy.call import Budget
from proxy.ledger.budgets.need import Growth, Need
from proxy.ledger.budgets.reserving import Ask, Degrade, Reserved, reserve_each
from proxy.ledger.budgets.watching import Watcher

_MOST_TOGETHER = 64
_GATHER_SECONDS = 0.002
"""While calls come faster than they are reserved, more are waited for: a transaction costs what ten calls do."""

log = structlog.get_logger(__name__)


class AccountsDown(Exception):
    """The database could not be asked. What cannot be reserved is not spent."""


class Accounts:
    """`run` calls a blocking function off the event loop."""

    def __init__(self, run: Callable[..., Awaitable[Any]] = asyncio.to_thread) -> None:
        self._run = run
        self.watcher = Watcher(run)
        self._waiting: list[tuple[Ask, asyncio.Future[Reserved]]] = []
        self._working: asyncio.Task[None] | None = None

    async def reserve(
        self,
        call_id: str,
        budgets: Sequence[Budget],
        zone: str,
        at: datetime,
        need: Need | Growth,
        *,
        degrade: Degrade | None = None,
    ) -> Reserved:
        """As `reserving.reserve`. Raises AccountsDown."""
        answer: asyncio.Future[Reserved] = asyncio.get_running_loop().create_future()
        self._waiting.append((Ask(call_id, budgets, zone, at, need, degrade), answer))
        if self._working is None:
            self._working = asyncio.ensure_future(self._work())
        try:
            return await asyncio.shield(answer)
        except asyncio.CancelledError:
            # The call ends only when its reservation is there to be found: its end releases it.
            await asyncio.wait([answer])
            raise
        except (DatabaseError, InterfaceError) as error:
            log.error("a budget could not be reserved", error=f"{type(error).__name__}: {error}")
            raise AccountsDown(type(error).__name__) from error

    async def _work(self) -> None:
        """Reserve for all that wait, together, until nobody does."""
        together: list[tuple[Ask, asyncio.Future[Reserved]]] = []
        try:
            while self._waiting:
                together, self._waiting = self._waiting[:_MOST_TOGETHER], self._waiting[_MOST_TOGETHER:]
                work = asyncio.ensure_future(self._run(_reserve_each, [ask for ask, _answer in together]))
                await asyncio.wait([work])
                _tell(together, work)
                if self._waiting:
                    await asyncio.sleep(_GATHER_SECONDS)
        finally:  # also where the loop ends under it: nobody waits for ever
            self._working = None
            for _ask, answer in [*together, *self._waiting]:
                answer.cancel()


def _tell(asks: Sequence[tuple[Ask, asyncio.Future[Reserved]]], work: "asyncio.Future[list[Reserved]]") -> None:
    error = work.exception()
    for place, (_ask, answer) in enumerate(asks):
        if error is None:
            answer.set_result(work.result()[place])
        else:
            answer.set_exception(error)


def _reserve_each(asks: Sequence[Ask]) -> list[Reserved]:
    """Connections are per thread here, outside Django's request cycle: drop broken ones ourselves."""
    close_old_connections()
    return reserve_each(asks)
