"""Streams whose budgets were cut while they run: the reservation that let them begin says nothing of the new amount.

While budgets stay as they are no stream can exceed one, so nothing is asked of the database; only where they changed,
once a second and for all streams of the process together.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from weakref import WeakSet

import structlog
from django.db import DatabaseError, InterfaceError, close_old_connections

from proxy.call import Budget
from proxy.formats.usage import Usage
from proxy.ledger.budgets import periods, reserving
from proxy.ledger.prices import Quote, cost_nano_usd

LOOK_SECONDS = 1.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Stake:
    """What a call was let go on: its budgets as they were, and what it holds of them."""

    budgets: Sequence[Budget]
    zone: str
    at: datetime
    quote: Quote
    most_output: int

    def used(self, unit: str, usage: Usage) -> int:
        """What it used so far, its output at most what it holds for it: that is an estimate while a stream runs."""
        usage = usage.with_output(min(usage.output_tokens, self.most_output))
        if unit == "usd":
            return cost_nano_usd(usage, self.quote)
        return usage.prompt_tokens + usage.output_tokens if unit == "tokens" else 0


@dataclass(eq=False)
class Watch:
    """One stream. `current` gives its budgets as they are now; `ran_out` is set to one that has nothing left.

    Once it `is_over` it counts no more: another of the same call may be under way, which tells what both used.
    """

    stake: Stake
    usage: Callable[[], Usage]
    current: Callable[[], Awaitable[Sequence[Budget]]]
    ran_out: Budget | None = field(default=None, init=False)
    is_over: bool = field(default=False, init=False)


Window = tuple[Budget, datetime]
"""A budget and the start of its period."""


class Watcher:
    """Looks after the streams of this process, for as long as somebody else holds them. `run`: as in Accounts."""

    def __init__(self, run: Callable[..., Awaitable[Any]]) -> None:
        self._run = run
        self._watches: WeakSet[Watch] = WeakSet()
        self._looking: asyncio.Task[None] | None = None
        self._is_due = False

    def add(self, watch: Watch) -> None:
        """Begin to look after a stream."""
        self._watches.add(watch)
        self._plan()

    def _plan(self) -> None:
        if not self._is_due and self._watches:
            self._is_due = True
            asyncio.get_running_loop().call_later(LOOK_SECONDS, self._begin)

    def _begin(self) -> None:
        self._is_due = False
        self._looking = asyncio.ensure_future(self.look())
        self._looking.add_done_callback(lambda _done: self._plan())

    async def look(self) -> None:
        """Set `ran_out` where a budget that was changed has less left than its streams used."""
        changed = [
            (watch, budget)
            for watch in list(self._watches)
            if not watch.is_over and (now := await watch.current()) != watch.stake.budgets
            for budget in now
            if budget.is_blocking
        ]
        if not changed:
            return
        try:
            spent = await self._run(_spent, {_window(budget, watch.stake): watch.stake for watch, budget in changed})
        except (DatabaseError, InterfaceError) as error:
            log.warning("budgets of running streams could not be looked at", error=type(error).__name__)
            return
        _judge(changed, spent)


def _judge(changed: Sequence[tuple[Watch, Budget]], used: dict[Window, int]) -> None:
    """`used` holds what is spent; what the streams used comes to it."""
    for watch, budget in changed:
        used[_window(budget, watch.stake)] += watch.stake.used(budget.unit, watch.usage())
    for watch, budget in changed:
        if used[_window(budget, watch.stake)] > budget.amount:
            watch.ran_out = budget


def _window(budget: Budget, stake: Stake) -> Window:
    return budget, periods.window(budget.period, stake.at, stake.zone)[0]


def _spent(wanted: Mapping[Window, Stake]) -> dict[Window, int]:
    close_old_connections()
    return {
        (budget, starts_at): standing.spent
        for (budget, starts_at), stake in wanted.items()
        for standing in reserving.standings([budget], stake.zone, stake.at)
    }
