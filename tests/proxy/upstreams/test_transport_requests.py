"""What goes over the wire for a request, and what never does."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from proxy.upstreams.transport import GuardedTransport
from tests.proxy.running import allow_any
from tests.proxy.upstreams.listening import listening


class Listener:
    """Answers every request, and keeps what it was sent by connection."""

    def __init__(self) -> None:
        self.connections: list[list[bytes]] = []
        self.answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests: list[bytes] = []
        self.connections.append(requests)
        while head := await reader.readuntil(b"\r\n\r\n"):
            requests.append(head)
            writer.write(self.answer)


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    it = Listener()
    async with listening(it.serve) as port:
        it.url = f"http://127.0.0.1:{port}"
        yield it


@pytest.fixture
async def transport() -> AsyncIterator[GuardedTransport]:
    it = GuardedTransport(allow_any)
    yield it
    await it.aclose()


async def send(transport: GuardedTransport, request: httpx.Request) -> httpx.Response:
    response = await transport.handle_async_request(request)
    await response.aread()
    await response.aclose()
    return response


async def test_a_request_carries_its_own_headers_and_no_others(transport: GuardedTransport, listener: Listener) -> None:
    headers = [(b"host", b"h"), (b"x-a", b"1"), (b"x-a", b"\xe4 2")]
    request = httpx.Request("GET", f"{listener.url}/v1/messages?beta=true", headers=headers)
    assert (await send(transport, request)).content == b"{}"
    assert listener.connections == [
        [b"GET /v1/messages?beta=true HTTP/1.1\r\nhost: h\r\nx-a: 1\r\nx-a: \xe4 2\r\n\r\n"]
    ]


async def test_requests_after_each_other_share_a_connection_and_beside_each_other_do_not(
    transport: GuardedTransport, listener: Listener
) -> None:
    for _ in range(3):
        await send(transport, httpx.Request("GET", listener.url))
    assert [len(requests) for requests in listener.connections] == [3]
    await asyncio.gather(*(send(transport, httpx.Request("GET", listener.url)) for _ in range(2)))
    assert sorted(len(requests) for requests in listener.connections) == [1, 4]


async def test_no_cookie_is_kept_and_no_redirect_followed(transport: GuardedTransport, listener: Listener) -> None:
    listener.answer = b"HTTP/1.1 307 No\r\nlocation: /elsewhere\r\nset-cookie: a=b\r\ncontent-length: 0\r\n\r\n"
    for _ in range(2):
        assert (await send(transport, httpx.Request("GET", listener.url))).status_code == 307
    assert all(b"cookie" not in head and b"elsewhere" not in head for head in listener.connections[0])


@pytest.mark.parametrize("value", [b"a\r\nx-forged: 1", b"a\nb", b"a\rb", b"a\0b"])
async def test_a_header_that_would_become_two_is_never_sent(
    transport: GuardedTransport, listener: Listener, value: bytes
) -> None:
    request = httpx.Request("GET", listener.url, headers=[(b"host", b"h"), (b"x-api-key", value)])
    with pytest.raises(httpx.LocalProtocolError):
        await transport.handle_async_request(request)
    assert listener.connections == []


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "/v1/messages", "http://"])
async def test_an_address_that_is_not_http_is_refused(transport: GuardedTransport, url: str) -> None:
    with pytest.raises(httpx.UnsupportedProtocol):
        await transport.handle_async_request(httpx.Request("GET", url))


async def test_a_packed_answer_is_unpacked(transport: GuardedTransport, listener: Listener) -> None:
    packed = bytes.fromhex("1f8b0800000000000003abae050043bfa6a302000000")
    listener.answer = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(packed) + packed
    response = await transport.handle_async_request(httpx.Request("GET", listener.url))
    assert b"".join([piece async for piece in response.stream]) == b"{}"  # type: ignore[union-attr]
    await response.aclose()
