"""Budgets as the event loop sees them: reservations in the database, made in its threads."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import structlog
from django.db import DatabaseError, InterfaceError, close_old_connections

from proxy.call import Budget
from proxy.ledger.budgets.need import Need
from proxy.ledger.budgets.reserving import Degrade, Reserved, reserve
from proxy.ledger.budgets.watching import Watcher

T = TypeVar("T")
log = structlog.get_logger(__name__)


class AccountsDown(Exception):
    """The database could not be asked. What cannot be reserved is not spent."""


class Accounts:
    """`run` calls a blocking function off the event loop."""

    def __init__(self, run: Callable[..., Awaitable[Any]] = asyncio.to_thread) -> None:
        self._run = run
        self.watcher = Watcher(run)

    async def reserve(
        self,
        call_id: str,
        budgets: Sequence[Budget],
        zone: str,
        at: datetime,
        need: Need,
        *,
        degrade: Degrade | None = None,
    ) -> Reserved:
        """As `reserving.reserve`. Raises AccountsDown."""
        work = asyncio.ensure_future(
            self._run(partial(_connected, reserve, call_id, budgets, zone, at, need, degrade=degrade))
        )
        try:
            reserved: Reserved = await asyncio.shield(work)
        except asyncio.CancelledError:
            # The call ends only when its reservation is there to be found: its end releases it.
            await asyncio.wait([work])
            raise
        except (DatabaseError, InterfaceError) as error:
            log.error("a budget could not be reserved", error=f"{type(error).__name__}: {error}")
            raise AccountsDown(type(error).__name__) from error
        return reserved


def _connected(function: Callable[..., T], *arguments: Any, **named: Any) -> T:
    """Connections are per thread here, outside Django's request cycle: drop broken ones ourselves."""
    close_old_connections()
    return function(*arguments, **named)
