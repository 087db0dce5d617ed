"""An answer, held back until detectors have weighed what is about to be shown.

Text is weighed in segments of `SEGMENT_CHARS`, each with what stands around it, as soon as that is known: a segment
depends on the whole text only, so any cut of a stream comes to the same. A tool's input is weighed once all of it is
there. Nothing is changed here: what was found good is let go, then whoever watches the answer is told to end it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from proxy.formats import texts
from proxy.formats.document import Document, Malformed
from proxy.formats.sse import MAX_EVENT_BYTES, Event, Reader
from proxy.privacy.scanning import Source
from proxy.rules import tools

SEGMENT_CHARS = 400
AROUND_CHARS = 200

Stop = Callable[[], None]
"""Ends the answer: nothing more of it may be seen."""
Weigh = Callable[[str, Sequence[str]], Awaitable[Stop | None]]
"""(`text` or `tool`, what is weighed) → None where the answer may go on."""


@dataclass
class _Block:
    """A block of the stream that is not over: what of it was not let go."""

    held: list[Event] = field(default_factory=list)
    start: Any = None
    text: str = ""
    shown: int = 0  # characters of the text that were let go
    weighed: int = 0  # and that were found good
    is_tool: bool = False


class Weighed:
    """An answer. `holds`: nothing is shown before it was weighed; else it is weighed behind what is shown."""

    def __init__(self, answer: Source, weigh: Weigh, *, holds: bool) -> None:
        self._answer = answer
        self._weigh = weigh
        self._holds = holds
        self._reader = Reader(2 * MAX_EVENT_BYTES)
        self._blocks: dict[int, _Block] = {}
        self._behind: list[asyncio.Future[Stop | None]] = []
        self._stop_due: Stop | None = None
        self._beyond: list[Event] = []  # came with what is to be stopped
        self.is_stopped = False
        self.status = answer.status
        self.headers = answer.headers
        self.is_stream = answer.is_stream
        self.request_id = answer.request_id

    async def read(self) -> bytes:
        """The whole answer, weighed."""
        raw = await self._answer.read()
        if self.status >= 400:
            return raw
        try:
            content = Document.parse(raw, max_depth=512).get("content")
        except Malformed:
            return raw  # its reader says what is wrong
        for block in content if isinstance(content, list) else []:
            kind = block.get("type") if isinstance(block, dict) else None
            is_tool = kind in texts.TOOL_CALLS
            stop: Stop | None = None
            if is_tool:
                stop = await self._weigh("tool", _inputs(block))
            elif kind == "text" and isinstance(block.get("text"), str):
                stop = await self._weigh("text", _segments(block["text"]))
            if stop is not None:
                stop()
                self.is_stopped = True
                break
        return raw

    async def piece(self, patience_seconds: float) -> bytes | None:
        """The next bytes that may be shown; b"" at the end; None where there were none for that long."""
        until = time.monotonic() + patience_seconds
        while True:
            if self._stop_due is not None:
                return self._stopped(self._stop_due)
            piece = await self._answer.piece(max(until - time.monotonic(), 0.001))
            if piece is None:
                return None
            if not piece:
                return await self._end()
            out = await self._feed(self._reader.feed(piece))
            if len(self._reader.rest) > MAX_EVENT_BYTES:
                out += await self._end()  # its reader refuses it
            if out:
                return out
            if time.monotonic() >= until:
                return None

    async def _feed(self, events: Sequence[Event]) -> bytes:
        out: list[Event] = []
        for place, event in enumerate(events):
            out += await self._event(event)
            if self._stop_due is not None:
                self._beyond = list(events[place + 1 :])
                break
        return b"".join(event.raw for event in out)

    def _stopped(self, stop: Stop) -> bytes:
        """All that was held, for whoever ends the answer."""
        stop()
        self._stop_due, self.is_stopped = None, True
        held = [event for block in self._blocks.values() for event in block.held]
        return b"".join(event.raw for event in (*held, *self._beyond))

    async def _end(self) -> bytes:
        if rest := self._reader.rest:  # half an event: its reader says what is wrong
            self._reader = Reader()
            return rest
        await asyncio.gather(*self._behind)
        return b""

    async def _event(self, event: Event) -> Sequence[Event]:
        if self.is_stopped or not event.name.startswith("content_block_"):
            return (event,)
        try:
            payload = event.json()
        except Malformed:
            return (event,)
        index = payload.get("index")
        if not isinstance(index, int):
            return (event,)
        if event.name == "content_block_start":
            return self._start(index, payload.get("content_block"), event)
        block = self._blocks.get(index)
        if block is None:
            return (event,)
        if event.name == "content_block_stop":
            return await self._stop(index, block, event)
        return await self._delta(block, payload.get("delta"), event)

    def _start(self, index: int, given: Any, event: Event) -> Sequence[Event]:
        kind = given.get("type") if isinstance(given, dict) else None
        if kind == "text" or kind in texts.TOOL_CALLS:
            block = self._blocks[index] = _Block(start=given, is_tool=kind in texts.TOOL_CALLS)
            if block.is_tool and self._holds:
                block.held.append(event)
                return ()
        return (event,)

    async def _delta(self, block: _Block, delta: Any, event: Event) -> Sequence[Event]:
        name = "partial_json" if block.is_tool else "text"
        piece = delta.get(name) if isinstance(delta, dict) else None
        block.text += piece if isinstance(piece, str) else ""
        if not self._holds:
            return (event,)
        block.held.append(event)
        if block.is_tool:
            return ()
        while len(block.text) >= block.weighed + SEGMENT_CHARS + AROUND_CHARS:
            if not await self._is_good("text", [_around(block.text, block.weighed)]):
                break
            block.weighed += SEGMENT_CHARS
        return _let_go(block)

    async def _stop(self, index: int, block: _Block, event: Event) -> Sequence[Event]:
        if block.is_tool:
            found = _inputs({**block.start, "input": tools.input_of(block.text, block.start.get("input"))})
            is_good = await self._is_good("tool", found)
        else:
            is_good = await self._is_good("text", _segments(block.text)[block.weighed // SEGMENT_CHARS :])
        if not is_good:
            block.held.append(event)
            return ()
        del self._blocks[index]
        return (*block.held, event)

    async def _is_good(self, kind: str, given: Sequence[str]) -> bool:
        if not given:
            return True
        if not self._holds:
            self._behind.append(asyncio.ensure_future(self._weigh(kind, given)))
            return True
        self._stop_due = await self._weigh(kind, given)
        return self._stop_due is None


def _inputs(block: Any) -> list[str]:
    return [text for _path, text in texts.strings(block.get("input"), ()) if text]


def _segments(text: str) -> list[str]:
    return [_around(text, begin) for begin in range(0, len(text), SEGMENT_CHARS)]


def _around(text: str, begin: int) -> str:
    return text[max(begin - AROUND_CHARS, 0) : begin + SEGMENT_CHARS + AROUND_CHARS]


def _let_go(block: _Block) -> Sequence[Event]:
    """What of the events that are held was weighed; one that reaches further is parted."""
    out: list[Event] = []
    while block.held:
        event = block.held[0]
        text = event.json().get("delta", {}).get("text")
        if not isinstance(text, str):
            out.append(block.held.pop(0))
            continue
        free = block.weighed - block.shown
        if free <= 0:
            break
        block.shown += min(len(text), free)
        if len(text) <= free:
            out.append(block.held.pop(0))
            continue
        out.append(event.edit({("delta", "text"): text[:free]}))
        block.held[0] = event.edit({("delta", "text"): text[free:]})
    return out
