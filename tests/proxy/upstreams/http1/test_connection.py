"""One connection: any cut of the bytes is the same answer, and what is no answer ends in an error, never in less."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.upstreams.http1.connection import PIECE_BYTES, Connection, Head

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3;note=1\r\nllo\r\n0\r\nx-trailer: 1\r\n\r\n"
)
ENDLESS = b"HTTP/1.1 200 OK\r\n\r\nhello"
HINTED = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + PLAIN


class Wire(asyncio.Transport):
    """What the connection does to its socket. Nothing is sent anywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.unsent = 0
        self.aborted = asyncio.Event()
        self.pauses = 0
        self.is_paused = False

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.sent += b"".join(list_of_data)

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def pause_reading(self) -> None:
        self.pauses += 1
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False

    @property
    def is_aborted(self) -> bool:
        return self.aborted.is_set()

    def is_closing(self) -> bool:
        return self.is_aborted

    def abort(self) -> None:
        self.aborted.set()


def connected() -> tuple[Connection, Wire]:
    connection, wire = Connection(), Wire()
    connection.connection_made(wire)
    return connection, wire


async def asked(connection: Connection, patience_seconds: float | None = 30.0) -> asyncio.Task[Head]:
    task = asyncio.create_task(connection.ask(b"GET / HTTP/1.1\r\n\r\n", b"", patience_seconds))
    await asyncio.sleep(0)
    return task


async def rest(connection: Connection) -> bytes:
    pieces = []
    while piece := await connection.read():
        pieces.append(piece)
    return b"".join(pieces)


def run(story: Coroutine[Any, Any, None]) -> None:
    """For hypothesis, whose examples are no coroutines."""
    asyncio.run(story)


def cut(text: bytes, places: list[int]) -> list[bytes]:
    ends = [*sorted(place % (len(text) + 1) for place in places), len(text)]
    starts = [0, *ends[:-1]]
    return [text[start:end] for start, end in zip(starts, ends, strict=True) if end > start]


@given(st.sampled_from([PLAIN, CHUNKED, ENDLESS, HINTED]), st.lists(st.integers(0, 200), max_size=12))
def test_an_answer_is_the_same_however_its_bytes_are_cut(text: bytes, places: list[int]) -> None:
    async def story() -> None:
        connection, _wire = connected()
        asking = await asked(connection)
        for piece in cut(text, places):
            connection.data_received(piece)
            await asyncio.sleep(0)
        if text is ENDLESS:
            connection.connection_lost(None)
        head = await asking
        assert head.status == 200
        assert await rest(connection) == b"hello"
        assert b"x-trailer" not in [name for name, _value in head.headers]
        connection.close()

    run(story())


@given(st.sampled_from([PLAIN, CHUNKED, HINTED]), st.integers(1, 200))
def test_an_answer_that_breaks_off_anywhere_is_an_error_and_never_a_shorter_answer(text: bytes, place: int) -> None:
    async def story() -> None:
        connection, _wire = connected()
        asking = await asked(connection)
        connection.data_received(text[: place % (len(text) - 1) + 1])
        connection.connection_lost(None)
        with pytest.raises(httpx.ReadError):
            await asking
            await rest(connection)

    run(story())


@given(st.binary(min_size=1, max_size=300))
def test_no_bytes_bring_it_down(noise: bytes) -> None:
    async def story() -> None:
        connection, _wire = connected()
        asking = await asked(connection)
        connection.data_received(noise)
        connection.connection_lost(None)
        with pytest.raises(httpx.TransportError):
            await asking
            await rest(connection)
            raise httpx.ReadError("noise that happens to be an answer")

    run(story())


