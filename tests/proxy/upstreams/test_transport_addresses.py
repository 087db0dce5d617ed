"""An address that stands in a URL is checked like one that a name resolves to."""

import asyncio

import httpx
import pytest

from proxy.upstreams.transport import GuardedTransport
from tests.proxy.upstreams.listening import listening


async def test_a_forbidden_address_is_refused_however_often_it_is_asked_for() -> None:
    asked = []

    def forbid(address: str, _host: str) -> None:
        asked.append(address)
        raise ValueError("not there")

    transport = GuardedTransport(forbid)
    for _ in range(2):
        with pytest.raises(httpx.ConnectError, match="not there"):
            await transport.handle_async_request(httpx.Request("GET", "http://127.0.0.1:9/"))
    await transport.aclose()
    assert asked == ["127.0.0.1", "127.0.0.1"]


async def test_an_allowed_address_is_checked_once_and_does_not_vouch_for_another() -> None:
    asked = []

    def allow_one(address: str, _host: str) -> None:
        asked.append(address)
        if address != "127.0.0.1":
            raise ValueError("not there")

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    async with listening(answer) as port:
        transport = GuardedTransport(allow_one)
        for _ in range(2):
            response = await transport.handle_async_request(httpx.Request("GET", f"http://127.0.0.1:{port}/"))
            await response.aread()
            await response.aclose()
        with pytest.raises(httpx.ConnectError, match="not there"):
            await transport.handle_async_request(httpx.Request("GET", f"http://127.0.0.2:{port}/"))
        await transport.aclose()
    assert asked == ["127.0.0.1", "127.0.0.2"]
