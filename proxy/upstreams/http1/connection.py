"""One connection to an upstream: a request at a time, its answer read as it comes.

httptools (llhttp, in its strict mode) parses; what is added is what it leaves to its caller: where a message without
a length ends, what an answer that breaks off is, and that no more is held than was asked for.
"""

import asyncio
from asyncio.events import TimerHandle
from collections import deque
from dataclasses import dataclass
from typing import cast

import httptools
import httpx

MAX_HEADER_BYTES = 64 * 1024
# What a client that does not read can make us hold is a few of these.
PIECE_BYTES = 32 * 1024
_MOST_HELD_BYTES = 2 * PIECE_BYTES
_SWITCHING = 101


class _Unacceptable(Exception):
    """Raised inside a parser's callback to stop the parser."""


@dataclass(frozen=True, slots=True)
class Head:
    """An answer's status and headers, in the order and the case they came."""

    status: int
    headers: list[tuple[bytes, bytes]]


class Connection(asyncio.Protocol):
    """Open from `connection_made` until `is_open` says otherwise. Errors are httpx's."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._waiter: asyncio.Future[None] | None = None
        self._timer: TimerHandle | None = None
        self._heard_at = 0.0
        self._error: httpx.TransportError | None = None
        self.parked_at = 0.0
        self._begin()
        self._is_asked = False

    def _begin(self) -> None:
        self._is_asked = True
        self._patience_seconds = 0.0
        self._headers: list[tuple[bytes, bytes]] = []
        self._header_bytes = 0
        self._head: Head | None = None
        self._pieces: deque[bytes] = deque()
        self._held_bytes = 0
        self._is_paused = False
        self._is_complete = False
        self._ends_with_connection = False
        self._is_kept_alive = False

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands; under TLS the handshake is done."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Parse what came. An answer nobody asked for, or one that is not HTTP, ends the connection."""
        self._heard_at = self._loop.time()
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            reason = error.__context__ if isinstance(error.__context__, _Unacceptable) else type(error).__name__
            self._fail(httpx.RemoteProtocolError(f"not an answer in HTTP/1.1: {reason}"))

    def connection_lost(self, exc: Exception | None) -> None:
        """The other side is gone, or this one closed."""
        self._transport = None
        if self._ends_with_connection and exc is None and self._error is None and not self._is_complete:
            self._finish()
        elif not self._is_complete:
            words = "the upstream closed the connection" if exc is None else type(exc).__name__
            self._fail(httpx.ReadError(words))

    # What the parser calls.

    def on_message_begin(self) -> None:
        """An answer begins: the first byte of one nobody asked for is enough."""
        if self._is_complete or not self._is_asked:
            raise _Unacceptable("an answer nobody asked for")
        self._headers, self._header_bytes = [], 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header, or a trailer."""
        self._header_bytes += len(name) + len(value) + 4
        if self._header_bytes > MAX_HEADER_BYTES:
            raise _Unacceptable("headers without an end")
        if self._head is None:
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The head is known. An informational one is passed over, RFC 9110 §15.2."""
        status = self._parser.get_status_code()
        if status == _SWITCHING:
            raise _Unacceptable("the upstream switched protocols")
        if status < 200:
            return
        self._head = Head(status, self._headers)
        self._is_kept_alive = self._parser.should_keep_alive()
        names = {name.lower() for name, _value in self._headers}
        self._ends_with_connection = not names & {b"content-length", b"transfer-encoding"}
        self._wake()

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""
        self._pieces.append(data)
        self._held_bytes += len(data)
        if self._held_bytes > _MOST_HELD_BYTES and self._transport is not None and not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()
        self._wake()

    def on_message_complete(self) -> None:
        """The end of an answer, as far as it is not an informational one."""
        if self._head is not None:
            self._finish()

    # What its user calls.

    @property
    def is_open(self) -> bool:
        """Whether a request can be sent on it."""
        return self._transport is not None and not self._transport.is_closing() and self._error is None

    @property
    def can_be_kept(self) -> bool:
        """Whether the answer was read to its end and the connection takes another request."""
        return (
            self._is_complete
            and not self._pieces
            and self._is_kept_alive
            and self.is_open
            and cast(asyncio.Transport, self._transport).get_write_buffer_size() == 0
        )

    async def ask(self, request: bytes, body: bytes, patience_seconds: float | None) -> Head:
        """Send a request; its answer's head. To the answer's end no silence may be longer than `patience_seconds`,
        where it is not None.

        Raises httpx.ReadTimeout, httpx.ReadError, httpx.RemoteProtocolError. After a cancellation or an error the
        connection is of no more use.
        """
        transport = self._transport
        if transport is None:
            raise httpx.ReadError("the upstream closed the connection")
        self._begin()
        if patience_seconds is not None:
            self._patience_seconds, self._heard_at = patience_seconds, self._loop.time()
            self._timer = self._loop.call_later(patience_seconds, self._look_for_silence)
        transport.writelines((request, body))
        while self._head is None:
            await self._wait()
        return self._head

    async def read(self) -> bytes:
        """The next piece of the body, b"" at its end. May be cancelled and called again: nothing is lost.

        Raises as `ask` does, after everything that came before the error was read.
        """
        while not self._pieces:
            if self._is_complete:
                return b""
            await self._wait()
        piece = self._pieces.popleft()
        if len(piece) > PIECE_BYTES:
            self._pieces.appendleft(piece[PIECE_BYTES:])
            piece = piece[:PIECE_BYTES]
        self._held_bytes -= len(piece)
        if self._is_paused and self._held_bytes <= PIECE_BYTES and self._transport is not None:
            self._is_paused = False
            self._transport.resume_reading()
        return piece

    def close(self) -> None:
        """End it at once, whatever is under way: the other side must notice."""
        self._stop_timer()
        if self._transport is not None:
            self._transport.abort()

    async def _wait(self) -> None:
        if self._error is not None:
            raise self._error
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _finish(self) -> None:
        self._is_complete = True
        self._stop_timer()
        self._wake()

    def _fail(self, error: httpx.TransportError) -> None:
        if self._error is None and not self._is_complete:
            self._error = error
        self._is_kept_alive = False
        self.close()
        self._wake()

    def _look_for_silence(self) -> None:
        now = self._loop.time()
        if self._pieces or self._is_paused:  # it is our reader who is slow
            self._heard_at = now
        left = self._heard_at + self._patience_seconds - now
        if left <= 0:
            self._fail(httpx.ReadTimeout("silent for too long"))
        else:
            self._timer = self._loop.call_later(left, self._look_for_silence)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
