"""Budgets as the event loop sees them: reservations in the database, made in its threads, and leases of it.

Calls that come while a transaction is under way are reserved together by the next one; where they come fast, most
find what they need in a lease (leases.py) and wait for nobody.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog
from django.db import DatabaseError, InterfaceError, close_old_connections

from proxy.call import Budget
from proxy.ledger.budgets.lease_rows import Top
from proxy.ledger.budgets.leases import Lease, Leases
from proxy.ledger.budgets.need import Growth, Need
from proxy.ledger.budgets.reserving import Ask, Degrade, Granted, Reserved, reserve_each
from proxy.ledger.budgets.settling import Leased
from proxy.ledger.budgets.watching import Watcher

_MOST_TOGETHER = 64
_GATHER_SECONDS = 0.002
"""While calls come faster than they are reserved, more are waited for: a transaction costs what ten calls do."""
_TICK_SECONDS = 1.0

_Waiting = list[tuple[Ask, "asyncio.Future[Reserved]"]]

log = structlog.get_logger(__name__)


class AccountsDown(Exception):
    """The database could not be asked. What cannot be reserved is not spent."""


class Accounts:
    """`run` calls a blocking function off the event loop; `process` is what this one's leases are named after.

    Without a name there are none: who leases must tell `settled` of every call whose record is written.
    """

    def __init__(self, run: Callable[..., Awaitable[Any]] = asyncio.to_thread, *, process: str = "") -> None:
        self._run = run
        self.watcher = Watcher(run)
        self.leases = Leases(process) if process else None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: _Waiting = []
        self._working: asyncio.Task[None] | None = None
        self._is_ticking = False

    @property
    def holds(self) -> Leased:
        """What each call holds of leases, for who writes its record."""
        return {} if self.leases is None else self.leases.holds

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
        ask = Ask(call_id, budgets, zone, at, need, degrade)
        if self.leases is not None:
            given = self.leases.give(ask)
            self._look_after(self.leases)
            if given is not None:
                return given
        answer: asyncio.Future[Reserved] = asyncio.get_running_loop().create_future()
        self._waiting.append((ask, answer))
        self._work_on()
        try:
            return await asyncio.shield(answer)
        except asyncio.CancelledError:
            # The call ends only when its reservation is there to be found: its end releases it.
            await asyncio.wait([answer])
            raise
        except (DatabaseError, InterfaceError) as error:
            log.error("a budget could not be reserved", error=f"{type(error).__name__}: {error}")
            raise AccountsDown(type(error).__name__) from error

    def settled(self, closed: Iterable[Mapping[str, Any]]) -> None:
        """These calls' records are written. From any thread; what a call held of a lease was released with that."""
        if self.leases is not None and self._loop is not None:
            ids = [line["id"] for line in closed if line["id"] in self.leases.holds]
            if ids and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self.leases.settled, ids)

    def _look_after(self, leases: Leases) -> None:
        if leases.is_due:
            self._work_on()
        if not self._is_ticking:
            self._is_ticking = True
            self._loop = asyncio.get_running_loop()
            self._loop.call_later(_TICK_SECONDS, self._tick, leases)

    def _tick(self, leases: Leases) -> None:
        self._is_ticking = False
        leases.tick()
        if not leases.is_empty:
            self._look_after(leases)

    def _work_on(self) -> None:
        if self._working is None:
            self._working = asyncio.ensure_future(self._work())

    async def _work(self) -> None:
        """Reserve for all that wait, together, until nobody does."""
        together: _Waiting = []
        try:
            while self._waiting or (self.leases is not None and self.leases.is_due):
                together, self._waiting = self._waiting[:_MOST_TOGETHER], self._waiting[_MOST_TOGETHER:]
                await self._reserve(together)
                if self._waiting:
                    await asyncio.sleep(_GATHER_SECONDS)
        finally:  # also where the loop ends under it: nobody waits for ever
            self._working = None
            for _ask, answer in [*together, *self._waiting]:
                answer.cancel()

    async def _reserve(self, together: _Waiting) -> None:
        asks = [ask for ask, _answer in together]
        tops = [] if self.leases is None else self.leases.tops(asks)
        seen_at = time.monotonic()
        work = asyncio.ensure_future(self._run(_reserve_each, asks, [top for _lease, top in tops]))
        await asyncio.wait([work])
        _tell(together, work)
        if self.leases is not None:
            self._keep(self.leases, [lease for lease, _top in tops], work, seen_at)

    def _keep(
        self, leases: Leases, asked: Sequence[Lease], work: "asyncio.Future[tuple[Any, list[Granted]]]", seen_at: float
    ) -> None:
        error = work.exception()
        if error is None:
            leases.granted(zip(asked, work.result()[1], strict=True), seen_at)
        else:
            leases.failed(asked)
            log.warning("leases of budgets could not be confirmed", error=type(error).__name__)


def _tell(asks: _Waiting, work: "asyncio.Future[tuple[list[Reserved], Any]]") -> None:
    error = work.exception()
    for place, (_ask, answer) in enumerate(asks):
        if error is None:
            answer.set_result(work.result()[0][place])
        else:
            answer.set_exception(error)


def _reserve_each(asks: Sequence[Ask], tops: Sequence[Top]) -> tuple[list[Reserved], list[Granted]]:
    """Connections are per thread here, outside Django's request cycle: drop broken ones ourselves."""
    close_old_connections()
    return reserve_each(asks, tops)
