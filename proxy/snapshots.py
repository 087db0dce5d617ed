"""Snapshots built from the database: the one place where the data plane reads tenants."""

import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from ipaddress import ip_network
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections

from proxy.call import (
    Budget,
    CacheRules,
    Caller,
    Degrading,
    LikenessRules,
    Marking,
    Passages,
    Privacy,
    RateLimits,
    TenantRules,
    TranscriptRules,
    UpstreamRules,
    Wanted,
)
from proxy.directory import SourceDown
from proxy.formats.globs import Globs
from proxy.ledger import prices
from proxy.privacy.compiling import compiled
from proxy.rules import compiling
from tenants import (
    audit,
    caching,
    detectors,
    placeholder_keys,
    queries,
    retrieval,
    secrets,
    transcript_keys,
    transcripts,
)
from tenants.models import ApiKey, Tenant, Upstream
from tenants.validators import BUDGET_UNITS

log = structlog.get_logger(__name__)
LEAST_COUNT_TOKENS_RPM = 100
"""What a limit of requests leaves to `count_tokens`, which costs nothing, unless it is limited by itself."""
PLAYGROUND = "playground"
"""The client of calls that people make from the browser."""
P = ParamSpec("P")
T = TypeVar("T")


def _asks_database(function: Callable[P, T]) -> Callable[P, T]:
    """Connections are per thread here, outside Django's request cycle: drop broken ones ourselves."""

    def ask(*args: P.args, **kwargs: P.kwargs) -> T:
        close_old_connections()
        try:
            return function(*args, **kwargs)
        except (DatabaseError, InterfaceError) as error:
            raise SourceDown(type(error).__name__) from error

    return ask


class DatabaseSource:
    """`directory.Source` over Django's ORM."""

    @staticmethod
    @_asks_database
    def caller(digests: Sequence[str]) -> Caller | None:
        """The snapshot behind a secret's digests."""
        row = queries.secret_row(list(digests))
        if row is not None:
            return _caller(row.key, row.expires_at)
        stand_in = queries.playground_pass(digests)
        if stand_in is None:
            return None
        caller = _caller(stand_in.key, stand_in.expires_at)
        return replace(caller, client=PLAYGROUND, session_digest=stand_in.session_digest)

    @staticmethod
    @_asks_database
    def prices() -> prices.PriceBook:
        """What tokens cost, as it stands now."""
        return prices.load()

    @staticmethod
    @_asks_database
    def needs_detection() -> bool:
        """Whether any tenant or key wants personal data found."""
        tenants = Tenant.objects.exclude(pii={}).values_list("pii", flat=True)
        if any(compiled(settings, {}) for settings in tenants):
            return True
        keys = ApiKey.objects.exclude(pii={}).exclude(tenant__pii={}).values_list("tenant__pii", "pii")
        return any(compiled(settings, own) for settings, own in keys)

    @staticmethod
    @_asks_database
    def needs_likenesses() -> bool:
        """Whether any tenant or key wants kept answers given to like questions."""
        wanted = {"cache__semantic__enabled": True}
        return Tenant.objects.filter(**wanted).exists() or ApiKey.objects.filter(**wanted).exists()

    @staticmethod
    @_asks_database
    def asked_detectors() -> set[str]:
        """The detectors that the rules of any tenant or of the platform ask off the event loop."""
        documents = [*Tenant.objects.exclude(policy={}).values_list("policy", flat=True), queries.platform_policy()]
        named = {rule["match"].get("detector", "") for document in documents for rule in document.get("rules", ())}
        return named & detectors.ASKED.keys()

    @staticmethod
    @_asks_database
    def revision() -> int:
        """The number of the latest change."""
        return audit.latest_revision()

    @staticmethod
    @_asks_database
    def changes(since: int) -> Sequence[tuple[int, UUID | None]]:
        """(revision, tenant) of each later change, in order."""
        return audit.since(since)


def _caller(key: ApiKey, secret_expires_at: datetime | None) -> Caller:
    return Caller(
        tenant=tenant_rules(key.tenant),
        key_id=key.id,
        key_name=key.name,
        is_revoked=key.status != ApiKey.Status.ACTIVE,
        scopes=frozenset(key.scopes),
        models=Globs(key.model_globs),
        ip_allow=[ip_network(cidr) for cidr in key.ip_allow],
        expires_at=_sooner(key.expires_at, secret_expires_at),
        metadata=key.metadata,
        limits=limits_of(key.limits),
        budgets=budgets_of(key.id, key.budgets),
        privacy=_privacy(key),
        passages=_passages(key),
        cache=_cache(key),
        marking=_marking(key),
    )


def _sooner(first: datetime | None, second: datetime | None) -> datetime | None:
    return min(filter(None, (first, second)), default=None)


def _privacy(key: ApiKey) -> Privacy | None:
    """Without the placeholders' key calls are refused, never sent unsearched."""
    rules = compiled(key.tenant.pii, key.pii)
    if rules is None:
        return None
    try:
        return Privacy(rules, placeholder_keys.of(key.tenant))
    except secrets.CannotDecrypt as error:
        log.error("key of placeholders cannot be decrypted", tenant=str(key.tenant), error=str(error))
        return Privacy(rules, None)


