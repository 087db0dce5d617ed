"""Changes of tenants."""

from typing import Any, TypedDict, Unpack

from tenants import audit, placeholder_keys, queries, retrieval, transcript_keys
from tenants.actions import policies, rows
from tenants.models import Tenant


class TenantOptions(TypedDict, total=False):
    """What a new tenant may be given beside slug and name."""

    timezone: str | None
    model_aliases: dict[str, str] | None
    settings: dict[str, Any] | None
    require_mfa: bool | None
    limits: dict[str, int] | None
    budgets: list[dict[str, Any]] | None
    alert_at: list[int] | None
    pii: dict[str, Any] | None
    policy: dict[str, Any] | None
    cache: dict[str, Any] | None
    transcripts: dict[str, Any] | None


class TenantChanges(TenantOptions, total=False):
    """What may be changed of a tenant. Its slug may not: usage records and clients' links name it."""

    name: str
    status: str
    inject: dict[str, Any] | None


def create_tenant(*, actor: str, slug: str, name: str, **options: Unpack[TenantOptions]) -> Tenant:
    """A new, active tenant."""
    with audit.change(actor=actor) as trail:
        row = Tenant(slug=slug)
        rows.fill(row, {"name": name, **options}, TenantChanges.__annotations__)
        if row.inject:
            _check_collections(row)
        _ensure_keys(row)
        trail.record("tenant.create", row, rows.insert(row, ["slug", "name", *options]))
        if row.policy:
            policies.note_policy(row, author=trail.actor)
    return row


def change_tenant(*, actor: str, tenant: Tenant, **changes: Unpack[TenantChanges]) -> Tenant:
    """The tenant as changed. Suspending it (`status`) refuses all its keys within a second."""
    with audit.change(actor=actor) as trail:
        row = rows.fresh(tenant)
        done = rows.edit(row, changes, TenantChanges.__annotations__)
        if "inject" in done:
            _check_collections(row)
        if done:
            row.save(update_fields=[*done, *_ensure_keys(row)])
            trail.record("tenant.change", row, done)
            if "policy" in done:
                policies.note_policy(row, author=trail.actor)
    return row


def note_purge(*, actor: str, tenant: Tenant, which: dict[str, str], count: int) -> None:
    """Say in the audit that kept answers were forgotten, and which."""
    with audit.change(actor=actor) as trail:
        trail.record(
            "cache.purge",
            rows.fresh(tenant),
            {**{name: [None, value] for name, value in which.items()}, "answers": [count, 0]},
        )


def delete_tenant(*, actor: str, tenant: Tenant) -> None:
    """The tenant goes, and with it its members, keys and upstreams. Its usage records and audit entries stay."""
    with audit.change(actor=actor) as trail:
        row = rows.fresh(tenant)
        trail.record("tenant.delete", row)
        row.delete()


def note_forgotten_transcripts(*, actor: str, tenant: Tenant, count: int) -> None:
    """Say in the audit that the kept text of calls was deleted, and of how many."""
    with audit.change(actor=actor) as trail:
        trail.record("transcripts.purge", rows.fresh(tenant), {"calls": [count, 0]})


def note_transcript_seen(*, actor: str, tenant: Tenant, request_id: str) -> None:
    """Say in the audit that somebody looked at the kept text of a call."""
    with audit.change(actor=actor) as trail:
        trail.record("transcripts.view", rows.fresh(tenant), {"request": [None, request_id]})


def _ensure_keys(row: Tenant) -> list[str]:
    """Give it the keys that its settings ask for; the columns they are in."""
    placeholder_keys.ensure(row)
    transcript_keys.ensure(row)
    return [*placeholder_keys.KEY.columns, *transcript_keys.KEY.columns]


def _check_collections(row: Tenant) -> None:
    """Not at every change: a collection that is removed later is passed over, and keeps no tenant from changing."""
    known = {collection.name for collection in queries.collections_of(row)}
    rows.check("inject", lambda: retrieval.check_names(row.inject, known))
