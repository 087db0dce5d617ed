"""The values that travel through the pipeline. Frozen, typed by stage, free of Django and of I/O.

Inbound   what came through a door, not yet trusted
Caller    who asks and what they may do (a compiled snapshot, shared by all their calls)
Call      an authenticated, checked request on its way down
CleanCall the same, with personal data replaced as the tenant wants it: what may be kept, routed and sent
Outbound  the same, with its upstream chosen: the only thing an upstream accepts
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network
from typing import Any, TypeAlias
from uuid import UUID

from proxy.formats.document import Document
from proxy.formats.globs import Globs
from proxy.privacy.rules import Rules
from proxy.rules.policy import Policy

Headers = Sequence[tuple[bytes, bytes]]
"""Header names in lower case with their values, in the order they came."""


@dataclass(frozen=True, slots=True)
class Inbound:
    """One HTTP request at the door. `path` is without the query; `client_ip` after trusted proxies."""

    method: str
    path: str
    query: bytes
    headers: Headers
    client_ip: str
    request_id: str
    received_at: float

    def all(self, name: bytes) -> list[bytes]:
        """Every value of a header, in order."""
        return [value for key, value in self.headers if key == name]

    def get(self, name: bytes) -> str:
        """A header's first value as text, or ''."""
        for key, value in self.headers:
            if key == name:
                return value.decode("latin-1")
        return ""


@dataclass(frozen=True, slots=True)
class UpstreamRules:
    """One upstream of a tenant, ready to be called. The credential is in memory only; never shown."""

    id: UUID
    name: str
    kind: str
    base_url: str
    credential: str | None = field(repr=False)  # "": it needs none; None: the stored one cannot be read
    models: Globs
    model_aliases: Mapping[str, str]
    connect_timeout_seconds: float
    read_timeout_seconds: float
    max_connections: int


@dataclass(frozen=True, slots=True)
class RateLimits:
    """What a tenant or a key may use in a minute, and at once. None: as much as it likes."""

    requests: int | None = None
    count_tokens: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    concurrency: int | None = None


@dataclass(frozen=True, slots=True)
class Degrading:
    """What calls get once so many percent of a budget are used: a model instead of a dearer one, or less to write."""

    at: int
    model: str | None = None
    max_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Budget:
    """What an owner (the key or its tenant) may use of a unit in a period: nano-dollars, tokens or requests."""

    owner_id: UUID
    unit: str
    period: str
    amount: int
    is_blocking: bool
    degrading: tuple[Degrading, ...] = ()


@dataclass(frozen=True, slots=True)
class Privacy:
    """What is done with personal data, and the key that placeholders are made with."""

    rules: Rules
    key: bytes | None = field(repr=False)  # None: the stored one cannot be read


@dataclass(frozen=True, slots=True)
class LikenessRules:
    """How like a question must be to one that was answered, and how old that answer may be, to be given it."""

    threshold: float = 0.8  # cosine
    ttl_seconds: float = 3600.0


@dataclass(frozen=True, slots=True)
class CacheRules:
    """Which answers of a tenant are kept, for how long, and how much room they have."""

    secret: bytes = field(repr=False)  # what their keys are made with
    ttl_seconds: float = 3600.0
    most_bytes: int = 64 * 1024 * 1024
    keeps_sampled: bool = True
    keeps_tool_results: bool = False
    is_single_flight: bool = False
    likeness: LikenessRules | None = None  # None: only who asks the same is given a kept answer


@dataclass(frozen=True, slots=True)
class Marking:
    """That prompts are marked for the upstream to keep, where that pays."""

    secret: bytes = field(repr=False)  # what their beginnings are known again by


@dataclass(frozen=True, slots=True)
class TranscriptRules:
    """That the text of a tenant's calls is kept, and the key that it is sealed with."""

    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which passages a request is given, and how."""

    collections: Sequence[str] = ()
    top_k: int = 5
    min_score: float = 0.3
    form: str = "search_result"  # | document | text
    max_tokens: int = 2000
    citations: bool = True
    tool: bool = False  # the model searches by itself, where it can be let


@dataclass(frozen=True, slots=True)
class Passages:
    """The collections that a key may use, by name, whether each is required, and what its requests are given."""

    collections: Mapping[str, bool]
    default: Wanted
    secret: bytes = field(repr=False)  # what its turns are known again by


@dataclass(frozen=True, slots=True)
class TenantRules:
    """What holds for all keys of a tenant."""

    id: UUID
    slug: str
    is_active: bool
    timezone: str
    model_aliases: Mapping[str, str]
    upstreams: Sequence[UpstreamRules]  # by priority
    limits: RateLimits | None = None
    budgets: Sequence[Budget] = ()
    policy: Policy | None = None  # None: there are no rules
    detectors: Mapping[str, UpstreamRules] = field(default_factory=dict)  # servers that its rules may ask, by name
    transcripts: TranscriptRules | None = None  # None: no text is kept


@dataclass(frozen=True, slots=True)
class Caller:
    """The snapshot behind one secret: tenant, key and what they may do."""

    tenant: TenantRules
    key_id: UUID
    key_name: str
    is_revoked: bool
    scopes: frozenset[str]
    models: Globs
    ip_allow: Sequence[IPv4Network | IPv6Network]
    expires_at: datetime | None  # the sooner of the key's and the secret's
    metadata: Mapping[str, Any]
    limits: RateLimits | None = None
    budgets: Sequence[Budget] = ()
    privacy: Privacy | None = None  # None: nothing is looked for
    passages: Passages | None = None  # None: there are no documents that it may use
    cache: CacheRules | None = None  # None: nothing is kept
    marking: Marking | None = None  # None: prompts are marked by their clients alone
    client: str = ""  # what is recorded as the client, whatever it calls itself
    session_digest: str = ""  # the secret is good in this browser session alone; "": anywhere


Step: TypeAlias = tuple[str, int, dict[str, Any]]
"""A step's name, its time in µs, and what it decided. A plain tuple: eight are made for every call."""


class Trace:
    """What each step of a call decided, in order: the source of the log, the headers and the dry run."""

    __slots__ = ("steps",)

    def __init__(self, steps: Sequence[Step] = ()) -> None:
        self.steps = list(steps)

    def note(self, name: str, started: float, **facts: Any) -> None:
        """Record a step begun at `started` (time.perf_counter) and ended now."""
        self.steps.append((name, int((time.perf_counter() - started) * 1_000_000), facts))

    def as_json(self) -> list[dict[str, Any]]:
        """The steps as plain JSON values."""
        return [{"step": name, "us": micros, **facts} for name, micros, facts in self.steps]


@dataclass(frozen=True, slots=True)
class Call:
    """An authenticated request whose body is well formed."""

    inbound: Inbound
    caller: Caller
    endpoint: str  # "messages" | "count_tokens"
    document: Document
    model: str
    is_streaming: bool
    is_dry_run: bool
    trace: Trace


@dataclass(frozen=True, slots=True)
class CleanCall(Call):
    """A call to which the tenant's privacy rules were applied. Only `steps.pii` makes one."""

    asked: Document  # what the client sent


@dataclass(frozen=True, slots=True)
class Outbound:
    """A call with its upstream chosen and every rewrite done: what may leave the proxy."""

    call: CleanCall
    upstream: UpstreamRules
    model: str  # our name of what is served: what it is priced by
    sent_as: str  # the upstream's own name of it
    body: bytes
