"""One call's answer, of as many of the upstream's as it takes: one, or more where the model searches documents."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from types import TracebackType

import orjson

from proxy.call import Call
from proxy.privacy.scanning import Source
from proxy.relay import PING, Head, Relay, error_event
from proxy.steps import journal, quota
from proxy.steps.search import Searches
from proxy.stream import Chain, Filter
from proxy.upstreams.answer import UpstreamFailed
from proxy.weaving import Weave


@dataclass(frozen=True, slots=True)
class Round:
    """The upstream is asked once: as what, where its answer comes from, and what that goes through."""

    admitted: quota.Admitted
    source: AbstractAsyncContextManager[Source]
    searched: Callable[[Source], Source]
    filters: Sequence[Filter]


Further = Callable[[Call, Round], Awaitable[Round]]
"""Prepares the round in which a call goes on, given the one before. Raises Refused."""


class Rounds:
    """Begun and read like a Relay. Between two rounds the client of a stream hears pings, and no other sees anything.

    What is refused in a later round is raised: before anything is sent, or as the end of a stream.
    """

    def __init__(
        self, first: Round, further: Further, searches: Searches | None, entry: journal.entry, ping_seconds: float
    ) -> None:
        self._round = first
        self._further = further
        self._searches = searches
        self._entry = entry
        self._ping_seconds = ping_seconds
        self._weave = Weave(self._why_end) if searches is not None else None
        self._open: AbstractAsyncContextManager[Source] | None = None
        self._relay: Relay
        self._coming: asyncio.Task[tuple[Head, bytes]] | None = None

    async def __aenter__(self) -> "Rounds":
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _where: TracebackType | None
    ) -> None:
        if self._coming is not None:
            self._coming.cancel()
            await asyncio.wait([self._coming])
            if not self._coming.cancelled():
                self._coming.exception()  # nobody is left to be told
        await self._close()

    async def begin(self) -> tuple[Head, bytes]:
        """Status and headers with the first bytes; a whole answer comes at once, after its last round."""
        head, piece = await self._ask()
        while self._is_asking and not head.is_stream:
            head, piece = await self._go_on(is_begun=False)
        return head, piece

    async def next(self) -> bytes:
        """The next bytes for the client, b"" after the last."""
        while True:
            if self._coming is None:
                piece = await self._relay.next()
                if piece or not self._is_asking:
                    return piece
                self._coming = asyncio.ensure_future(self._go_on(is_begun=True))
            done, _late = await asyncio.wait([self._coming], timeout=self._ping_seconds)
            if not done:
                return PING
            head, piece = self._coming.result()
            self._coming = None
            if not head.is_stream:
                return _error(head, piece)
            if piece:
                return piece

    @property
    def _is_asking(self) -> bool:
        """Whether the round that is over ended with a search."""
        return self._weave is not None and self._weave.is_asking

    async def _go_on(self, *, is_begun: bool) -> tuple[Head, bytes]:
        assert self._weave is not None and self._searches is not None
        message = self._weave.take()
        # Its connection and its place are given back before the next are taken.
        await self._close()
        try:
            call = await self._searches.answer(message, is_begun=is_begun)
        except orjson.JSONEncodeError:  # a number of too many digits, in a call
            raise UpstreamFailed("The upstream's answer calls a tool with what cannot be sent back.") from None
        self._round = await self._further(call, self._round)
        return await self._ask()

    async def _ask(self) -> tuple[Head, bytes]:
        source = self._round.source
        answer = await source.__aenter__()
        self._open = source
        chain = Chain(self._round.filters if self._weave is None else [*self._round.filters, self._weave])
        self._relay = Relay(self._round.searched(answer), chain, self._entry, self._ping_seconds)
        return await self._relay.begin()

    async def _close(self) -> None:
        if self._open is not None:
            source, self._open = self._open, None
            await source.__aexit__(None, None, None)

    def _why_end(self) -> str:
        """The stop reason of an answer that calls tools and is the last all the same; "": another one follows."""
        if self._searches is None or self._searches.is_last:
            return "end_turn"
        written = self._entry.meter.usage.output_tokens
        return "" if quota.left(self._round.admitted, written) else "max_tokens"


def _error(head: Head, body: bytes) -> bytes:
    """What an upstream answers in place of a stream that the client already reads: the end of it."""
    if head.status < 400:
        raise UpstreamFailed("The upstream did not answer with a stream.")
    try:
        return error_event(body)
    except orjson.JSONDecodeError:
        raise UpstreamFailed(f"The upstream answered with the status {head.status}.") from None
