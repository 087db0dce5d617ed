"""Worker processes: they die, hang and refuse, and the pool lives."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from proxy.privacy.detection.frames import Job
from proxy.privacy.detection.pool import Pool, PoolFull, WorkerFailed, Workers

COMMAND = (sys.executable, "-m", "tests.proxy.privacy.detection.fake_worker")


@contextlib.asynccontextmanager
async def running(
    size: int = 1, *, job_seconds: float = 30, queue_chars: int = 1000, more: str = ""
) -> AsyncIterator[Pool]:
    command = (*COMMAND, more) if more else COMMAND
    pool = Pool(size, job_seconds=job_seconds, queue_chars=queue_chars, command=command)
    try:
        yield pool
    finally:
        await pool.aclose()


async def ask(pool: Pool, text: str, *, is_names: bool = False, place: int = 0) -> int:
    """The process that answered."""
    found = await pool.run(Job(text, is_names), place)
    assert found[0].end == len(text)
    return int(found[0].entity_type.removeprefix("PID_"))


def is_running(process: int) -> bool:
    return Path(f"/proc/{process}").exists()


async def test_a_job_is_answered_by_another_process() -> None:
    async with running() as pool:
        worker = await ask(pool, "hello")
        assert worker != os.getpid()
        assert await ask(pool, "again") == worker


async def test_no_worker_runs_before_the_first_job_and_none_after_the_end() -> None:
    async with running() as pool:
        assert pool._tenders == []
        worker = await ask(pool, "hello")
    assert not is_running(worker)


async def test_a_worker_that_dies_is_replaced() -> None:
    async with running() as pool:
        first = await ask(pool, "hello")
        os.kill(first, 9)
        second = await ask(pool, "hello")
        assert second != first


async def test_a_text_that_kills_two_workers_is_given_up_and_others_go_on() -> None:
    async with running() as pool:
        with pytest.raises(WorkerFailed, match="ended two detection workers"):
            await ask(pool, "die")
        await ask(pool, "hello")


async def test_a_worker_that_hangs_is_killed() -> None:
    async with running(job_seconds=3) as pool:
        first = await ask(pool, "hello")
        with pytest.raises(WorkerFailed):
            await ask(pool, "hang")
        assert not is_running(first)
        assert await ask(pool, "hello") != first


async def test_what_a_worker_refuses_is_said_to_who_asked() -> None:
    async with running() as pool:
        with pytest.raises(WorkerFailed, match="No such pattern"):
            await ask(pool, "refuse")


async def test_workers_that_do_not_start_fail_the_job_with_a_reason() -> None:
    async with running(more="--never-ready") as pool:
        with pytest.raises(WorkerFailed, match="do not start"):
            await ask(pool, "hello")
        with pytest.raises(WorkerFailed, match="do not start"):  # and the next one at once
            await asyncio.wait_for(ask(pool, "hello"), 5)


async def test_more_text_than_may_wait_is_refused_but_one_large_text_is_not() -> None:
    async with running(queue_chars=10) as pool:
        large = asyncio.create_task(ask(pool, "slow " * 10))
        await asyncio.sleep(0)
        with pytest.raises(PoolFull):
            await ask(pool, "hello")
        await large


async def test_patterns_go_before_names_and_first_windows_before_later_ones() -> None:
    async with running() as pool:
        await ask(pool, "hello")
        order: list[str] = []

        async def note(text: str, is_names: bool, place: int = 0) -> None:
            await ask(pool, text, is_names=is_names, place=place)
            order.append(text)

        async with asyncio.TaskGroup() as group:
            group.create_task(note("slow", False))
            await asyncio.sleep(0.05)  # it is being worked at
            for text, is_names, place in (("late", True, 7), ("early", True, 0), ("pattern", False, 0)):
                group.create_task(note(text, is_names, place))
        assert order == ["slow", "pattern", "early", "late"]


async def test_jobs_that_nobody_waits_for_are_not_done() -> None:
    async with running() as pool:
        await ask(pool, "hello")
        busy = asyncio.create_task(ask(pool, "slow"))
        await asyncio.sleep(0.05)
        abandoned = asyncio.create_task(ask(pool, "die"))
        await asyncio.sleep(0)
        abandoned.cancel()
        first = await busy
        assert await ask(pool, "hello") == first  # the worker lives: "die" was never asked


async def test_closing_ends_what_is_under_way() -> None:
    async with running() as pool:
        await ask(pool, "hello")
        hanging = asyncio.create_task(ask(pool, "hang"))
        waiting = asyncio.create_task(ask(pool, "hello"))
        await asyncio.sleep(0.05)
    for task in (hanging, waiting):
        with pytest.raises(WorkerFailed):
            await task


@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel")
async def test_a_worker_does_not_outlive_a_killed_server() -> None:
    program = (
        "import asyncio, tests.proxy.privacy.detection.test_pool as t\n"
        "async def main():\n"
        "    async with t.running() as pool:\n"
        "        print(await t.ask(pool, 'hello'), flush=True)\n"
        "        await asyncio.sleep(600)\n"
        "asyncio.run(main())"
    )
    server = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE)
    assert server.stdout is not None
    worker = int(await server.stdout.readline())
    server.kill()
    await server.wait()
    for _ in range(200):
        if not is_running(worker):
            return
        await asyncio.sleep(0.05)
    pytest.fail("the worker still runs")


async def until(pool: Pool, workers: Workers) -> None:
    async with asyncio.timeout(60):
        while pool.workers != workers:  # noqa: ASYNC110 - it has no event for this
            await asyncio.sleep(0.01)


async def test_it_tells_how_its_workers_are() -> None:
    async with running(2) as pool:
        assert pool.workers == Workers(0, 0)
        pool.start()
        assert pool.workers == Workers(2, 0)
        await until(pool, Workers(2, 2))
    async with running(more="--never-ready") as pool:
        pool.start()
        await until(pool, Workers(1, 0, do_not_start=True))
