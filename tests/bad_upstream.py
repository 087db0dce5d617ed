"""A scripted upstream that misbehaves, over raw sockets: what it sends is exactly what its scenario writes.

    async with BadUpstream("stall_mid_stream") as upstream:
        ...                      # talk to upstream.url
        upstream.requests        # every request, byte for byte
        upstream.connections     # when each was opened, and when the peer closed it

Scenarios are in tests/bad_scenarios.py; their options follow the name: BadUpstream("stream", count=100, delay=0.01).
"""

import asyncio
import time
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tests.bad_scenarios import SCENARIOS, Reader, Request, Scenario, Writer


@dataclass
class Connection:
    """One connection's life, in time.monotonic() seconds."""

    opened_at: float
    peer_closed_at: float | None = None
    closed_at: float | None = None
    peer_closed: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)


class BadUpstream:
    """Listens on a free port of the loopback and plays one scenario to every request."""

    def __init__(self, scenario: str | Scenario, **options: Any) -> None:
        self._play = partial(SCENARIOS[scenario] if isinstance(scenario, str) else scenario, **options)
        self.requests: list[Request] = []
        self.connections: list[Connection] = []
        self.failures: list[Exception] = []
        self.url = ""
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def connections_open(self) -> int:
        """Connections that neither side has closed yet."""
        return sum(not connection.over.is_set() for connection in self.connections)

    async def until_closed(self, seconds: float = 1.0) -> None:
        """Wait until no connection is open; TimeoutError after `seconds`."""
        async with asyncio.timeout(seconds):
            for connection in self.connections:
                await connection.over.wait()

    async def __aenter__(self) -> "BadUpstream":
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.failures:
            raise self.failures[0]

    async def _accept(self, socket_reader: Reader, writer: Writer) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        connection = Connection(time.monotonic())
        self.connections.append(connection)
        reader = Reader()
        pump = asyncio.create_task(_pump(socket_reader, reader, writer, connection))
        try:
            while not writer.is_closing() and (request := await _read_request(reader, connection)):
                self.requests.append(request)
                await self._play(reader, writer, request)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the peer left, or the test is over
        except Exception as broken:  # noqa: BLE001 - a scenario's own mistake must fail the test, not vanish
            self.failures.append(broken)
        finally:
            connection.closed_at = time.monotonic()
            connection.over.set()
            pump.cancel()
            writer.close()
            self._tasks.discard(task)


async def _pump(source: Reader, target: Reader, writer: Writer, connection: Connection) -> None:
    """Read on while a scenario writes or waits, so that the moment the peer leaves is noticed."""
    try:
        while data := await source.read(65536):
            target.feed_data(data)
        is_ours = writer.is_closing()
    except ConnectionError:  # a reset of ours ends the reading without an error
        is_ours = False
    target.feed_eof()
    if not is_ours:
        connection.peer_closed_at = time.monotonic()
        connection.peer_closed.set()
        connection.over.set()


async def _read_request(reader: Reader, connection: Connection) -> Request | None:
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = raw.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    body = b""
    if dict(headers).get("transfer-encoding") == "chunked":
        while True:
            line = await reader.readuntil(b"\r\n")
            piece = await reader.readexactly(int(line, 16) + 2)
            raw, body = raw + line + piece, body + piece[:-2]
            if piece == b"\r\n":
                break
    else:
        body = await reader.readexactly(int(dict(headers).get("content-length", 0)))
        raw += body
    return Request(raw, method, target, headers, body, time.monotonic(), connection.peer_closed)
