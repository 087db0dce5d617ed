"""What a model writes by itself, where it is only counted: read along with the stream, searched behind it."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from proxy.call import Headers
from proxy.formats import texts
from proxy.formats.document import Malformed
from proxy.formats.sse import Event
from proxy.formats.texts import Leaf
from proxy.privacy.detection.detector import Found
from proxy.privacy.scanning import PIECES, Search, Source
from proxy.stream import Filter


class Counting(Filter):
    """Keeps the texts that go by, and has each searched once it is whole. Changes nothing, and nobody waits."""

    def __init__(self, search: Search) -> None:
        self._search = search
        self._texts: dict[int, list[str]] = {}
        self._leaves: list[Leaf] = []
        self._searches: list[asyncio.Task[Sequence[Found]]] = []

    def feed(self, event: Event) -> Iterable[Event]:
        """The event as it is."""
        try:
            if event.name == "content_block_delta":
                self._delta(event.json())
            elif event.name == "content_block_stop":
                self._stop(event.json().get("index"))
            elif event.name == "content_block_start":
                self._find(texts.of_block(event.json().get("content_block"), ()).leaves)
        except Malformed:
            pass  # for the client to judge
        return (event,)

    async def count(self) -> None:
        """Count what was found, when nothing more comes."""
        for index in list(self._texts):
            self._stop(index)
        found = [one for search in self._searches for one in await search]
        self._search.replaced(self._leaves, found)

    def _delta(self, payload: dict[str, Any]) -> None:
        delta, index = payload.get("delta"), payload.get("index")
        kind = delta.get("type") if isinstance(delta, dict) else None
        if not isinstance(delta, dict) or not isinstance(kind, str) or not isinstance(index, int):
            return
        if kind == "citations_delta":
            self._find(texts.of_citation(delta.get("citation"), ()))
        elif kind in PIECES and isinstance(piece := delta.get(PIECES[kind]), str):
            self._texts.setdefault(index, []).append(piece)

    def _stop(self, index: Any) -> None:
        pieces = self._texts.pop(index, None) if isinstance(index, int) else None
        if pieces:
            self._find([Leaf((), "".join(pieces), "answer")])

    def _find(self, leaves: Sequence[Leaf]) -> None:
        if leaves:
            self._leaves += [leaf._replace(place="answer") for leaf in leaves]
            self._searches.append(asyncio.create_task(self._search.find([leaf.text for leaf in leaves])))


class Counted:
    """A streamed answer as it came. Its end is given when all of it was searched."""

    def __init__(self, answer: Source, counting: Counting, tell: Callable[[], None]) -> None:
        self._answer = answer
        self._counting = counting
        self._tell = tell
        self.status = answer.status
        self.headers: Headers = answer.headers
        self.is_stream = answer.is_stream
        self.request_id = answer.request_id

    async def read(self) -> bytes:
        """The whole answer; a stream is read in pieces."""
        return await self._answer.read()

    async def piece(self, patience_seconds: float) -> bytes | None:
        """The next bytes; b"" at the end; None where there were none for that long."""
        piece = await self._answer.piece(patience_seconds)
        if piece == b"":
            await self._counting.count()
            self._tell()
        return piece
