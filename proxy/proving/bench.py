"""The real path with nothing behind it: the pipeline as it is, a simulator that says what a canary wants, and a journal
in a folder that is thrown away. Nothing reaches an upstream, a budget or a usage record."""

import json
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson

from proxy import gateway
from proxy.answers.cache import Cache
from proxy.answers.stores.machine import MachineStore
from proxy.auth import Keys
from proxy.call import Caller, Inbound, Privacy, TenantRules, UpstreamRules
from proxy.directory import Directory
from proxy.formats.globs import Globs
from proxy.formats.sse import Event
from proxy.knowledge.shelf import Shelf
from proxy.ledger.buckets import LocalBuckets
from proxy.ledger.budgets.accounts import Accounts
from proxy.ledger.journal import Journal, segments
from proxy.ledger.prices import PriceBook
from proxy.ledger.usage_sums import UsageReader
from proxy.privacy.detection.detector import Detector
from proxy.proving.canaries import Canary
from proxy.proving.detected import ScriptedDetector, servers
from proxy.rules.policy import Policy
from proxy.rules.weighing import vectors
from proxy.rules.weighing.scales import Scales
from proxy.runtime import Limits, Runtime
from proxy.simulator.transport import SimulatorTransport
from proxy.transcripts.keeper import Keeper
from proxy.upstreams import Pool
from proxy.upstreams.model_lists import ModelLists
from proxy.upstreams.slots import Slots

_HEADERS = [
    (b"anthropic-version", b"2023-06-01"),
    (b"content-type", b"application/json"),
]


@dataclass
class Seen:
    """What came of a canary: the reply, what the upstream got, and what the record says of the rules."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    asked: Sequence[Mapping[str, Any]]
    fits: Sequence[Mapping[str, Any]]

    @property
    def said(self) -> str:
        """The answer's text and tools as a client puts them together."""
        if self.headers.get("content-type", "").startswith("application/json"):
            return _content_of(orjson.loads(self.body))
        return "".join(_said(event) for event in _events(self.body))


class Bench:
    """One tenant's policy, ready to be sent canaries."""

    def __init__(
        self, runtime: Runtime, upstream: "ScriptedUpstream", admit: Callable[[Mapping[str, Any]], str]
    ) -> None:
        self._runtime = runtime
        self._upstream = upstream
        self._admit = admit

    async def send(self, canary: Canary, *, path: str, stream: bool, cuts: bool, metadata: Mapping[str, Any]) -> Seen:
        """One canary through the path; `cuts`: the upstream's stream comes letter by letter, and byte by byte."""
        key = (b"x-api-key", self._admit(metadata).encode())
        self._upstream.prepare(canary, cuts=cuts)
        body = dict(canary.body)
        if path.endswith("count_tokens"):
            del body["max_tokens"]
        raw = json.dumps(body | ({"stream": True} if stream else {})).encode()
        request_id = f"req_{uuid4().hex[:24]}"
        inbound = Inbound("POST", path, b"", [*_HEADERS, key], "127.0.0.1", request_id, time.perf_counter())

        async def read(_owner: object) -> bytes:
            return raw

        reply = await gateway.answer(inbound, read, self._runtime)
        whole = reply.body if isinstance(reply.body, bytes) else b"".join([piece async for piece in reply.body])
        headers = {name.decode().lower(): value.decode() for name, value in reply.headers}
        return Seen(reply.status, headers, whole, list(self._upstream.asked), self._fits())

    def _fits(self) -> list[Mapping[str, Any]]:
        journal = self._runtime.journal
        lines = segments(journal.directory, journal.name)[-1].read_bytes().splitlines()
        trace = orjson.loads(lines[-1]).get("trace", []) if lines else []
        return [fit for step in trace for fit in step.get("rules", ()) if isinstance(fit, dict)]


class ScriptedUpstream(httpx.AsyncBaseTransport):
    """The simulator, told to say what a canary wants instead of what it is asked."""

    def __init__(self) -> None:
        self._simulator = SimulatorTransport()
        self._cuts = False
        self._script = ""
        self._is_echo = False
        self._tools: list[dict[str, Any]] = []
        self.asked: list[Mapping[str, Any]] = []

    def prepare(self, canary: Canary, *, cuts: bool) -> None:
        """What to say next."""
        self.asked, self._cuts, self._tools = [], cuts, []
        self._is_echo = canary.echoes
        self._script = f"#simulate text={json.dumps(canary.text)}"
        if canary.tool is not None:
            self._script += f" tool={json.dumps(canary.tool['name'])} input={json.dumps(canary.tool['input'])}"
            self._tools = [{"name": canary.tool["name"], "input_schema": {"type": "object"}}]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """As the simulator answers, cut as asked."""
        asked = orjson.loads(await request.aread())
        self.asked.append(asked)
        last = asked["messages"][-1]["content"]
        script = f"#simulate text={json.dumps(last[-1]['text'])}" if self._is_echo else self._script
        told = {**asked, "messages": [{"role": "user", "content": script}]}
        if self._tools:
            told["tools"] = self._tools
        headers = [(name, value) for name, value in request.headers.raw if name.lower() != b"content-length"]
        response = await self._simulator.handle_async_request(
            httpx.Request(request.method, request.url, headers=headers, content=orjson.dumps(told))
        )
        if self._cuts and asked.get("stream"):
            response.stream = _Cut(response.stream)
        return response


