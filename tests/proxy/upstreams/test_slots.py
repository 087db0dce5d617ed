"""An upstream's connections are counted exactly, also when waiters give up."""

import asyncio

import pytest

from proxy.upstreams.slots import Slots, UpstreamBusy
from tests.proxy import build


async def hold(slots: Slots, upstream, release: asyncio.Event, running: list[int]) -> None:
    await slots.take(upstream)
    running[0] += 1
    running[1] = max(running)
    try:
        await release.wait()
    finally:
        running[0] -= 1
        slots.release(upstream.id)


async def test_no_more_than_the_stated_number_run_at_a_time() -> None:
    slots, upstream, running = Slots(), build.upstream(max_connections=3), [0, 0]
    release = asyncio.Event()
    tasks = [asyncio.create_task(hold(slots, upstream, release, running)) for _ in range(10)]
    await asyncio.sleep(0.01)
    assert running == [3, 3]
    release.set()
    await asyncio.gather(*tasks)
    assert running == [0, 3]


async def test_who_waits_too_long_is_told_that_the_upstream_is_busy() -> None:
    slots, upstream = Slots(), build.upstream(max_connections=1, connect_timeout_seconds=0.01)
    await slots.take(upstream)
    with pytest.raises(UpstreamBusy) as refused:
        await slots.take(upstream)
    assert refused.value.status == 529
    slots.release(upstream.id)
    await slots.take(upstream)


async def test_a_waiter_that_gives_up_as_it_is_woken_passes_the_place_on() -> None:
    slots, upstream, running = Slots(), build.upstream(max_connections=1, connect_timeout_seconds=5), [0, 0]
    first, second, third = asyncio.Event(), asyncio.Event(), asyncio.Event()
    tasks = [asyncio.create_task(hold(slots, upstream, event, running)) for event in (first, second, third)]
    await asyncio.sleep(0.01)
    first.set()
    while slots._taken:  # noqa: ASYNC110 - it has no event for this
        await asyncio.sleep(0)
    tasks[1].cancel()  # woken, and not yet run
    third.set()
    await asyncio.wait_for(tasks[2], 1)
    with pytest.raises(asyncio.CancelledError):
        await tasks[1]
    assert running[0] == 0
