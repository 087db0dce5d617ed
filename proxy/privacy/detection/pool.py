"""Worker processes: started when first needed, given one job at a time, replaced when they die or hang."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import structlog

from proxy.config import ROOT
from proxy.hosting.orphans import die_with_parent
from proxy.privacy.detection import frames
from proxy.privacy.findings import Finding

COMMAND = (sys.executable, "-m", "proxy.privacy.detection.worker")
_START_SECONDS = 120.0
_SHORTEST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0
_NOT_STARTING = "The detection workers do not start; the server's log says why."

log = structlog.get_logger(__name__)


class WorkerFailed(Exception):
    """A job has no result: the worker refused it, or died of it twice, or none can be started."""


class _NotStarted(Exception):
    """A worker ended, or said nothing, before its first job."""


class PoolFull(Exception):
    """More text is waiting than may."""


@dataclass(order=True)
class _Waiting:
    """A job in the queue: patterns before names, the first windows of every text before the later ones of any.

    So a short text is read while a long one of somebody else still is.
    """

    is_names: bool
    place: int
    number: int
    job: frames.Job = field(compare=False)
    result: "asyncio.Future[list[Finding]]" = field(compare=False)
    deaths: int = field(compare=False, default=0)


@dataclass(frozen=True, slots=True)
class Workers:
    """How the worker processes of this web process are: `wanted` is 0 before anything needed them."""

    wanted: int
    ready: int
    do_not_start: bool = False


class Pool:
    """Runs jobs in up to `size` processes. Belongs to one event loop."""

    def __init__(self, size: int, *, job_seconds: float, queue_chars: int, command: Sequence[str] = COMMAND) -> None:
        self._size = size
        self._job_seconds = job_seconds
        self._queue_chars = queue_chars
        self._command = command
        self._queue: asyncio.PriorityQueue[_Waiting] = asyncio.PriorityQueue()
        self._waiting_chars = 0
        self._number = 0
        self._tenders: list[asyncio.Task[None]] = []
        self._running = 0
        self._cannot_start = False

    @property
    def workers(self) -> Workers:
        """How they are now."""
        return Workers(len(self._tenders), self._running, self._cannot_start)

    def start(self) -> None:
        """Start the workers ahead of the first job. Returns at once."""
        while len(self._tenders) < self._size:
            self._tenders.append(asyncio.create_task(self._tend(), name="detection worker"))

    async def aclose(self) -> None:
        """End all workers and every job."""
        for tender in self._tenders:
            tender.cancel()
        await asyncio.gather(*self._tenders, return_exceptions=True)
        self._tenders.clear()
        self._fail_all("Detection was closed.")

    async def run(self, job: frames.Job, place: int = 0) -> list[Finding]:
        """What one job finds; `place` is which window of its text it is. Raises WorkerFailed, PoolFull."""
        if self._cannot_start:
            raise WorkerFailed(_NOT_STARTING)
        if self._waiting_chars and self._waiting_chars + len(job.text) > self._queue_chars:
            raise PoolFull
        self.start()
        self._number += 1
        result: asyncio.Future[list[Finding]] = asyncio.get_running_loop().create_future()
        self._waiting_chars += len(job.text)
        try:
            self._queue.put_nowait(_Waiting(job.is_names, place, self._number, job, result))
            return await result
        finally:
            self._waiting_chars -= len(job.text)

    async def _tend(self) -> None:
        """Keep one worker running."""
        pause = _SHORTEST_PAUSE_SECONDS
        while True:
            try:
                async with self._started() as process:
                    self._cannot_start, pause = False, _SHORTEST_PAUSE_SECONDS
                    await self._serve(process)
            except _NotStarted as error:
                log.error("detection worker does not start", error=str(error), next_try_in_seconds=pause)
                if not self._running:
                    self._cannot_start = True
                    self._fail_all(_NOT_STARTING)
            except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
                log.warning("detection worker ended", error=type(error).__name__)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    @contextlib.asynccontextmanager
    async def _started(self) -> AsyncIterator[asyncio.subprocess.Process]:
        process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=ROOT,
            preexec_fn=die_with_parent,
            start_new_session=True,  # Ctrl-C is for the server, which then ends its workers
        )
        try:
            try:
                await asyncio.wait_for(_next(process), _START_SECONDS)
            except (asyncio.IncompleteReadError, TimeoutError) as error:
                raise _NotStarted(type(error).__name__) from error
            self._running += 1
            try:
                yield process
            finally:
                self._running -= 1
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _serve(self, process: asyncio.subprocess.Process) -> None:
        while True:
            waiting = await self._queue.get()
            if waiting.result.done():
                continue  # whoever asked has given up
            try:
                await self._ask(process, waiting)
            except BaseException:
                self._return(waiting)
                raise

    async def _ask(self, process: asyncio.subprocess.Process, waiting: _Waiting) -> None:
        assert process.stdin is not None
        process.stdin.write(waiting.job.packed())
        await process.stdin.drain()
        value = await asyncio.wait_for(_next(process), self._job_seconds)
        if isinstance(value, str):
            self._fail(waiting, value)
        elif not waiting.result.done():
            waiting.result.set_result(frames.findings(value))

    def _return(self, waiting: _Waiting) -> None:
        """Give a job whose worker died to another one, once: it may have died of the job."""
        waiting.deaths += 1
        if waiting.deaths > 1:
            self._fail(waiting, "A text ended two detection workers.")
        else:
            self._queue.put_nowait(waiting)

    def _fail_all(self, reason: str) -> None:
        while not self._queue.empty():
            self._fail(self._queue.get_nowait(), reason)

    def _fail(self, waiting: _Waiting, reason: str) -> None:
        if not waiting.result.done():
            waiting.result.set_exception(WorkerFailed(reason))


async def _next(process: asyncio.subprocess.Process) -> Any:
    assert process.stdout is not None
    header = await process.stdout.readexactly(frames.HEADER.size)
    return orjson.loads(await process.stdout.readexactly(frames.HEADER.unpack(header)[0]))
