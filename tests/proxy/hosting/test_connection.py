"""Raw bytes at a real socket: what a client may and may not send before the body."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, Literal

import pytest
import uvicorn
from uvicorn.server import ServerState

from proxy.hosting.connection import GuardedProtocol

GOOD = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class QuickProtocol(GuardedProtocol):
    header_timeout_seconds = 0.3


class NarrowProtocol(GuardedProtocol):
    max_connections = 2


async def _echo_app(scope: Any, receive: Any, send: Any) -> None:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@contextlib.asynccontextmanager
async def _serving(
    protocol: type[GuardedProtocol], app: Any = _echo_app, ws: Literal["none", "websockets-sansio"] = "none"
) -> AsyncIterator[int]:
    config = uvicorn.Config(app, ws=ws, lifespan="off", log_config=None)
    config.load()
    state = ServerState()
    listener = await asyncio.get_running_loop().create_server(
        lambda: protocol(config=config, server_state=state, app_state={}), "127.0.0.1", 0
    )
    async with listener:
        yield listener.sockets[0].getsockname()[1]
        for connection in list(state.connections):
            connection.transport.close()


async def _exchange(port: int, *pieces: bytes, pause: float = 0.0, seconds: float = 2.0) -> tuple[bytes, bool]:
    """Send the pieces; return what came back and whether the server closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer, closed = b"", False
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)
        async with asyncio.timeout(seconds):
            while data := await reader.read(65536):
                answer += data
            closed = True
    except (TimeoutError, ConnectionResetError, BrokenPipeError) as ending:
        closed = not isinstance(ending, TimeoutError)
    finally:
        writer.close()
    return answer, closed


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async with _serving(GuardedProtocol) as number:
        yield number


@pytest.fixture
async def quick_port() -> AsyncIterator[int]:
    async with _serving(QuickProtocol) as number:
        yield number


