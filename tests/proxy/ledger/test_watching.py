"""Streams are ended where their budget was cut below what is used, and nowhere else."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from proxy.call import Budget
from proxy.formats.usage import Usage
from proxy.ledger import prices
from proxy.ledger.budgets import watching
from proxy.ledger.budgets.watching import Stake, Watch, Watcher
from tests.proxy.ledger import calls

pytestmark = pytest.mark.django_db

OWNER = uuid4()
QUOTE = prices.Quote(None, False, *[10**9] * 5)
NOW = datetime.now(UTC)


class Database:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def run(self, function: Any, *arguments: Any) -> Any:
        self.asked += 1
        return dict.fromkeys(arguments[0], 100)


def watch(before: Sequence[Budget], now: Sequence[Budget], *, output: int = 50, most: int = 1000) -> Watch:
    async def current() -> Sequence[Budget]:
        return now

    stake = Stake(before, "UTC", NOW, QUOTE, most)
    return Watch(stake, lambda: Usage(input_tokens=10, output_tokens=output), current)


def tokens(amount: int, *, blocks: bool = True) -> list[Budget]:
    return [Budget(OWNER, "tokens", "day", amount, blocks)]


async def look(*watches: Watch) -> Database:
    database = Database()
    watcher = Watcher(database.run)
    for each in watches:
        watcher._watches.add(each)
    await watcher.look()
    return database


async def test_while_budgets_stay_as_they_are_nothing_is_asked() -> None:
    stream = watch(tokens(1), tokens(1))
    assert (await look(stream)).asked == 0
    assert stream.ran_out is None


@pytest.mark.parametrize(("amount", "ends"), [(160, False), (159, True), (100, True)])
async def test_a_cut_budget_ends_what_goes_beyond_it(amount: int, ends: bool) -> None:
    stream = watch(tokens(10_000), tokens(amount))
    await look(stream)
    assert (stream.ran_out is not None) == ends


async def test_streams_of_one_budget_are_added_up() -> None:
    streams = [watch(tokens(10_000), tokens(219)) for _ in range(2)]
    database = await look(*streams)
    assert database.asked == 1 and all(stream.ran_out for stream in streams)


async def test_an_estimate_never_counts_more_than_the_stream_holds() -> None:
    stream = watch(tokens(10_000), tokens(160), output=900, most=50)
    await look(stream)
    assert stream.ran_out is None


async def test_budgets_that_only_warn_or_count_requests_end_nothing() -> None:
    requests = [Budget(OWNER, "requests", "day", 100, True)]
    streams = [
        watch(tokens(10_000), tokens(1, blocks=False)),
        watch(requests, [Budget(OWNER, "requests", "day", 100, True), *tokens(10**6)]),
    ]
    await look(*streams)
    assert [stream.ran_out for stream in streams] == [None, None]


def test_what_is_spent_is_read_from_the_ledger() -> None:
    calls.store(OWNER, started_at=NOW, input_tokens=70, output_tokens=30)
    stake = Stake(tokens(1), "UTC", NOW, QUOTE, 1)
    [budget] = stake.budgets
    assert list(watching._spent({watching._window(budget, stake): stake}).values()) == [100]
