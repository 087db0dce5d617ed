"""Makes the values of the pipeline for tests, with what a test does not name filled in."""

import json
import time
from collections.abc import Sequence
from datetime import datetime
from ipaddress import ip_network
from uuid import UUID, uuid4

from proxy.call import (
    Budget,
    CacheRules,
    Caller,
    CleanCall,
    Inbound,
    Marking,
    Passages,
    Privacy,
    RateLimits,
    TenantRules,
    Trace,
    TranscriptRules,
    UpstreamRules,
)
from proxy.formats.document import Document
from proxy.formats.globs import Globs
from proxy.rules.policy import Policy

HEADERS = [(b"anthropic-version", b"2023-06-01"), (b"content-type", b"application/json")]
HELLO = {"model": "claude-sonnet-5-5", "max_tokens": 16, "messages": [{"role": "user", "content": "hello"}]}


def inbound(
    *,
    method: str = "POST",
    path: str = "/v1/messages",
    query: bytes = b"",
    headers: Sequence[tuple[bytes, bytes]] = (),
    client_ip: str = "192.0.2.1",
) -> Inbound:
    return Inbound(method, path, query, [*HEADERS, *headers], client_ip, "req_test", time.perf_counter())


def upstream(
    name: str = "main",
    *,
    kind: str = "anthropic",
    base_url: str = "https://upstream.test",
    credential: str | None = "sk-ant-test",
    models: Sequence[str] = ("*",),
    model_aliases: dict[str, str] | None = None,
    connect_timeout_seconds: float = 1.0,
    read_timeout_seconds: float = 5.0,
    max_connections: int = 10,
) -> UpstreamRules:
    return UpstreamRules(
        id=uuid4(),
        name=name,
        kind=kind,
        base_url=base_url,
        credential=credential,
        models=Globs(models),
        model_aliases=model_aliases or {},
        connect_timeout_seconds=connect_timeout_seconds,
        read_timeout_seconds=read_timeout_seconds,
        max_connections=max_connections,
    )


def caller(
    *,
    slug: str = "acme",
    tenant_id: UUID | None = None,
    upstreams: Sequence[UpstreamRules] | None = None,
    model_aliases: dict[str, str] | None = None,
    models: Sequence[str] = ("*",),
    scopes: Sequence[str] = ("messages", "models", "usage"),
    is_active: bool = True,
    is_revoked: bool = False,
    expires_at: datetime | None = None,
    ip_allow: Sequence[str] = (),
    limits: RateLimits | None = None,
    tenant_limits: RateLimits | None = None,
    budgets: Sequence[Budget] = (),
    tenant_budgets: Sequence[Budget] = (),
    key_id: UUID | None = None,
    privacy: Privacy | None = None,
    cache: CacheRules | None = None,
    marking: Marking | None = None,
    policy: Policy | None = None,
    passages: Passages | None = None,
    transcripts: TranscriptRules | None = None,
) -> Caller:
    tenant = TenantRules(
        id=tenant_id or uuid4(),
        slug=slug,
        is_active=is_active,
        timezone="UTC",
        model_aliases=model_aliases or {},
        upstreams=[upstream()] if upstreams is None else upstreams,
        limits=tenant_limits,
        budgets=tenant_budgets,
        policy=policy,
        transcripts=transcripts,
    )
    return Caller(
        tenant=tenant,
        key_id=key_id or uuid4(),
        key_name="ci",
        is_revoked=is_revoked,
        scopes=frozenset(scopes),
        models=Globs(models),
        ip_allow=[ip_network(cidr) for cidr in ip_allow],
        expires_at=expires_at,
        metadata={},
        limits=limits,
        budgets=budgets,
        privacy=privacy,
        passages=passages,
        cache=cache,
        marking=marking,
    )


def call(
    body: dict[str, object] | bytes = HELLO, *, by: Caller | None = None, asked: Inbound | None = None
) -> CleanCall:
    """A call in whatever stage a step takes it."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    document = Document.parse(raw)
    return CleanCall(
        inbound=asked or inbound(),
        caller=by or caller(),
        endpoint="messages",
        document=document,
        model=str(document.get("model")),
        is_streaming=document.get("stream") is True,
        is_dry_run=False,
        trace=Trace(),
        asked=document,
    )
