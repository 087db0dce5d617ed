"""What an upstream sends instead of HTTP reaches neither the log nor the client."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from proxy.upstreams.transport import GuardedTransport
from tests.proxy.running import allow_any

_TEXT = b"words-of-an-answer"
_REPLIES = {
    "no status line": _TEXT * 3 + b"\r\n\r\n",
    "a bad header": b"HTTP/1.1 200 OK\r\n" + _TEXT + b"\x00: a\r\n\r\n",
    "a bad chunk": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + _TEXT + b"\r\n",
}


@pytest.fixture(params=_REPLIES)
async def url(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(_REPLIES[request.param])
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(reply, "127.0.0.1", 0) as listener:
        yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/"


async def test_an_error_does_not_quote_what_the_upstream_sent(url: str) -> None:
    transport = GuardedTransport(allow_any)
    try:
        with pytest.raises(httpx.TransportError) as failed:
            response = await transport.handle_async_request(httpx.Request("GET", url))
            async for _piece in response.stream:  # type: ignore[union-attr]
                pass
    finally:
        await transport.aclose()
    assert _TEXT.decode() not in str(failed.value)
