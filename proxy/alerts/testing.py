"""Tries a channel with an event that says it is a test."""

from datetime import datetime

from proxy.alerts import delivering
from proxy.alerts.models import TEST, Alert, Delivery, Severity, new_id
from proxy.alerts.queue import CLAIM, Outcome
from tenants.models import AlertChannel


def send(channel: AlertChannel, at: datetime, *, by: str) -> tuple[Delivery, Outcome]:
    """Send it now, also where the channel is paused. It is in the list of alerts like every other, acknowledged."""
    alert_id = new_id()
    alert = Alert.objects.create(
        id=alert_id,
        natural_key=f"{TEST}:{alert_id}",
        tenant_id=channel.tenant_id,
        tenant_slug=channel.tenant.slug,
        kind=TEST,
        severity=Severity.INFO,
        title=f"A test of {channel.name}",
        text="Nothing happened. Somebody tried whether alerts arrive here.",
        at=at,
        acknowledged_at=at,
        acknowledged_by=by[:150],
    )
    delivery = Delivery.objects.create(alert=alert, channel=channel, next_at=at, claimed_until=at + CLAIM)
    return delivery, delivering.send_now(delivery, at)
