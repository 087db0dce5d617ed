"""Takes in what was said in calls and writes it down beside their way: a call only leaves it here and is gone.

What waits is bounded: where the database is slower than the calls, texts are dropped and counted, and nobody waits.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from django.db import close_old_connections

from proxy.answers.assembling import Assemble
from proxy.formats.document import Document, Malformed
from proxy.formats.sse import EventTooLarge, Reader
from proxy.transcripts import sealing
from proxy.transcripts.models import Transcript
from proxy.transcripts.sealing import Said
from tenants.models import Tenant

MOST_REQUEST_BYTES = 8 * 1024 * 1024
MOST_ANSWER_BYTES = 4 * 1024 * 1024
_MOST_WAITING_BYTES = 64 * 1024 * 1024
_AT_ONCE = 32
_PAUSE_SECONDS = 0.2  # calls that end close together are written in one transaction
_DRAIN_SECONDS = 5.0
_ANSWER_DEPTH = 512

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Taken:
    """What one call leaves. `scrub` gives the request where nobody has yet: None if its text may not be kept."""

    request_id: str
    tenant_id: UUID
    started_at: datetime
    key: bytes = field(repr=False)
    said: Said
    scrub: Callable[[], Awaitable[Said | None]] | None = None
    stream: Sequence[bytes] = field(default=(), repr=False)  # the answer's events, as they came
    document: bytes = field(default=b"", repr=False)  # or the whole answer
    bytes: int = 0


class Keeper:
    """`run` calls a blocking function off the event loop. `dropped` texts found no room since the start."""

    def __init__(self, run: Callable[..., Awaitable[Any]], *, most_waiting: int = _MOST_WAITING_BYTES) -> None:
        self._run = run
        self._most_waiting = most_waiting
        self._waiting: deque[Taken] = deque()
        self._bytes = 0
        self._news = asyncio.Event()
        self._is_closing = False
        self._task: asyncio.Task[None] | None = None
        self.dropped = 0

    def offer(self, taken: Taken) -> None:
        """Take it, or drop it: what costs time is done later."""
        if self._is_closing or self._bytes + taken.bytes > self._most_waiting:
            self._drop(1, "more ended than can be written")
            return
        self._waiting.append(taken)
        self._bytes += taken.bytes
        self._news.set()

    def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.create_task(self._follow(), name="transcripts")

    async def aclose(self) -> None:
        """Write what waits, as far as that goes in a few seconds."""
        self._is_closing = True
        self._news.set()
        if self._task is not None:
            done, _late = await asyncio.wait([self._task], timeout=_DRAIN_SECONDS)
            if not done:
                self._task.cancel()
                await asyncio.wait([self._task])
        if self._waiting:
            self._drop(len(self._waiting), "the process ended")
            self._waiting.clear()

    async def _follow(self) -> None:
        while self._waiting or not self._is_closing:
            await self._news.wait()
            self._news.clear()
            if not self._is_closing:
                await asyncio.sleep(_PAUSE_SECONDS)
            while self._waiting:
                await self._keep([self._waiting.popleft() for _ in range(min(_AT_ONCE, len(self._waiting)))])

    async def _keep(self, batch: list[Taken]) -> None:
        try:
            cleaned = [one for one in [await self._cleaned(each) for each in batch] if one is not None]
            await self._run(_write, cleaned)
        except Exception as error:  # noqa: BLE001 - the database is away, or a defect: the next texts may fare better
            self._drop(len(batch), type(error).__name__)
        finally:
            self._bytes -= sum(one.bytes for one in batch)

    async def _cleaned(self, taken: Taken) -> Taken | None:
        if taken.scrub is None:
            return taken
        try:
            said = await taken.scrub()
        except Exception as defect:  # noqa: BLE001 - one text that cannot be searched must not end the keeping of all
            self._drop(1, type(defect).__name__)
            return None
        return None if said is None else replace(taken, said=said, scrub=None)

    def _drop(self, number: int, why: str) -> None:
        self.dropped += number
        log.warning("the text of calls is not kept", calls=number, why=why, since_start=self.dropped)


def _write(batch: Sequence[Taken]) -> None:
    """In a thread outside of Django's request cycle, which would drop broken connections."""
    close_old_connections()
    write(batch)


def write(batch: Sequence[Taken]) -> None:
    """Seal and store. What belongs to a tenant that is gone by now is let go. Raises django.db.Error."""
    there = set(Tenant.objects.filter(pk__in={one.tenant_id for one in batch}).values_list("pk", flat=True))
    rows = [row_of(one) for one in batch if one.tenant_id in there]
    Transcript.objects.bulk_create(rows, ignore_conflicts=True)


def row_of(taken: Taken) -> Transcript:
    """The row, sealed."""
    answer, is_whole = _answer(taken)
    said = replace(taken.said, answer=answer, is_whole=is_whole)
    sealed = sealing.seal(said, taken.key, taken.tenant_id, taken.request_id)
    return Transcript(
        id=taken.request_id,
        tenant_id=taken.tenant_id,
        started_at=taken.started_at,
        sealed=sealed,
        bytes=len(sealed),
    )


def _answer(taken: Taken) -> tuple[dict[str, Any] | None, bool]:
    """The message, and whether it came to its end."""
    assembled = Assemble()
    try:
        if taken.document:
            assembled.document(Document.parse(taken.document, max_depth=_ANSWER_DEPTH))
        reader = Reader()
        for piece in taken.stream:
            for event in reader.feed(piece):
                assembled.feed(event)
    except (Malformed, EventTooLarge):
        return None, False
    return assembled.so_far(), assembled.message is not None
