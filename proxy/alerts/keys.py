"""Finds keys that are about to expire: a week and a day before."""

from datetime import datetime, timedelta

from proxy.alerts import raising
from proxy.alerts.models import Alert, Severity
from proxy.alerts.raising import Draft
from proxy.ledger.budgets import words
from tenants.models import ApiKey, EventKind

_WARNINGS = ((1, Severity.BAD), (7, Severity.WARN))
"""Days before the end, the nearest first."""


def look(at: datetime) -> list[Alert]:
    """The keys that came near their end, each told once per warning and date."""
    soon = ApiKey.objects.select_related("tenant").filter(
        status=ApiKey.Status.ACTIVE, expires_at__gt=at, expires_at__lte=at + timedelta(days=_WARNINGS[-1][0])
    )
    found = []
    for key in soon.iterator():
        assert key.expires_at is not None
        days, severity = next(step for step in _WARNINGS if key.expires_at - at <= timedelta(days=step[0]))
        natural = f"{EventKind.KEY_EXPIRING}:{key.pk}:{key.expires_at:%Y%m%dT%H%M%SZ}:{days}d"
        found.append(raising.record(_draft(key, days, severity), natural, at))
    return [alert for alert in found if alert]


def _draft(key: ApiKey, days: int, severity: Severity) -> Draft:
    assert key.expires_at is not None
    ends = words.moment(key.expires_at, key.tenant.timezone)
    title = f"Key {key.name} expires within {'a day' if days == 1 else f'{days} days'}"
    text = f"It stops working on {ends}. Give it a later date, or issue another one."
    facts = {"key": {"id": str(key.pk), "name": key.name}, "expires_at": key.expires_at.isoformat()}
    return Draft(EventKind.KEY_EXPIRING, severity, title, text, key.tenant, ("key", str(key.pk)), facts)