async def _patient_socket(_scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    await asyncio.sleep(3 * QuickProtocol.header_timeout_seconds)
    await send({"type": "websocket.send", "text": "still here"})
    await receive()


async def test_the_deadline_for_headers_does_not_end_a_websocket() -> None:
    upgrade = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
    key = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    async with _serving(QuickProtocol, _patient_socket, ws="websockets-sansio") as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(upgrade + key)
        async with asyncio.timeout(20):
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
            assert b"still here" in await reader.readuntil(b"here")
        writer.close()


async def test_empty_lines_before_a_request_hold_no_connection_open(quick_port: int) -> None:
    _answer, closed = await _exchange(quick_port, *[b"\r\n\r\n"] * 8, pause=0.1, seconds=2)
    assert closed


async def test_an_ordinary_request_is_answered_and_the_connection_stays_open(port: int) -> None:
    answer, closed = await _exchange(port, GOOD, GOOD, pause=0.05, seconds=0.3)
    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert not closed


POST = b"POST / HTTP/1.1\r\nHost: a\r\n"

HOSTILE = {
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "the same host twice": b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    "an empty host": b"GET / HTTP/1.1\r\nHost:\r\n\r\n",
    "a host with a path": b"GET / HTTP/1.1\r\nHost: a/v1\r\n\r\n",
    "a host with a user": b"GET / HTTP/1.1\r\nHost: b@a\r\n\r\n",
    "a host with a query": b"GET / HTTP/1.1\r\nHost: a?x\r\n\r\n",
    "a host list": b"GET / HTTP/1.1\r\nHost: a,b\r\n\r\n",
    "length and chunks": POST + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET",
    "chunks and length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\nGET",
    "two lengths": POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "the same length twice": POST + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "a length list": POST + b"Content-Length: 5, 5\r\n\r\nhello",
    "a signed length": POST + b"Content-Length: +5\r\n\r\nhello",
    "a negative length": POST + b"Content-Length: -5\r\n\r\nhello",
    "a hexadecimal length": POST + b"Content-Length: 0x5\r\n\r\nhello",
    "an empty length": POST + b"Content-Length:\r\n\r\n",
    "xchunked": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked in capitals": POST + b"Transfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n",
    "chunked, identity": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "gzip, chunked": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked twice": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked after a tab": POST + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    "a space before the colon": POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.0 with chunks": b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a bare line feed": b"GET / HTTP/1.1\nHost: a\n\n",
    "a folded header": b"GET / HTTP/1.1\r\nHost: a\r\nX-Fold: one\r\n two\r\n\r\n",
    "a null byte": b"GET / HTTP/1.1\r\nHost: a\r\nX-Null: a\x00b\r\n\r\n",
    "a carriage return in a value": b"GET / HTTP/1.1\r\nHost: a\r\nX-Cr: a\rb\r\n\r\n",
    "a header without a name": b"GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n",
    "another protocol": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 40,
    "a third version": b"GET / HTTP/3.7\r\nHost: a\r\n\r\n",
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_what_two_servers_could_read_differently_is_refused_once_and_closed(port: int, name: str) -> None:
    answer, closed = await _exchange(port, HOSTILE[name], GOOD)
    assert answer.startswith(b"HTTP/1.1 400 Bad Request")
    assert answer.count(b"HTTP/1.1") == 1
    assert b"invalid_request_error" in answer
    assert closed


CHUNKS = {
    "an overflowing size": b"FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n",
    "a negative size": b"-5\r\nhello\r\n0\r\n\r\n",
    "a prefixed size": b"0x5\r\nhello\r\n0\r\n\r\n",
    "a wrong size": b"3\r\nhello\r\n0\r\n\r\n",
    "bare line feeds": b"5\nhello\n0\n\n",
}


@pytest.mark.parametrize("name", CHUNKS)
async def test_a_malformed_chunk_ends_the_connection_without_a_success(port: int, name: str) -> None:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer, closed = await _exchange(port, head + CHUNKS[name], GOOD)
    assert b"200 OK" not in answer
    assert closed


async def test_well_formed_chunks_are_put_together(port: int) -> None:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    answer, closed = await _exchange(port, head + b"5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n")
    assert answer.endswith(b"hello!")
    assert closed


@pytest.mark.parametrize("host", [b"a", b"a.example:8000", b"127.0.0.1:1", b"[::1]:8000", b"[::1]"])
async def test_ordinary_host_names_are_accepted(port: int, host: bytes) -> None:
    answer, _ = await _exchange(port, b"GET / HTTP/1.1\r\nConnection: close\r\nHost: " + host + b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK")


async def test_a_health_checker_with_http_1_0_needs_no_host(port: int) -> None:
    answer, closed = await _exchange(port, b"GET / HTTP/1.0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert closed


async def test_a_hundred_headers_are_accepted_and_one_more_is_not(port: int) -> None:
    lines = [b"X-%d: 1\r\n" % number for number in range(98)] + [b"Connection: close\r\n"]
    head = b"GET / HTTP/1.1\r\nHost: a\r\n"
    answer, _ = await _exchange(port, head + b"".join(lines) + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK")
    answer, closed = await _exchange(port, head + b"".join(lines) + b"X-More: 1\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 431")
    assert closed


@pytest.mark.parametrize("pieces", [1, 40], ids=["at once", "in pieces"])
async def test_headers_over_32_kib_are_refused(port: int, pieces: int) -> None:
    head = b"GET / HTTP/1.1\r\nHost: a\r\nX-Big: " + b"x" * (1024 * 1024) + b"\r\n\r\n"
    size = len(head) // pieces + 1
    answer, closed = await _exchange(port, *(head[at : at + size] for at in range(0, len(head), size)))
    assert closed
    assert answer == b"" or answer.startswith(b"HTTP/1.1 431")


async def test_many_small_headers_over_32_kib_are_refused(port: int) -> None:
    lines = b"".join(b"X-%d: %s\r\n" % (number, b"x" * 400) for number in range(90))
    answer, closed = await _exchange(port, b"GET / HTTP/1.1\r\nHost: a\r\n" + lines + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 431")
    assert closed


async def test_a_header_that_never_ends_is_cut_off_and_not_kept(port: int) -> None:
    pieces = [b"GET / HTTP/1.1\r\nHost: a\r\nX-Endless: ", *[b"x" * 8192] * 5]
    answer, closed = await _exchange(port, *pieces, pause=0.01)
    assert answer.startswith(b"HTTP/1.1 431")
    assert closed


async def test_a_long_address_is_refused(port: int) -> None:
    answer, closed = await _exchange(port, b"GET /" + b"x" * 40_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 431")
    assert closed


async def test_a_silent_connection_is_closed(quick_port: int) -> None:
    answer, closed = await _exchange(quick_port)
    assert (answer, closed) == (b"", True)


async def test_headers_that_trickle_in_are_refused_when_their_time_is_up(quick_port: int) -> None:
    trickle = [b"GET / HTTP/1.1\r\n", *[b"X-Slow: 1\r\n"] * 8]
    answer, closed = await _exchange(quick_port, *trickle, pause=0.1)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 408 Request Timeout")
    assert closed


async def test_half_a_header_line_is_answered_with_408(quick_port: int) -> None:
    answer, closed = await _exchange(quick_port, b"GET / HTTP/1.1\r\nHo")
    assert answer.startswith(b"HTTP/1.1 408 Request Timeout")
    assert closed


async def test_a_second_request_on_a_connection_has_the_same_deadline(quick_port: int) -> None:
    answer, closed = await _exchange(quick_port, GOOD, b"GET / HTTP/1.1\r\nHo", pause=0.05)
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert b"HTTP/1.1 408" in answer
    assert closed


async def test_empty_lines_do_not_keep_a_connection_open(quick_port: int) -> None:
    _, closed = await _exchange(quick_port, GOOD, *[b"\r\n"] * 5, pause=0.1)
    assert closed


async def test_a_slow_body_is_not_a_slow_header(quick_port: int) -> None:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 8\r\n\r\n"
    answer, _ = await _exchange(quick_port, head, *[b"ab"] * 4, pause=0.15)
    assert answer.endswith(b"abababab")


@contextlib.asynccontextmanager
async def _waiting() -> AsyncIterator[tuple[int, asyncio.Event, asyncio.Event, asyncio.Queue[str]]]:
    """A server whose application waits for `go` before it answers, and notes whether its client hung up."""
    asked, go, seen = asyncio.Event(), asyncio.Event(), asyncio.Queue[str]()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (message := await receive()).get("more_body"):
            pass
        asked.set()
        going, leaving = asyncio.ensure_future(go.wait()), asyncio.ensure_future(receive())
        await asyncio.wait((going, leaving), return_when=asyncio.FIRST_COMPLETED)
        going.cancel()
        leaving.cancel()
        seen.put_nowait("answered" if go.is_set() else (await leaving)["type"])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": message.get("body", b"")[:0]})

    async with _serving(GuardedProtocol, app) as port:
        yield port, asked, go, seen


@pytest.mark.parametrize("second", [GOOD, GOOD + GOOD, GOOD[:9], POST + b"Content-Length: 9\r\n\r\nhello"])
async def test_a_request_before_the_answer_is_dropped_and_the_connection_closed_after_it(second: bytes) -> None:
    async with _waiting() as (port, asked, go, seen):
        exchange = asyncio.create_task(_exchange(port, GOOD, second))
        await asyncio.wait_for(asked.wait(), 5)
        await asyncio.sleep(0.05)
        go.set()
        answer, closed = await exchange
    assert answer.count(b"HTTP/1.1 200 OK") == 1
    assert b"connection: close" in answer
    assert closed
    assert (seen.qsize(), seen.get_nowait()) == (1, "answered")


async def test_a_client_that_asks_again_and_hangs_up_is_noticed() -> None:
    async with _waiting() as (port, asked, _go, seen):
        _reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GOOD + GOOD)
        await asyncio.wait_for(asked.wait(), 5)
        writer.close()
        assert await asyncio.wait_for(seen.get(), 5) == "http.disconnect"


@pytest.mark.parametrize("method", [b"GET", b"POST"])
@pytest.mark.parametrize("length", [b"Content-Length: 5\r\n\r\nhello", b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"])
async def test_an_upgrade_with_a_body_is_refused_and_not_left_waiting(port: int, method: bytes, length: bytes) -> None:
    head = method + b" / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
    answer, closed = await _exchange(port, head + length)
    assert answer.startswith(b"HTTP/1.1 400 Bad Request")
    assert closed


async def test_a_connection_too_many_is_told_so_and_closed() -> None:
    async with _serving(NarrowProtocol) as port:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        answer, closed = await _exchange(port, GOOD)
        assert answer.startswith(b"HTTP/1.1 503 ") and b"retry-after" in answer
        assert (closed, answer.count(b"HTTP/1.1")) == (True, 1)
        for _reader, writer in held:
            writer.close()
            await writer.wait_closed()
        await asyncio.sleep(0.05)
        answer, _closed = await _exchange(port, GOOD, seconds=0.3)
        assert answer.startswith(b"HTTP/1.1 200 ")
