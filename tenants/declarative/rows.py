"""Rows as the file shows them: the same words for the difference and for `export`."""

from typing import Any

from tenants.models import AlertChannel, ApiKey, Collection, Tenant, Upstream


def tenant_fields(row: Tenant) -> dict[str, Any]:
    """A tenant's own fields."""
    return {
        "slug": row.slug,
        "name": row.name,
        "status": str(row.status),
        "timezone": row.timezone,
        "require_mfa": row.require_mfa,
        "model_aliases": row.model_aliases,
        "limits": row.limits,
        "budgets": row.budgets,
        "alert_at": row.alert_at,
        "pii": row.pii,
        "policy": row.policy,
        "cache": row.cache,
        "transcripts": row.transcripts,
    }


def channel_fields(row: AlertChannel) -> dict[str, Any]:
    """A channel's fields, its signing secret left out."""
    where = {"url": row.url} if row.kind == AlertChannel.Kind.WEBHOOK else {"to": row.recipients}
    return {"name": row.name, "kind": str(row.kind), **where, "events": row.events, "enabled": row.is_enabled}


def upstream_fields(row: Upstream) -> dict[str, Any]:
    """An upstream's fields, its credential left out."""
    fields = {
        "name": row.name,
        "kind": str(row.kind),
        "base_url": row.base_url,
        "models": row.model_globs,
        "model_aliases": row.model_aliases,
        "priority": row.priority,
        "enabled": row.is_enabled,
        "connect_timeout_seconds": row.connect_timeout_seconds,
        "read_timeout_seconds": row.read_timeout_seconds,
        "max_connections": row.max_connections,
    }
    if row.kind == Upstream.Kind.SIMULATOR:
        del fields["base_url"]
    return fields


def collection_fields(row: Collection) -> dict[str, Any]:
    """A collection's rules; its documents are no configuration."""
    return {
        "name": row.name,
        "description": row.description,
        "embedding": row.embedding,
        "chunk_tokens": row.chunk_tokens,
        "chunk_overlap": row.chunk_overlap,
        "reranking": row.reranking,
        "personal_data": row.personal_data,
        "suspicious": row.suspicious,
        "required": row.is_required,
        "keys": row.key_globs,
        "roles": row.roles,
    }


def key_fields(row: ApiKey) -> dict[str, Any]:
    """A key's rules; nothing of its secrets."""
    return {
        "name": row.name,
        "scopes": row.scopes,
        "models": row.model_globs,
        "ip_allow": row.ip_allow,
        "expires_at": row.expires_at,
        "metadata": row.metadata,
        "limits": row.limits,
        "budgets": row.budgets,
        "pii": row.pii,
        "cache": row.cache,
        "rag": {"inject": row.inject},
    }
