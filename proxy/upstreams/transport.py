"""HTTP to the upstreams: httpx's transport interface over connections of our own.

httpx's own connections cost more than ten times as much a request (docs/performance.md). What a gateway needs is
here and nothing else: every address is checked when connecting, nothing is followed, nothing is taken from the
environment, no cookie is kept, and reading a stream may be cancelled without losing a byte.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable
from functools import lru_cache

import httpx

from proxy.upstreams.http1.connection import Connection, Head
from proxy.upstreams.http1.decoding import Decoder
from proxy.upstreams.http1.dialling import AddressCheck, Dialler, Origin
from proxy.upstreams.http1.pool import IdlePool

_MAX_KEPT_URL = 512  # longer ones carry a query that a client made up
_PORTS = {"http": 80, "https": 443}


class _Body(httpx.AsyncByteStream):
    """A response's bytes as they come. `__anext__` may be cancelled and called again: nothing is lost."""

    def __init__(self, connection: Connection, origin: Origin, pool: IdlePool) -> None:
        self._connection = connection
        self._origin = origin
        self._pool = pool
        self._is_closed = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        piece = await self._connection.read()
        if not piece:
            raise StopAsyncIteration
        return piece

    async def aclose(self) -> None:
        # An unread rest means the connection cannot be used again: close it now, the upstream must notice.
        if not self._is_closed:
            self._is_closed = True
            self._pool.give(self._origin, self._connection)


class GuardedTransport(httpx.AsyncBaseTransport):
    """One connection pool for all upstreams of a process."""

    def __init__(self, check_address: AddressCheck, trust: ssl.SSLContext | None = None) -> None:
        """Certificates are checked against `trust`, else against the system's authorities."""
        self._dialler = Dialler(check_address, trust)
        self._pool = IdlePool()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request and return at the response's headers. Raises httpx.TransportError.

        `request.extensions["timeout"]` holds `connect` and `read` in seconds, as with httpx: `read` is the longest
        silence, from the request's last byte to the answer's.
        """
        origin, target = _place(str(request.url))
        timeout = request.extensions.get("timeout", {})
        head_bytes = _request_head(request.method.encode(), target, request.headers.raw)
        connection = self._pool.take(origin) or await self._dialler.connect(origin, timeout.get("connect"))
        try:
            head = await connection.ask(head_bytes, _content(request), timeout.get("read"))
        except BaseException:
            connection.close()
            raise
        stream: httpx.AsyncByteStream = _Body(connection, origin, self._pool)
        if encoding := _encoding(head):
            stream = Decoder(stream, encoding)
        return httpx.Response(head.status, headers=head.headers, stream=stream, request=request)

    async def aclose(self) -> None:
        """Close every connection that waits; those in use are closed as their answers are."""
        self._pool.close()
        await asyncio.sleep(0)  # the loop closes sockets at its next turn


def _content(request: httpx.Request) -> bytes:
    assert isinstance(request.stream, httpx.ByteStream)  # what is sent is in memory; `request.read` would copy it
    return b"".join(request.stream)


def _request_head(method: bytes, target: bytes, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    lines = [b"%s %s HTTP/1.1" % (method, target), *[name + b": " + value for name, value in headers]]
    head = b"\r\n".join(lines)
    # A header made of two, or a request made of two, would speak for somebody else on a shared connection.
    breaks = len(lines) - 1
    if head.count(b"\n") != breaks or head.count(b"\r") != breaks or b"\0" in head:
        raise httpx.LocalProtocolError("a header with a line break")
    return head + b"\r\n\r\n"


def _encoding(head: Head) -> bytes:
    """The body's encoding where an upstream uses one although `identity` was asked for."""
    for name, value in head.headers:
        if name.lower() == b"content-encoding":
            return b"" if value.lower() == b"identity" else value.lower()
    return b""


def _place(url: str) -> tuple[Origin, bytes]:
    """Where to connect, and what to ask for there."""
    return (_kept_place if len(url) <= _MAX_KEPT_URL else _parsed)(url)


def _parsed(text: str) -> tuple[Origin, bytes]:
    url = httpx.URL(text)
    if url.scheme not in _PORTS or not url.host:
        raise httpx.UnsupportedProtocol("the address must begin with http:// or https://")
    target = url.raw_path
    if any(byte <= 0x20 or byte == 0x7F for byte in target):
        raise httpx.LocalProtocolError("an address with a space or a control character")
    port = url.port or _PORTS[url.scheme]
    return Origin(url.scheme == "https", url.raw_host.decode("ascii").strip("[]"), port), target


_kept_place = lru_cache(maxsize=4096)(_parsed)