@pytest.mark.parametrize(
    "text",
    [
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x-filler: %s\r\n" % (b"a" * 1000) * 70 + b"\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
    ],
    ids=["switching", "two framings", "two lengths", "a bad chunk", "headers without end", "another protocol"],
)
async def test_what_is_not_an_answer_in_http_is_refused(text: bytes) -> None:
    connection, wire = connected()
    asking = await asked(connection)
    connection.data_received(text)
    with pytest.raises(httpx.RemoteProtocolError):
        await asking
        await rest(connection)
    assert wire.is_aborted
    assert not connection.can_be_kept


async def test_an_error_after_the_head_does_not_turn_what_came_into_the_whole() -> None:
    connection, _wire = connected()
    asking = await asked(connection, patience_seconds=0.01)
    connection.data_received(ENDLESS)
    await asking
    assert await connection.read() == b"hello"
    with pytest.raises(httpx.ReadTimeout):
        await connection.read()
    connection.connection_lost(None)  # what its own closing brings
    with pytest.raises(httpx.ReadTimeout):
        await connection.read()


async def test_a_connection_is_kept_for_the_next_request_only_when_its_answer_is_over() -> None:
    connection, wire = connected()
    for _ in range(2):
        asking = await asked(connection)
        connection.data_received(PLAIN[:-1])
        await asking
        assert not connection.can_be_kept
        connection.data_received(PLAIN[-1:])
        assert await rest(connection) == b"hello"
        assert connection.can_be_kept
    assert wire.sent == b"GET / HTTP/1.1\r\n\r\n" * 2


async def test_a_request_that_is_not_sent_to_its_end_leaves_the_connection_useless() -> None:
    connection, wire = connected()
    asking = await asked(connection)
    wire.unsent = 1
    connection.data_received(PLAIN)
    await asking
    await rest(connection)
    assert not connection.can_be_kept


@pytest.mark.parametrize("extra", [PLAIN, b"x"], ids=["a second answer", "a stray byte"])
async def test_what_follows_an_answer_is_never_taken_for_the_next_one(extra: bytes) -> None:
    connection, wire = connected()
    asking = await asked(connection)
    connection.data_received(PLAIN + extra)
    await asking
    assert await rest(connection) == b"hello"
    assert not connection.can_be_kept
    assert wire.is_aborted


async def test_an_answer_nobody_asked_for_closes_a_connection_that_waits() -> None:
    connection, wire = connected()
    asking = await asked(connection)
    connection.data_received(PLAIN)
    await asking
    await rest(connection)
    connection.data_received(PLAIN)
    assert wire.is_aborted
    assert not connection.is_open


async def test_no_more_is_held_than_a_few_pieces_for_a_reader_who_does_not_read() -> None:
    connection, wire = connected()
    asking = await asked(connection)
    total = 40 * PIECE_BYTES
    connection.data_received(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % total)
    await asking
    sent = received = 0
    while received < total:
        while sent < total and not wire.is_paused:
            connection.data_received(b"a" * PIECE_BYTES)
            sent += PIECE_BYTES
        assert sent - received <= 3 * PIECE_BYTES
        piece = await connection.read()
        assert 0 < len(piece) <= PIECE_BYTES
        received += len(piece)
    assert await connection.read() == b""
    assert wire.pauses > 5


async def test_a_reader_who_takes_his_time_is_not_taken_for_a_silent_upstream() -> None:
    connection, _wire = connected()
    asking = await asked(connection, patience_seconds=0.02)
    connection.data_received(PLAIN[:-2])
    await asking
    await asyncio.sleep(0.1)
    assert await connection.read() == b"hel"
    connection.data_received(PLAIN[-2:])
    assert await rest(connection) == b"lo"
    assert connection.can_be_kept


async def test_a_read_that_is_given_up_loses_nothing() -> None:
    connection, _wire = connected()
    asking = await asked(connection)
    connection.data_received(PLAIN[:-5])
    await asking
    reading = asyncio.create_task(connection.read())
    await asyncio.sleep(0)
    connection.data_received(PLAIN[-5:])
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    assert await rest(connection) == b"hello"
