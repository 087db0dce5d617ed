"""A gateway without a database: callers in memory, a journal in a folder, and real transports."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from proxy import gateway
from proxy.answers.cache import Cache
from proxy.answers.stores.machine import MachineStore
from proxy.auth import Keys
from proxy.call import Caller
from proxy.directory import Directory
from proxy.knowledge.shelf import Shelf
from proxy.ledger.buckets import Buckets, LocalBuckets
from proxy.ledger.budgets.accounts import Accounts
from proxy.ledger.journal import Journal, segments
from proxy.ledger.usage_sums import UsageReader
from proxy.privacy.detection.detector import Detector
from proxy.rules.weighing import vectors
from proxy.rules.weighing.scales import Scales
from proxy.runtime import Limits, Runtime
from proxy.simulator.transport import SimulatorTransport
from proxy.transcripts.keeper import Keeper
from proxy.upstreams import Pool
from proxy.upstreams.model_lists import ModelLists
from proxy.upstreams.slots import Slots
from proxy.upstreams.transport import GuardedTransport
from tests.proxy import build
from tests.proxy.test_directory import FakeSource, in_place

KEY = (b"x-api-key", b"llmp_test")


@dataclass
class Answered:
    """A reply, read to its end."""

    status: int
    headers: dict[str, str]
    body: bytes
    pieces: list[bytes] = field(default_factory=list)

    def json(self) -> Any:
        return json.loads(self.body)


class Gateway:
    """Asks the gateway as a door would."""

    def __init__(self, runtime: Runtime, source: FakeSource) -> None:
        self.runtime = runtime
        self._source = source

    def admit(self, caller: Caller) -> None:
        """Let the caller in with the key that `ask` sends."""
        self._source.callers["digest"] = caller
        self.runtime.directory._callers.clear()

    async def reply(self, body: Any = build.HELLO, **inbound: Any) -> gateway.Reply:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = [KEY, *inbound.pop("headers", ())]

        async def read(_owner: object) -> bytes:
            return raw

        return await gateway.answer(build.inbound(headers=headers, **inbound), read, self.runtime)

    async def ask(self, body: Any = build.HELLO, **inbound: Any) -> Answered:
        reply = await self.reply(body, **inbound)
        headers = {name.decode(): value.decode() for name, value in reply.headers}
        if isinstance(reply.body, bytes):
            return Answered(reply.status, headers, reply.body)
        pieces = [piece async for piece in reply.body]
        return Answered(reply.status, headers, b"".join(pieces), pieces)

    def journal(self) -> list[dict[str, Any]]:
        """The lines journalled so far."""
        journal = self.runtime.journal
        lines = b"".join(path.read_bytes() for path in segments(journal.directory, journal.name)).splitlines()
        return [json.loads(line) for line in lines]

    def records(self) -> list[dict[str, Any]]:
        """The calls that were settled."""
        return [line for line in self.journal() if line["kind"] == "close"]


def allow_any(_address: str, _host: str) -> None:
    """An address check for upstreams on this machine."""


@asynccontextmanager
async def running(
    folder: Path,
    *,
    caller: Caller | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
    ping_seconds: float = 15.0,
    buckets: Buckets | None = None,
    accounts: Any = None,
    detector: Any = None,
    shelf: Any = None,
    transcripts: Any = None,
    run: Any = in_place,
    embed: Any = None,
) -> AsyncIterator[Gateway]:
    """A running gateway that knows one caller. What asks the database is called by `run`."""
    source = FakeSource()
    directory = Directory(source, in_place)
    await directory.start()
    transports = {
        "anthropic": transport or GuardedTransport(allow_any),
        "simulator": SimulatorTransport(),
        "detector": GuardedTransport(allow_any),
    }
    journal = Journal.open(folder / "journal")
    pool = Pool(transports, Slots())
    answers = Cache(MachineStore(folder / "answers.sqlite3"), embed=embed)
    finder = detector or Detector(workers=1, deadline_seconds=30)  # starts nothing until it is asked
    runtime = Runtime(
        directory=directory,
        keys=Keys(lambda secret: secret == "llmp_test", lambda _secret: [(1, "digest")]),
        journal=journal,
        pool=pool,
        model_lists=ModelLists(transports),
        buckets=buckets or LocalBuckets(),
        accounts=accounts or Accounts(run),
        usage=UsageReader(run),
        answers=answers,
        shelf=shelf or Shelf(run),
        transcripts=transcripts or Keeper(run),
        detector=finder,
        scales=Scales(finder, transports["detector"], vectors.embedded),
        limits=Limits(
            max_body_bytes=1024 * 1024, body_timeout_seconds=5, ping_seconds=ping_seconds, send_timeout_seconds=60
        ),
    )
    made = Gateway(runtime, source)
    made.admit(caller or build.caller())
    try:
        yield made
    finally:
        await directory.stop()
        await pool.aclose()
        await answers.aclose()
        journal.discard()
        await asyncio.sleep(0)


def events(raw: bytes) -> Sequence[tuple[str, Any]]:
    """(name, data) of each event in a stream's bytes."""
    found = []
    for block in raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n\n"):
        lines = dict(line.split(b": ", 1) for line in block.split(b"\n") if b": " in line and not line.startswith(b":"))
        if b"event" in lines:
            found.append((lines[b"event"].decode(), json.loads(lines[b"data"].decode("utf-8", "replace"))))
    return found
