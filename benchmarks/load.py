"""The load client: raw connections on one event loop, so that it is never what is measured."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

import httptools

_SENT_AT = re.compile(rb"@(\d+)@")
_PATIENCE_SECONDS = 30.0


@dataclass(frozen=True)
class Target:
    """Whom to ask, and with which key."""

    port: int
    key: str

    def request(self, *, events: int = 0, delay_ms: int = 0) -> bytes:
        """One request of about 410 bytes of body; how its answer comes is the fake upstream's to read."""
        text = "Tell me what a proxy between a tool and a model should do, and what it should leave alone. " * 2
        body = (
            f'{{"model":"bench-{events}-{delay_ms}","max_tokens":1024,"stream":{"true" if events else "false"},'
            '"metadata":{"user_id":"user_0123456789abcdef"},"system":"You are a helpful assistant. Be brief.",'
            f'"messages":[{{"role":"user","content":[{{"type":"text","text":"{text}"}}]}}]}}'
        ).encode()
        head = (
            f"POST /v1/messages HTTP/1.1\r\nhost: 127.0.0.1:{self.port}\r\nx-api-key: {self.key}\r\n"
            "anthropic-version: 2023-06-01\r\ncontent-type: application/json\r\naccept: application/json\r\n"
            f"user-agent: Anthropic/Python 1.0.0\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


@dataclass(slots=True)
class Reply:
    """One answer: seconds since it was asked for."""

    is_good: bool
    first_byte_seconds: float
    total_seconds: float


@dataclass
class Result:
    """What a period of load gave."""

    replies: list[Reply] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def good(self) -> list[Reply]:
        """The answers that were complete and of status 200."""
        return [reply for reply in self.replies if reply.is_good]

    @property
    def bad(self) -> int:
        """How many were not."""
        return len(self.replies) - len(self.good)


class Connection(asyncio.Protocol):
    """One keep-alive connection that is asked one thing at a time."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._done: asyncio.Future[None] | None = None
        self._first_at = 0.0
        self._tail = b""
        self.delays: list[float] | None = None
        self.is_begun = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is of no common class

    def connection_lost(self, exc: Exception | None) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_exception(ConnectionError("the server closed the connection"))

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.abort()

    def on_body(self, body: bytes) -> None:
        if not self._first_at:
            self._first_at = time.perf_counter()
            self.is_begun.set()
        self._tail = body[-64:] if len(body) >= 64 else (self._tail + body)[-64:]
        if self.delays is not None:
            now = time.monotonic_ns()
            self.delays += [(now - int(sent)) / 1e9 for sent in _SENT_AT.findall(body)]

    def on_message_complete(self) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_result(None)

    async def ask(self, request: bytes, *, is_stream: bool) -> Reply:
        """Send and wait for the whole answer."""
        self._done = asyncio.get_running_loop().create_future()
        self._first_at, self._tail = 0.0, b""
        started = time.perf_counter()
        self._transport.write(request)
        try:
            await self._done
        except ConnectionError:
            return Reply(False, 0.0, 0.0)
        ended = time.perf_counter()
        end = b'"message_stop"}\n\n' if is_stream else b"}}"
        is_good = self._parser.get_status_code() == 200 and self._tail.endswith(end)
        return Reply(is_good, self._first_at - started, ended - started)

    def close(self) -> None:
        """Hang up."""
        self._transport.abort()


@asynccontextmanager
async def connections(target: Target, count: int) -> AsyncIterator[list[Connection]]:
    """That many connections, closed at the end."""
    loop = asyncio.get_running_loop()
    opened = []
    try:
        for _ in range(count):
            opened.append((await loop.create_connection(Connection, "127.0.0.1", target.port))[1])
        yield opened
    finally:
        for connection in opened:
            connection.close()


async def closed_loop(target: Target, *, count: int, seconds: float, events: int = 0) -> Result:
    """Each of `count` connections asks again as soon as it has its answer."""
    request = target.request(events=events)
    result = Result()
    started = time.perf_counter()

    async def ask_on(connection: Connection) -> None:
        while time.perf_counter() - started < seconds:
            reply = await connection.ask(request, is_stream=events > 0)
            result.replies.append(reply)
            if not reply.is_good:
                return

    async with connections(target, count) as opened, asyncio.timeout(seconds + _PATIENCE_SECONDS):
        await asyncio.gather(*(ask_on(connection) for connection in opened))
    result.seconds = time.perf_counter() - started
    return result


async def open_loop(target: Target, *, per_second: float, seconds: float) -> Result:
    """Requests at fixed moments, whether or not the earlier ones are answered."""
    request = target.request()
    result = Result()
    started = time.perf_counter()

    async def ask_at(connection: Connection, number: int) -> None:
        await asyncio.sleep(started + number / per_second - time.perf_counter())
        result.replies.append(await connection.ask(request, is_stream=False))

    async with connections(target, 50) as opened, asyncio.timeout(seconds + _PATIENCE_SECONDS):
        waiting: dict[Connection, asyncio.Task[None]] = {}
        for number in range(int(per_second * seconds)):
            connection = opened[number % len(opened)]
            if connection in waiting:
                await waiting[connection]  # 50 requests behind: then it is late, and that is the finding
            waiting[connection] = asyncio.create_task(ask_at(connection, number))
        await asyncio.gather(*waiting.values())
    result.seconds = time.perf_counter() - started
    return result


class Held:
    """Streams that are open at the same time."""

    def __init__(self, opened: list[Connection], tasks: list[asyncio.Task[Reply]]) -> None:
        self._opened = opened
        self._tasks = tasks

    @property
    def delays(self) -> list[float]:
        """How many seconds each event was under way."""
        return [delay for connection in self._opened for delay in connection.delays or ()]

    @property
    def delivered(self) -> int:
        """How many events have come."""
        return sum(len(connection.delays or ()) for connection in self._opened)

    async def ended(self, patience_seconds: float) -> Result:
        """How those streams ended that did within that time."""
        done, _late = await asyncio.wait(self._tasks, timeout=patience_seconds)
        return Result([task.result() for task in done])


@asynccontextmanager
async def held_streams(target: Target, *, count: int, events: int, delay_ms: int) -> AsyncIterator[Held]:
    """That many streams, all begun when the block is entered (or 10 s later), their events evenly spread."""
    request = target.request(events=events, delay_ms=delay_ms)
    async with connections(target, count) as opened:
        tasks = []
        for connection in opened:
            connection.delays = []
            tasks.append(asyncio.create_task(connection.ask(request, is_stream=True)))
            await asyncio.sleep(delay_ms / 1000 / count)
        begun = [asyncio.create_task(connection.is_begun.wait()) for connection in opened]
        _done, late = await asyncio.wait(begun, timeout=10)
        for waiting in late:
            waiting.cancel()
        yield Held(opened, tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
