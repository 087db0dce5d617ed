"""A client that goes away closes the upstream within a second and is accounted for, over real sockets."""

import asyncio
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import bad_scenarios
from tests.bad_scenarios import Reader, Request, Writer
from tests.bad_upstream import BadUpstream
from tests.journeys.asking import HELLO, open_request
from tests.journeys.server import Server, serving

STREAM = {**HELLO, "stream": True}
_TENANT = "hangups"


async def endless(reader: Reader, writer: Writer, request: Request, delay: float = 0) -> None:
    """A stream that goes on until the peer leaves, as fast as it is read."""
    await bad_scenarios.send(writer, bad_scenarios.head(200, bad_scenarios.SSE, bad_scenarios.CHUNKED))
    await bad_scenarios.send(writer, bad_scenarios.chunk(bad_scenarios.START + bad_scenarios.BLOCK_START))
    piece = bad_scenarios.chunk(bad_scenarios.delta("x" * 4000))
    while not request.peer_closed.is_set():
        await bad_scenarios.send(writer, piece, delay=delay)


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("hangups")) as running:
        yield running


def point_at(server: Server, upstream: BadUpstream) -> str:
    """A key of a tenant whose only upstream is this one."""
    slug = f"{_TENANT}-{upstream.url.rpartition(':')[2]}"
    upstreams = [{"name": "main", "base_url": upstream.url, "api_key": "sk-ant-x"}]
    budgets = [{"period": "month", "usd": 100}]
    return server.tenant(slug, upstreams=upstreams, budgets=budgets, limits={"concurrency": 50})


def hang_up(connection: socket.socket, *, rudely: bool) -> None:
    """Close with FIN, or with RST."""
    if rudely:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@pytest.mark.parametrize("rudely", [False, True], ids=["fin", "rst"])
@pytest.mark.parametrize(
    ("scenario", "options", "body", "read"),
    [
        ("stall_before_headers", {}, STREAM, 0),
        ("stall_before_headers", {}, HELLO, 0),
        ("stall_mid_stream", {}, STREAM, 200),
        (endless, {"delay": 0.001}, STREAM, 2000),
        (endless, {}, STREAM, 0),
    ],
    ids=["waiting-streaming", "waiting-whole", "silent-stream", "running-stream", "reader-that-never-reads"],
)
async def test_a_client_that_leaves_closes_the_upstream_within_a_second(
    server: Server, scenario: Any, options: dict[str, Any], body: dict[str, Any], read: int, rudely: bool
) -> None:
    async with BadUpstream(scenario, **options) as upstream:
        key = await asyncio.to_thread(point_at, server, upstream)
        connection = await asyncio.to_thread(open_request, server.url, key, body)
        while not upstream.requests:  # noqa: ASYNC110 - it has no event for this
            await asyncio.sleep(0.01)
        if read:
            await asyncio.to_thread(connection.recv, read)
        await asyncio.sleep(0.3)
        assert upstream.connections_open == 1
        hang_up(connection, rudely=rudely)
        await upstream.until_closed(1.0)
    state = await asyncio.to_thread(latest_state, server)
    assert state == "cancelled, 0 held"


def latest_state(server: Server) -> str:
    """How the latest call ended, once it is in the database, and how many reservations are left."""
    return server.manage(
        "shell", "-v0", "-c",
        "from proxy.models import Reservation as R, UsageRecord as U\n"
        "import time\n"
        "for _ in range(50):\n"
        "    row = U.objects.first()\n"
        "    if row and row.state != 'started' and not R.objects.exists(): break\n"
        "    time.sleep(0.1)\n"
        "print(f'{row.state}, {R.objects.count()} held')",
    ).strip()  # fmt: skip


async def test_readers_that_never_read_hold_bounded_memory(server: Server) -> None:
    """Each could take hundreds of megabytes; the upstream must be slowed down instead."""
    readers = 40
    async with BadUpstream(endless) as upstream:
        key = await asyncio.to_thread(point_at, server, upstream)
        before = resident_bytes(server.process.pid)
        connections = [await asyncio.to_thread(open_request, server.url, key, STREAM) for _ in range(readers)]
        await asyncio.sleep(3)
        grown = resident_bytes(server.process.pid) - before
        for connection in connections:
            connection.close()
        await upstream.until_closed(2.0)
    assert grown / readers < 640 * 1024


def resident_bytes(pid: int) -> int:
    """Physical memory of a process."""
    text = Path(f"/proc/{pid}/statm").read_text()
    return int(text.split()[1]) * os.sysconf("SC_PAGE_SIZE")
