"""What a step asks: the findings of each text, from the memo or from the workers."""

import asyncio
from collections.abc import Iterator, Sequence

from proxy.privacy.detection import BY_MODEL, memo, overlaps, shared
from proxy.privacy.detection.frames import Job
from proxy.privacy.detection.names import windows
from proxy.privacy.detection.pool import Pool, PoolFull, WorkerFailed, Workers
from proxy.privacy.detection.shared import SharedMemo
from proxy.privacy.findings import Finding
from proxy.privacy.rules import Rules

Found = tuple[Finding, ...]

_LONG_CHARS = 16 * 1024  # more is cut up in a thread: it would hold the event loop for milliseconds
_QUEUE_CHARS = 64 * 1024 * 1024
_MEMO_BYTES = 32 * 1024 * 1024


class DetectionTimedOut(Exception):
    """The texts were not read in time."""


class DetectionUnavailable(Exception):
    """The texts cannot be read now. The message says why, and holds nothing of them."""


class Detector:
    """Finds what the rules ask for. One for each web process; all of a tenant's calls share what it remembers."""

    def __init__(
        self,
        *,
        workers: int,
        deadline_seconds: float,
        memo_bytes: int = _MEMO_BYTES,
        sharing: SharedMemo | None = None,
        pool: Pool | None = None,
    ) -> None:
        self.deadline_seconds = deadline_seconds
        self._memo = memo.Memo(memo_bytes)
        self._sharing = sharing
        self._pool = pool or Pool(workers, job_seconds=deadline_seconds, queue_chars=_QUEUE_CHARS)
        self._reading: dict[memo.Digest, asyncio.Task[Found]] = {}

    def start(self) -> None:
        """Start the workers ahead of the first text: they need seconds. Returns at once."""
        self._pool.start()

    @property
    def workers(self) -> Workers:
        """How its workers are."""
        return self._pool.workers

    async def aclose(self) -> None:
        """End the workers and what they do."""
        for reading in self._reading.values():
            reading.cancel()
        await asyncio.gather(*self._reading.values(), return_exceptions=True)
        await self._pool.aclose()
        if self._sharing is not None:
            await self._sharing.aclose()

    async def find(self, texts: Sequence[str], rules: Rules, tenant_key: bytes) -> list[Found]:
        """For each text its findings, by place and without overlaps. The same text always gives the same.

        Raises DetectionTimedOut, DetectionUnavailable.
        """
        found: list[Found] = [()] * len(texts)
        missing: list[tuple[int, asyncio.Task[Found]]] = []
        for index, text in enumerate(texts):
            key = memo.digest(tenant_key, rules.fingerprint, text)
            known = self._memo.get(key)
            if known is None:
                missing.append((index, self._read_once(key, text, rules, tenant_key)))
            else:
                found[index] = known
        if missing:
            await self._wait([task for _, task in missing])
        for index, task in missing:
            found[index] = task.result()
        return found

    async def _wait(self, tasks: Sequence[asyncio.Task[Found]]) -> None:
        # The tasks are not cancelled with whoever waits: another call may wait for the same text.
        done, late = await asyncio.wait(tasks, timeout=self.deadline_seconds, return_when=asyncio.FIRST_EXCEPTION)
        failed = [error for task in done if (error := task.exception()) is not None]
        if failed:
            raise DetectionUnavailable(str(failed[0])) from failed[0]
        if late:
            raise DetectionTimedOut(f"The text was not read within {self.deadline_seconds:g} s.")

    def _read_once(self, key: memo.Digest, text: str, rules: Rules, tenant_key: bytes) -> asyncio.Task[Found]:
        reading = self._reading.get(key)
        if reading is None:
            reading = asyncio.create_task(self._read_or_learn(key, text, rules, tenant_key))
            self._reading[key] = reading
            reading.add_done_callback(lambda task: self._remember(key, task))
        return reading

    def _remember(self, key: memo.Digest, task: asyncio.Task[Found]) -> None:
        del self._reading[key]
        if not task.cancelled() and task.exception() is None:
            self._memo.put(key, task.result())

    async def _read_or_learn(self, key: memo.Digest, text: str, rules: Rules, tenant_key: bytes) -> Found:
        if self._sharing is None or len(text) < shared.LEAST_CHARS:
            return await self._read(text, rules)
        known = await self._sharing.get(key, tenant_key)
        if known is not None:
            return known
        found = await self._read(text, rules)
        await self._sharing.put(key, found, tenant_key)
        return found

    async def _read(self, text: str, rules: Rules) -> Found:
        jobs = [(0, Job(text, False, rules.custom, rules.deny, rules.languages))] if text else []
        if any(map(rules.looks_for, BY_MODEL)):
            jobs += [(start, Job(text[start:end], True)) for start, end in await _windows(text)]
        try:
            results = await asyncio.gather(*(self._pool.run(job, place) for place, (_, job) in enumerate(jobs)))
        except PoolFull:
            raise DetectionUnavailable("Too much text is waiting to be read.") from None
        except WorkerFailed as error:
            raise DetectionUnavailable(str(error)) from None
        found = [
            Finding(finding.start + offset, finding.end + offset, finding.entity_type, finding.score)
            for (offset, _), result in zip(jobs, results, strict=True)
            for finding in result
        ]
        return overlaps.resolve(_wanted(text, found, rules))


async def _windows(text: str) -> list[tuple[int, int]]:
    if len(text) < _LONG_CHARS:
        return list(windows.cut(text))
    return await asyncio.to_thread(lambda: list(windows.cut(text)))


def _wanted(text: str, findings: Sequence[Finding], rules: Rules) -> Iterator[Finding]:
    allowed = {value.casefold() for value in rules.allow}
    for found in findings:
        if found.score < rules.min_score or not rules.looks_for(found.entity_type):
            continue
        if text[found.start : found.end].casefold() not in allowed:
            yield found