class _Cut(httpx.AsyncByteStream):
    def __init__(self, whole: Any) -> None:
        self._whole = whole

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._whole:
            for event in _by_letters(Event.parse(piece)):
                for byte in event:
                    yield bytes([byte])

    async def aclose(self) -> None:
        await self._whole.aclose()


def _by_letters(event: Event) -> Sequence[bytes]:
    if event.name != "content_block_delta":
        return [event.raw]
    payload = event.json()
    field_name = next((name for name in ("text", "partial_json") if name in payload["delta"]), "")
    letters = payload["delta"].get(field_name, "")
    changed = [{**payload, "delta": {**payload["delta"], field_name: letter}} for letter in letters]
    return [Event.build(event.name, one).raw for one in changed] or [event.raw]


def _events(raw: bytes) -> Sequence[Event]:
    return [Event.parse(block + b"\n\n") for block in raw.split(b"\n\n") if b"data:" in block]


def _said(event: Event) -> str:
    payload = event.json()
    if event.name == "content_block_start":
        return str(payload["content_block"].get("name", ""))
    delta = payload.get("delta", {}) if event.name == "content_block_delta" else {}
    return str(delta.get("text", delta.get("partial_json", "")))


def _content_of(body: Mapping[str, Any]) -> str:
    content = body.get("content")
    return "".join(
        f"{block.get('text', '')}{block.get('name', '')}{json.dumps(block['input']) if 'input' in block else ''}"
        for block in (content if isinstance(content, list) else [])
    )


@dataclass
class _OneCaller:
    """A directory's source that knows the canaries' key alone."""

    tenant: TenantRules
    book: PriceBook
    privacy: Privacy | None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def caller(self, digests: Sequence[str]) -> Caller:
        return Caller(
            tenant=self.tenant,
            key_id=UUID(int=0),
            key_name=digests[0],
            is_revoked=False,
            scopes=frozenset({"messages"}),
            models=Globs(["*"]),
            ip_allow=[],
            expires_at=None,
            metadata=self.metadata,
            privacy=self.privacy,
        )

    def prices(self) -> PriceBook:
        return self.book

    def revision(self) -> int:
        return 0

    def changes(self, since: int) -> Sequence[tuple[int, UUID | None]]:
        return []


async def _at_once(function: Callable[..., Any], *args: Any) -> Any:
    return function(*args)


@asynccontextmanager
async def opened(
    policy: Policy | None, prices: PriceBook, *, privacy: Privacy | None = None, detector: Detector | None = None
) -> AsyncIterator[Bench]:
    """A bench for a policy, and for privacy settings with a detector. What it writes is gone when it is left."""
    simulator = UpstreamRules(
        id=uuid4(), name="simulator", kind="simulator", base_url="http://simulator.invalid", credential="",
        models=Globs(["*"]), model_aliases={}, connect_timeout_seconds=5, read_timeout_seconds=30, max_connections=4,
    )  # fmt: skip
    tenant = TenantRules(
        id=uuid4(), slug="canary", is_active=True, timezone="UTC", model_aliases={}, upstreams=[simulator],
        policy=policy, detectors=servers(policy.rules if policy else ()),
    )  # fmt: skip
    source, upstream, number = _OneCaller(tenant, prices, privacy), ScriptedUpstream(), iter(range(10**9))
    transports: dict[str, httpx.AsyncBaseTransport] = {"simulator": upstream, "detector": ScriptedDetector()}
    directory = Directory(source, _at_once)
    await directory.start()

    def admit(metadata: Mapping[str, Any]) -> str:
        """The key of the next canary: each has its own, as what is known of a key is remembered."""
        source.metadata = metadata
        return f"canary-{next(number)}"

    with tempfile.TemporaryDirectory(prefix="proof-") as folder:
        journal, pool = Journal.open(Path(folder) / "journal"), Pool(transports, Slots())
        answers = Cache(MachineStore(Path(folder) / "answers.sqlite3"))
        finder = detector or Detector(workers=1, deadline_seconds=5)  # starts nothing until it is asked
        runtime = Runtime(
            directory=directory,
            keys=Keys(lambda _secret: True, lambda secret: [(1, secret)]),
            journal=journal,
            pool=pool,
            model_lists=ModelLists(transports),
            buckets=LocalBuckets(),
            accounts=Accounts(_at_once),
            usage=UsageReader(_at_once),
            detector=finder,
            scales=Scales(finder, transports["detector"], vectors.embedded),
            answers=answers,
            shelf=Shelf(_at_once),
            transcripts=Keeper(_at_once),  # takes nothing: the canaries' tenant keeps no text
            limits=Limits(8 * 1024 * 1024, 30, 3600, 60),
        )
        try:
            yield Bench(runtime, upstream, admit)
        finally:
            await directory.stop()
            await pool.aclose()
            await answers.aclose()
            journal.discard()
