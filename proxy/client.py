"""The client's side of one request, at either door: its body, whether it is still there, and what it was sent."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable, MutableMapping
from contextlib import suppress
from typing import Any

from proxy.bodies import Bodies
from proxy.errors import ClientGone, TooLarge, TooSlow
from proxy.runtime import Limits

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

# A refused client that is still sending must get to read why: up to this much is taken and thrown away.
_DRAIN_BYTES = 1024 * 1024
_DRAIN_SECONDS = 2.0
# Who sends a byte now and then would hold a connection, and what came of the body, for ever.
_LEAST_BYTES_PER_SECOND = 1024


def _nothing() -> None:
    """There is no work to end yet."""


class Client:
    """Reads the body, at most once, and calls `cut_off` when the client hangs up while it waits for its answer."""

    def __init__(self, receive: Receive, send: Send, declared: int | None, limits: Limits, bodies: Bodies) -> None:
        self._receive = receive
        self._send = send
        self._declared = declared
        self._limits = limits
        self._bodies = bodies
        self._watcher: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._sending_since = 0.0
        self._owner: Hashable = None
        self._held = 0
        self.cut_off: Callable[[], object] = _nothing  # set by the door: ends what works for this client
        self.is_read = False
        self.is_gone = False
        self.is_streaming = False  # set by the door, with the reply
        self.has_begun = False  # its reply
        self.has_ended = False

    async def body(self, owner: Hashable = None) -> bytes:
        """The whole body, held on its owner's account; from then on a client that hangs up is noticed.

        Raises TooLarge, TooManyBodies, Unavailable, TooSlow, ClientGone.
        """
        self._owner = owner
        self._hold(self._declared or 0)
        pieces, size, started = [], 0, time.monotonic()
        while not self.is_read:
            piece = await self._piece()
            size += len(piece)
            if time.monotonic() - started > self._limits.body_timeout_seconds + size / _LEAST_BYTES_PER_SECOND:
                raise self._too_slow()
            self._hold(size)
            pieces.append(piece)
        self._watcher = asyncio.create_task(self._watch())
        self._look_again()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _hold(self, size: int) -> None:
        if size > self._limits.max_body_bytes:
            mebibytes = self._limits.max_body_bytes / (1024 * 1024)
            raise TooLarge(f"Request exceeds the maximum size of {mebibytes:g} MiB.", headers={"connection": "close"})
        if size > self._held:
            self._bodies.take(self._owner, size - self._held)
            self._held = size

    async def _piece(self) -> bytes:
        try:
            async with asyncio.timeout(self._limits.body_timeout_seconds):
                message = await self._receive()
        except TimeoutError:
            raise self._too_slow() from None
        if message["type"] == "http.disconnect":
            self.is_gone = True
            raise ClientGone
        self.is_read = not message.get("more_body", False)
        return bytes(message.get("body", b""))

    def _too_slow(self) -> TooSlow:
        return TooSlow("The request's body did not arrive in time.", headers={"connection": "close"})

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._is_lost()

    def _is_lost(self) -> None:
        self.is_gone = True
        self.cut_off()

    def _look_again(self) -> None:
        # A timer rather than a timeout around `_watch`: that costs as much as three steps of the pipeline.
        self._timer = asyncio.get_running_loop().call_later(self._limits.send_timeout_seconds / 4, self._look)

    def _look(self) -> None:
        """Give up a client whose network is gone without a word, or that has stopped reading for good."""
        if self._sending_since > 0 and time.monotonic() - self._sending_since > self._limits.send_timeout_seconds:
            self._is_lost()
        else:
            self._look_again()

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """Send a part of the reply, if somebody is there; waits while the client does not read."""
        if self.is_gone:
            return
        self.has_begun = True
        self._sending_since = time.monotonic()
        await self._send(message)
        self._sending_since = 0.0
        self.has_ended = message["type"] == "http.response.body" and not message.get("more_body", False)

    async def drain(self) -> None:
        """Take what a refused client still sends, within bounds."""
        size = 0
        with suppress(TimeoutError, TooSlow, ClientGone):
            async with asyncio.timeout(_DRAIN_SECONDS):
                while not self.is_read and size < _DRAIN_BYTES:
                    size += len(await self._piece())

    def leave(self) -> None:
        """Stop watching, and hold nothing any more."""
        if self._watcher is not None:
            self._watcher.cancel()
        if self._timer is not None:
            self._timer.cancel()
        if self._held:
            self._bodies.give_back(self._owner, self._held)
            self._held = 0
