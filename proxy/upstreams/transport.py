"""HTTP to the upstreams: httpx's transport interface over aiohttp's client.

httpx's own client costs more than ten times as much a request (docs/performance.md). What this adds to
aiohttp is what a gateway needs: every address is checked when connecting, nothing is followed, nothing
is taken from the environment, and reading a stream may be cancelled without losing a byte.
"""

import asyncio
import socket
from collections.abc import Callable
from functools import lru_cache
from ipaddress import ip_address
from typing import Any

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

AddressCheck = Callable[[str, str], None]
"""(ip address, host name) → None, or raises ValueError where connecting is forbidden."""

_KEEPALIVE_SECONDS = 15.0
_MAX_PASSED = 4096
_MAX_KEPT_URL = 512  # longer ones carry a query that a client made up
# What a client that does not read can make us hold is a few of these, in each direction.
_PIECE_BYTES = 32 * 1024


class GuardedResolver(AbstractResolver):
    """Resolves names and checks every answer, so that what was checked is what is connected to."""

    def __init__(self, check: AddressCheck) -> None:
        self._check = check
        self._resolver = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Every address of the host. Raises ValueError if one of them is forbidden."""
        results = await self._resolver.resolve(host, port, family)
        for result in results:
            self._check(result["host"], host)
        return results

    async def close(self) -> None:
        """Nothing is held open."""


class _Body(httpx.AsyncByteStream):
    """A response's bytes as they come. `__anext__` may be cancelled and called again: nothing is lost."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    def __aiter__(self) -> "_Body":
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk = await self._response.content.read(_PIECE_BYTES)
        except aiohttp.ServerTimeoutError as error:
            raise httpx.ReadTimeout("silent for too long") from error
        except (aiohttp.ClientError, OSError) as error:
            raise httpx.ReadError(_words(error)) from error
        if not chunk:
            raise StopAsyncIteration
        return chunk

    async def aclose(self) -> None:
        # An unread rest means the connection cannot be used again: close it now, the upstream must notice.
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()


class AiohttpTransport(httpx.AsyncBaseTransport):
    """One connection pool for all upstreams of a process."""

    def __init__(self, check_address: AddressCheck) -> None:
        self._check = check_address
        self._session: aiohttp.ClientSession | None = None
        self._passed: set[str] = set()  # what the deployment's settings allow does not change while it runs

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                limit=0,
                keepalive_timeout=_KEEPALIVE_SECONDS,
                resolver=GuardedResolver(self._check),
                ttl_dns_cache=10,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=True,
                read_bufsize=_PIECE_BYTES,
            )
        return self._session

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request and return at the response's headers. Raises httpx.TransportError.

        `request.extensions["timeout"]` holds `connect` and `read` in seconds, as with httpx.
        """
        self._check_literal(request.url.host)
        timeout = request.extensions.get("timeout", {})
        try:
            response = await self._client().request(
                request.method,
                _address(str(request.url)),
                headers=[(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw],
                skip_auto_headers=("User-Agent", "Accept-Encoding", "Content-Type"),
                data=request.content or None,
                allow_redirects=False,
                timeout=_timeout(timeout.get("connect"), timeout.get("read")),
            )
        except ValueError as forbidden:
            raise httpx.ConnectError(_words(forbidden)) from forbidden
        except aiohttp.ConnectionTimeoutError as error:
            raise httpx.ConnectTimeout("connecting took too long") from error
        except aiohttp.ServerTimeoutError as error:
            raise httpx.ReadTimeout("no answer in time") from error
        except aiohttp.ClientConnectorError as error:
            raise httpx.ConnectError(_words(error)) from error
        except (aiohttp.ClientError, OSError) as error:
            raise httpx.ReadError(_words(error)) from error
        return httpx.Response(response.status, headers=response.raw_headers, stream=_Body(response), request=request)

    def _check_literal(self, host: str) -> None:
        """An address in the URL is never resolved, so the resolver cannot check it."""
        if host in self._passed:
            return
        try:
            ip_address(host)
        except ValueError:
            pass  # a name: checked whenever it is resolved
        else:
            self._check_address(host)
        if len(self._passed) >= _MAX_PASSED:
            self._passed.clear()
        self._passed.add(host)

    def _check_address(self, address: str) -> None:
        try:
            self._check(address, address)
        except ValueError as forbidden:
            raise httpx.ConnectError(str(forbidden)) from forbidden

    async def aclose(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            await asyncio.sleep(0)


def _address(text: str) -> URL:
    return (_kept_url if len(text) <= _MAX_KEPT_URL else _url)(text)


def _url(text: str) -> URL:
    return URL(text, encoded=True)


_kept_url = lru_cache(maxsize=4096)(_url)


@lru_cache(maxsize=256)
def _timeout(connect: float | None, read: float | None) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, connect=None, sock_connect=connect, sock_read=read)


def _words(error: Any) -> str:
    """What went wrong, for the log: the class if the error has no words, or quotes what the upstream sent."""
    is_quoting = isinstance(error, aiohttp.ClientResponseError | aiohttp.ClientPayloadError)
    return type(error).__name__ if is_quoting else str(error) or type(error).__name__
