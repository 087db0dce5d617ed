"""Writes an event down once, with a delivery to each channel that wants it, in one transaction.

The natural key names the event and its window. Two processes that find it in the same moment meet at the database's
unique constraint: one of them writes it, the other finds that it is there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from proxy.alerts.models import Alert, Delivery, Severity
from tenants.models import AlertChannel, Tenant

MAIL_AFTER = timedelta(seconds=10)
"""A mail waits so long for others to share it."""
DAMPING = timedelta(minutes=10)
"""A condition that ended is not told again before; what flaps is told twice, not for ever."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An event before it is known to be new. Without a tenant it concerns the whole installation."""

    kind: str
    severity: Severity
    title: str
    text: str = ""
    tenant: Tenant | None = None
    subject: tuple[str, str] = ("", "")  # type and id of what it is about
    facts: Mapping[str, Any] = field(default_factory=dict)


def record(draft: Draft, key: str, at: datetime, *, source: str = "") -> Alert | None:
    """The event as written, None if it was known. Raises django.db.Error."""
    if Alert.objects.filter(natural_key=key).exists():
        return None
    alert = _alert(draft, key, at, source)
    with transaction.atomic():
        Alert.objects.bulk_create([alert], ignore_conflicts=True)
        if not Alert.objects.filter(pk=alert.pk).exists():
            return None  # another process was first
        Delivery.objects.bulk_create(_deliveries(alert, at))
    return alert


def begin(source: str, draft: Draft, at: datetime) -> Alert | None:
    """The condition holds: the event, unless it is known or has only just ended."""
    last = Alert.objects.filter(source=source).order_by("-at").first()
    if last is not None and (last.resolved_at is None or at - last.resolved_at < DAMPING):
        return None
    return record(draft, f"{source}:after:{last.pk if last else 'nothing'}", at, source=source)


def end(source: str, draft: Draft | None, at: datetime) -> Alert | None:
    """The condition holds no more: the event that says so, if it was known to hold and there is one."""
    last = Alert.objects.filter(source=source, resolved_at=None).order_by("-at").first()
    if last is None:
        return None
    with transaction.atomic():
        if not Alert.objects.filter(pk=last.pk, resolved_at=None).update(resolved_at=at):
            return None
        return record(draft, f"{source}:end:{last.pk}", at) if draft else None


def _alert(draft: Draft, key: str, at: datetime, source: str) -> Alert:
    return Alert(
        natural_key=key,
        source=source,
        tenant_id=draft.tenant.pk if draft.tenant else None,
        tenant_slug=draft.tenant.slug if draft.tenant else "",
        kind=draft.kind,
        severity=draft.severity,
        title=draft.title[:300],
        text=draft.text[:1000],
        object_type=draft.subject[0],
        object_id=draft.subject[1],
        facts=dict(draft.facts),
        at=at,
    )


def _deliveries(alert: Alert, at: datetime) -> list[Delivery]:
    if alert.tenant_id is None:
        return [Delivery(alert=alert, next_at=at + MAIL_AFTER)]
    channels = AlertChannel.objects.filter(tenant_id=alert.tenant_id, is_enabled=True)
    waits = {AlertChannel.Kind.EMAIL: MAIL_AFTER}
    return [
        Delivery(alert=alert, channel=channel, next_at=at + waits.get(AlertChannel.Kind(channel.kind), timedelta(0)))
        for channel in channels
        if alert.kind in channel.events
    ]