def _passages(key: ApiKey) -> Passages | None:
    """A collection that the settings name and that the key may not use, or no more, is passed over."""
    usable = {row.name: row.is_required for row in queries.collections_of_key(key)}
    if not usable:
        return None
    given = retrieval.effective(key.tenant.inject, key.inject)
    given["form"] = given.pop("as")
    given["collections"] = tuple(name for name in given["collections"] if name in usable)
    return Passages(usable, Wanted(**given), _secret(b"passages" + key.id.bytes))


def tenant_rules(tenant: Tenant) -> TenantRules:
    """What holds for all calls of the tenant, as it is now."""
    return TenantRules(
        id=tenant.id,
        slug=tenant.slug,
        is_active=tenant.status == Tenant.Status.ACTIVE,
        timezone=tenant.timezone,
        model_aliases=tenant.model_aliases,
        upstreams=[_upstream(row) for row in queries.enabled_upstreams(tenant)],
        detectors={row.name: _upstream(row) for row in queries.enabled_detectors(tenant)},
        limits=limits_of(tenant.limits),
        budgets=budgets_of(tenant.id, tenant.budgets),
        policy=compiling.compiled(queries.platform_policy(), tenant.policy),
        transcripts=_transcripts(tenant),
    )


def _transcripts(tenant: Tenant) -> TranscriptRules | None:
    """Where the key cannot be opened nothing is kept: never in clear, never under another key."""
    if not transcripts.effective(tenant.transcripts)["enabled"]:
        return None
    try:
        return TranscriptRules(transcript_keys.of(tenant))
    except secrets.CannotDecrypt as error:
        log.error("key of kept text cannot be decrypted", tenant=str(tenant), error=str(error))
        return None


def _cache(key: ApiKey) -> CacheRules | None:
    given = caching.effective(key.tenant.cache, key.cache)
    exact, semantic = given["exact"], given["semantic"]
    if not exact["enabled"]:
        return None
    return CacheRules(
        secret=_secret(b"answers" + key.tenant_id.bytes),
        ttl_seconds=exact["ttl"],
        most_bytes=exact["max_mb"] * 1024 * 1024,
        keeps_sampled=exact["sampled"],
        keeps_tool_results=exact["tool_results"],
        is_single_flight=exact["single_flight"],
        likeness=LikenessRules(semantic["threshold"], semantic["ttl"]) if semantic["enabled"] else None,
    )


def _marking(key: ApiKey) -> Marking | None:
    is_wanted = caching.effective(key.tenant.cache, key.cache)["prompt"]["enabled"]
    return Marking(_secret(b"prompts" + key.tenant_id.bytes)) if is_wanted else None


def _secret(purpose: bytes) -> bytes:
    return hmac.digest(next(iter(settings.ENCRYPTION_KEYS.values())), purpose, "sha256")


def budgets_of(owner: UUID, given: Sequence[Mapping[str, Any]]) -> list[Budget]:
    """A tenant's or key's budgets as they are stored, in the units that are counted."""
    budgets = []
    for budget in given:
        unit = next(unit for unit in BUDGET_UNITS if unit in budget)
        amount = budget[unit]
        if unit == "usd":
            amount = int(Decimal(str(amount)).scaleb(9))
        is_blocking = budget.get("on_exceed", "block") == "block"
        degrading = tuple(Degrading(**step) for step in budget.get("degrade", ()))
        budgets.append(Budget(owner, unit, budget["period"], amount, is_blocking, degrading))
    return budgets


def limits_of(given: Mapping[str, int]) -> RateLimits | None:
    """None where nothing is limited: such a call asks no bucket."""
    if not given:
        return None
    requests = given.get("rpm")
    return RateLimits(
        requests=requests,
        # Claude Code counts the parts of its context with 26 requests at once.
        count_tokens=given.get("count_tokens_rpm", max(requests, LEAST_COUNT_TOKENS_RPM) if requests else None),
        input_tokens=given.get("input_tpm"),
        output_tokens=given.get("output_tpm"),
        concurrency=given.get("concurrency"),
    )


def _credential(row: Upstream) -> str | None:
    """None where it cannot be decrypted: such an upstream is refused, never asked without a credential."""
    try:
        return queries.credential_of(row)
    except secrets.CannotDecrypt as error:
        log.error("stored credential cannot be decrypted", upstream=str(row), error=str(error))
        return None


def _upstream(row: Upstream) -> UpstreamRules:
    return UpstreamRules(
        id=row.id,
        name=row.name,
        kind=row.kind,
        base_url=row.base_url,
        credential=_credential(row),
        models=Globs(row.model_globs),
        model_aliases=row.model_aliases,
        connect_timeout_seconds=row.connect_timeout_seconds,
        read_timeout_seconds=row.read_timeout_seconds,
        max_connections=row.max_connections,
    )
