"""An upstream's answer, through the chain, as the bytes the client gets."""

from dataclasses import dataclass

import orjson

from proxy.call import Headers
from proxy.formats.document import Document, Malformed
from proxy.formats.sse import Event, EventTooLarge, Reader
from proxy.privacy.scanning import Source
from proxy.steps import journal
from proxy.stream import Chain
from proxy.upstreams.answer import UpstreamFailed

_ANSWER_DEPTH = 512
PING = Event.build("ping", {"type": "ping"}).raw


@dataclass(frozen=True, slots=True)
class Head:
    """Status and headers of what follows."""

    status: int
    headers: Headers
    is_stream: bool = False
    request_id: str = ""
    """The upstream's own, or ''."""


class Relay:
    """Only whole events are passed on, so that an answer that breaks can still end with a proper `error` event."""

    def __init__(self, answer: Source, chain: Chain, entry: journal.entry, ping_seconds: float) -> None:
        self._answer = answer
        self._chain = chain
        self._entry = entry
        self._ping_seconds = ping_seconds
        self._reader = Reader()
        self._has_ended = False

    async def begin(self) -> tuple[Head, bytes]:
        """Status and headers with the first bytes; a whole answer comes at once. Raises UpstreamFailed."""
        answer = self._answer
        if answer.is_stream:
            first = await self.next()
        else:
            raw = await answer.read()
            self._has_ended = True
            with self._entry.stopwatch:
                first = self._whole(raw)
        return Head(answer.status, answer.headers, answer.is_stream, answer.request_id), first

    async def next(self) -> bytes:
        """The next bytes for the client, b"" after the last. Raises UpstreamFailed where the answer breaks."""
        while not self._has_ended:
            piece = await self._answer.piece(self._ping_seconds)
            if piece is None:
                return PING
            with self._entry.stopwatch:
                out = self._feed(piece) if piece else self._end()
            if out:
                return out
        return b""

    def _feed(self, piece: bytes) -> bytes:
        try:
            events = self._reader.feed(piece)
        except EventTooLarge:
            raise UpstreamFailed("The upstream sent an event that is too large.") from None
        pieces = [out.raw for event in events for out in self._chain.feed(event)]
        if self._chain.is_over:
            self._has_ended = True
            pieces += [out.raw for out in self._chain.finish()]
        return b"".join(pieces)

    def _end(self) -> bytes:
        self._has_ended = True
        if not self._entry.meter.has_ended:
            raise UpstreamFailed("The upstream closed the stream before the message was complete.")
        return b"".join([out.raw for out in self._chain.finish()])

    def _whole(self, raw: bytes) -> bytes:
        if self._answer.status >= 400:
            self._entry.meter.failure(raw)
            return raw
        try:
            return self._chain.document(Document.parse(raw, max_depth=_ANSWER_DEPTH)).raw
        except Malformed as broken:
            raise UpstreamFailed(f"The upstream's answer is {broken}") from None


def error_event(body: bytes) -> bytes:
    """An error envelope as the SSE event that ends a stream."""
    return Event.build("error", orjson.loads(body)).raw
