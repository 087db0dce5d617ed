"""Calls that come together are reserved together, and each hears what became of its own."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import DatabaseError

from proxy.ledger import prices
from proxy.ledger.budgets.accounts import Accounts, AccountsDown
from proxy.ledger.budgets.need import Need
from proxy.ledger.budgets.reserving import Ask, Granted, Reserved

NEED = Need(prices.Quote(None, False, 1, 1, 1, 1, 1), 1, 1, 1, 1)


class Database:
    """Answers each call with its own number, when it is let go."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.is_down = False
        self.batches: list[list[str]] = []

    async def run(self, _function: Any, asks: Sequence[Ask], _tops: Any) -> tuple[list[Reserved], list[Granted]]:
        self.batches.append([ask.call_id for ask in asks])
        await self.go.wait()
        if self.is_down:
            raise DatabaseError
        return [Reserved(int(ask.call_id), []) for ask in asks], []


def reserve(accounts: Accounts, number: int) -> "asyncio.Task[Reserved]":
    return asyncio.ensure_future(accounts.reserve(str(number), [], "UTC", datetime.now(UTC), NEED))


async def test_who_comes_while_others_are_reserved_goes_together_with_the_next() -> None:
    database = Database()
    accounts = Accounts(database.run)
    calls = [reserve(accounts, 0)]
    await asyncio.sleep(0.01)
    calls += [reserve(accounts, number) for number in range(1, 6)]
    await asyncio.sleep(0.01)
    database.go.set()
    assert [(await call).output_tokens for call in calls] == list(range(6))
    assert database.batches == [["0"], ["1", "2", "3", "4", "5"]]
    assert (await reserve(accounts, 7)).output_tokens == 7


async def test_everybody_hears_that_the_database_is_down_and_the_next_may_try_again() -> None:
    database = Database()
    database.is_down = True
    database.go.set()
    accounts = Accounts(database.run)
    answers = await asyncio.gather(*(reserve(accounts, number) for number in range(3)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [AccountsDown] * 3
    database.is_down = False
    assert (await reserve(accounts, 9)).output_tokens == 9


async def test_a_call_that_goes_away_ends_only_when_its_reservation_is_there() -> None:
    database = Database()
    accounts = Accounts(database.run)
    leaving, staying = reserve(accounts, 1), reserve(accounts, 2)
    await asyncio.sleep(0.01)
    leaving.cancel()
    await asyncio.sleep(0.01)
    assert not leaving.done()
    database.go.set()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert (await staying).output_tokens == 2


async def test_nobody_waits_for_ever_when_the_loop_ends() -> None:
    accounts = Accounts(Database().run)
    call = reserve(accounts, 1)
    await asyncio.sleep(0.01)
    assert accounts._working is not None
    accounts._working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
