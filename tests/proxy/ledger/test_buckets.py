"""What every store of rate limits promises, asked of each of them."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from proxy.ledger.buckets import Buckets, Demand, LocalBuckets, Place, Want, demand
from proxy.ledger.buckets.fallback import FallbackBuckets
from proxy.ledger.buckets.machine import MachineBuckets
from proxy.ledger.buckets.shared import SharedBuckets

Opener = Callable[[], Any]


@asynccontextmanager
async def local() -> AsyncIterator[Buckets]:
    yield LocalBuckets()


@asynccontextmanager
async def closing(store: Any) -> AsyncIterator[Buckets]:
    try:
        yield store
    finally:
        await store.aclose()


@pytest.fixture(params=["process", "machine", "redis"])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    """Opens the store; the stores of one machine, or of one Redis, are the same to whoever opens them."""
    if request.param == "process":
        return local
    if request.param == "machine":
        return lambda: closing(MachineBuckets(tmp_path / "limits.sqlite3"))
    url = request.getfixturevalue("redis_url")
    return lambda: closing(SharedBuckets(url, uuid4().hex, patience_seconds=10))


def asking(bucket: str, limit: int, amount: int = 1, *places: Place) -> Demand:
    return Demand(uuid4().hex, [Want(bucket, limit, amount)], places)


async def test_a_bucket_gives_its_limit_and_then_says_how_long_to_wait(opener: Opener) -> None:
    bucket = uuid4().hex
    async with opener() as store:
        given = [await store.take(asking(bucket, 5)) for _ in range(6)]
    assert [taken.is_given for taken in given] == [True] * 5 + [False]
    assert 11 < given[-1].waits[0] <= 12


async def test_a_bucket_refills_evenly(opener: Opener) -> None:
    bucket = uuid4().hex
    async with opener() as store:
        assert (await store.take(asking(bucket, 600, 600))).is_given
        refused = await store.take(asking(bucket, 600, 3))
        assert not refused.is_given
        await asyncio.sleep(refused.waits[0])
        assert (await store.take(asking(bucket, 600, 3))).is_given


async def test_nothing_is_taken_where_one_bucket_is_short(opener: Opener) -> None:
    rich, poor = uuid4().hex, uuid4().hex
    async with opener() as store:
        both = Demand(uuid4().hex, [Want(rich, 5, 1), Want(poor, 1, 1)])
        assert (await store.take(both)).is_given
        refused = await store.take(both)
        assert not refused.is_given and refused.waits[0] == 0 and refused.waits[1] > 0
        assert int((await store.take(asking(rich, 5))).levels[0]) == 3


async def test_a_look_tells_what_is_left_and_takes_nothing(opener: Opener) -> None:
    bucket, owner = uuid4().hex, uuid4().hex
    async with opener() as store:
        taken = await store.take(asking(bucket, 5, 2, Place(owner, 2)))
        looking = demand.look(asking(bucket, 5, 1, Place(owner, 2)))
        for _ in range(3):
            seen = await store.take(looking)
        assert (int(seen.levels[0]), seen.running[0]) == (3, 1)
        taken.give([0.0], is_over=True)
        async with asyncio.timeout(5):
            while (await store.take(looking)).running[0]:  # noqa: ASYNC110 - the store tells nobody when it is done
                await asyncio.sleep(0.01)


async def test_a_full_bucket_suffices_for_any_amount(opener: Opener) -> None:
    async with opener() as store:
        assert (await store.take(asking(uuid4().hex, 10, 1_000_000))).is_given


async def test_what_is_given_back_can_be_taken_again_and_never_overflows(opener: Opener) -> None:
    bucket = uuid4().hex
    async with opener() as store:
        taken = await store.take(asking(bucket, 10, 10))
        taken.give([1000.0], is_over=True)
        await asyncio.sleep(0.05)
        again = await store.take(asking(bucket, 10, 4))
        assert again.is_given
        assert int(again.levels[0]) == 6


async def test_a_bucket_may_owe_what_was_used_beyond_the_guess(opener: Opener) -> None:
    bucket = uuid4().hex
    async with opener() as store:
        taken = await store.take(asking(bucket, 60, 10))
        taken.give([-80.0], is_over=True)
        await asyncio.sleep(0.05)
        refused = await store.take(asking(bucket, 60, 1))
        assert not refused.is_given
        assert 29 < refused.waits[0] <= 31


async def test_places_are_taken_and_freed(opener: Opener) -> None:
    owner, bucket = uuid4().hex, uuid4().hex
    async with opener() as store:
        first = await store.take(asking(bucket, 100, 1, Place(owner, 2)))
        assert (await store.take(asking(bucket, 100, 1, Place(owner, 2)))).is_given
        refused = await store.take(asking(bucket, 100, 1, Place(owner, 2)))
        assert not refused.is_given and list(refused.running) == [2] and list(refused.waits) == [0]
        first.give([0.0], is_over=True)
        await asyncio.sleep(0.05)
        assert (await store.take(asking(bucket, 100, 1, Place(owner, 2)))).is_given


async def test_a_lowered_limit_holds_at_once(opener: Opener) -> None:
    bucket = uuid4().hex
    async with opener() as store:
        assert (await store.take(asking(bucket, 100, 1))).is_given
        assert int((await store.take(asking(bucket, 5, 1))).levels[0]) == 4


async def test_many_at_once_never_get_more_than_the_limit(opener: Opener) -> None:
    bucket = uuid4().hex
    async with opener() as store, contextlib.AsyncExitStack() as more:
        stores = [store]
        if not isinstance(store, LocalBuckets):
            stores += [await more.enter_async_context(opener()) for _ in range(3)]
        began = time.monotonic()
        asked = [stores[number % len(stores)].take(asking(bucket, 50)) for number in range(200)]
        given = sum(taken.is_given for taken in await asyncio.gather(*asked))
        refilled = (time.monotonic() - began) * 50 / 60
    assert 50 <= given <= 50 + refilled


async def test_a_call_that_goes_away_while_it_asks_leaves_nothing_taken(opener: Opener) -> None:
    owner, bucket = uuid4().hex, uuid4().hex
    async with opener() as store:
        await store.take(asking(uuid4().hex, 10))  # connected by now
        asking_now = asyncio.ensure_future(store.take(asking(bucket, 10, 10, Place(owner, 1))))
        await asyncio.sleep(0)
        if not asking_now.done():
            asking_now.cancel()
            await asyncio.sleep(0.1)
            assert (await store.take(asking(bucket, 10, 10, Place(owner, 1)))).is_given


@pytest.mark.parametrize("kind", ["machine", "redis"])
async def test_places_of_a_dead_process_are_free_again(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = f"proxy.ledger.buckets.{'machine' if kind == 'machine' else 'shared'}"
    monkeypatch.setattr(f"{module}.PLACE_SECONDS", 0.5)
    url = request.getfixturevalue("redis_url") if kind == "redis" else ""

    def open_one() -> Any:
        return (
            SharedBuckets(url, uuid4().hex, patience_seconds=10) if url else MachineBuckets(tmp_path / "limits.sqlite3")
        )

    dead, alive = open_one(), open_one()
    mine, its = Place(uuid4().hex, 1), Place(uuid4().hex, 1)
    assert (await dead.take(asking(uuid4().hex, 10, 1, its))).is_given
    assert (await alive.take(asking(uuid4().hex, 10, 1, mine))).is_given
    for _ in range(4):
        await asyncio.sleep(0.2)
        await alive.keep_places()
    assert (await alive.take(asking(uuid4().hex, 10, 1, its))).is_given
    assert not (await alive.take(asking(uuid4().hex, 10, 1, mine))).is_given
    await dead.aclose()
    await alive.aclose()


@pytest.mark.parametrize("machine", [False, True])
async def test_a_clock_that_goes_back_neither_fills_nor_drains(machine: bool, tmp_path: Path) -> None:
    now = 1000.0
    store: Any = MachineBuckets(tmp_path / "x.sqlite3", lambda: now) if machine else LocalBuckets(lambda: now)
    await store.take(asking("b", 60, 50))
    now = 1.0
    assert (await store.take(asking("b", 60, 1))).levels[0] == 9
    now = 11.0
    assert (await store.take(asking("b", 60, 1))).levels[0] == 18
    if machine:
        await store.aclose()


async def test_memory_holds_no_bucket_that_had_time_to_fill() -> None:
    now = 0.0
    store = LocalBuckets(lambda: now, most_buckets=10)
    for _ in range(1000):
        now += 10
        await store.take(asking(uuid4().hex, 5))
    assert len(store._levels) <= 11


class Away:
    """A store that can be taken away."""

    processes = 4

    def __init__(self) -> None:
        self.is_away = False
        self.inner = LocalBuckets()
        self.asked = 0

    async def take(self, wanted: Demand) -> demand.Taken:
        self.asked += 1
        if self.is_away:
            raise demand.StoreDown("gone")
        return await self.inner.take(wanted)

    def give(self, wanted: Demand, amounts: Any, *, is_over: bool) -> None:
        self.inner.give(wanted, amounts, is_over=is_over)

    async def keep_places(self) -> None:
        if self.is_away:
            raise demand.StoreDown("gone")

    async def aclose(self) -> None:
        pass


async def test_without_its_store_a_process_goes_by_its_share_and_asks_the_store_rarely() -> None:
    store = Away()
    buckets = FallbackBuckets(store)
    await buckets.start()
    store.is_away = True
    given = [(await buckets.take(asking("b", 8))).is_given for _ in range(5)]
    assert given == [True, True, False, False, False]
    assert store.asked == 1
    await buckets.aclose()


async def test_what_was_taken_from_a_share_is_given_back_to_it() -> None:
    store = Away()
    buckets = FallbackBuckets(store)
    store.is_away = True
    taken = await buckets.take(asking("b", 8, 8))
    assert not (await buckets.take(asking("b", 8, 8))).is_given
    store.is_away = False
    taken.give([2.0], is_over=True)
    store.is_away = True
    assert (await buckets.take(asking("b", 8, 8))).is_given
    assert store.inner._levels == {}


async def test_a_store_that_is_back_is_used_within_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proxy.ledger.buckets.fallback.RETRY_SECONDS", 0.1)
    store = Away()
    buckets = FallbackBuckets(store)
    store.is_away = True
    await buckets.start()
    await buckets.take(asking("b", 8))
    store.is_away = False
    await asyncio.sleep(0.5)
    assert (await buckets.take(asking("b", 8))).store is store.inner
    await buckets.aclose()


async def test_calls_that_come_together_are_one_round_trip_to_redis_and_a_redis_begun_anew_is_told_its_scripts(
    redis_url: str,
) -> None:
    bucket = uuid4().hex
    async with aclosing(SharedBuckets(redis_url, uuid4().hex, patience_seconds=10)) as store:
        assert (await store.take(asking(bucket, 100))).is_given
        await store._redis.script_flush()
        before = (await store._redis.info("clients"))["connected_clients"]
        taken = await asyncio.gather(*(store.take(asking(bucket, 100)) for _ in range(30)))
        assert (await store._redis.info("clients"))["connected_clients"] <= before + 1
    assert all(each.is_given for each in taken)  # how full it is then depends on how long that took


async def test_who_waits_for_a_redis_that_is_away_hears_so(unused_tcp_port: int) -> None:
    store = SharedBuckets(f"redis://127.0.0.1:{unused_tcp_port}/0", "x", patience_seconds=0.2)
    told = await asyncio.gather(*(store.take(asking("b", 5)) for _ in range(3)), return_exceptions=True)
    assert [type(each) for each in told] == [demand.StoreDown] * 3
    await store.aclose()
