"""Finds what concerns the whole installation: the store of rate limits, and the audit trail."""

from datetime import datetime

import redis

from proxy.alerts import raising
from proxy.alerts.models import Alert, PlatformKind, Severity
from proxy.alerts.raising import Draft
from tenants import audit

_SECONDS = 2.0
_LIMITS, _AUDIT = "limits", "audit"


def look_at_store(redis_url: str, at: datetime, *, may_end: bool) -> Alert | None:
    """Whether Redis answers. A web process only begins the alert: that others cannot reach it is not over for them."""
    if not redis_url:
        return None
    wrong = _ping(redis_url)
    if wrong:
        text = "Each process counts for itself within its share of the limits until Redis is back. Budgets are exact."
        draft = Draft(PlatformKind.LIMITS_DEGRADED, Severity.BAD, "The store of rate limits is away", text)
        return raising.begin(_LIMITS, draft, at)
    draft = Draft(PlatformKind.LIMITS_RESTORED, Severity.INFO, "The store of rate limits is back")
    return raising.end(_LIMITS, draft, at) if may_end else None


def look_at_audit(at: datetime) -> Alert | None:
    """Whether the audit trail verifies; reads all of it."""
    verdict = audit.verify()
    if verdict.is_intact:
        draft = Draft(PlatformKind.AUDIT_INTACT, Severity.INFO, "The audit trail verifies again")
        return raising.end(_AUDIT, draft, at)
    text = f"{'; '.join(verdict.problems[:3])}. See docs/audit.md, and ask who could write to the database."
    draft = Draft(
        PlatformKind.AUDIT_BROKEN,
        Severity.BAD,
        "The audit trail does not verify",
        text,
        facts={"problems": list(verdict.problems), "head": str(verdict.head)},
    )
    return raising.begin(_AUDIT, draft, at)


def _ping(url: str) -> str:
    """Why Redis does not answer, '' if it does."""
    try:
        with redis.Redis.from_url(url, socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS) as client:
            client.ping()
    except (redis.RedisError, OSError, ValueError) as broken:
        return type(broken).__name__
    return ""
