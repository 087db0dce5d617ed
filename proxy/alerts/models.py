"""What happened, and to whom it was told. Written by the alerts themselves; people only acknowledge."""

import uuid

from django.db import models

from tenants.models import AlertChannel, EventKind


class PlatformKind(models.TextChoices):
    """What concerns the whole installation; platform staff are told."""

    LIMITS_DEGRADED = "limits.degraded", "The store of rate limits is away"
    LIMITS_RESTORED = "limits.restored", "The store of rate limits is back"
    AUDIT_BROKEN = "audit.broken", "The audit trail does not verify"
    AUDIT_INTACT = "audit.intact", "The audit trail verifies again"


TEST = "test"
"""The kind of an event that somebody sent to try a channel."""
KINDS = [*EventKind.choices, *PlatformKind.choices, (TEST, "A test")]


class Severity(models.TextChoices):
    INFO = "info", "Information"
    WARN = "warn", "Warning"
    BAD = "bad", "Problem"


def new_id() -> str:
    """Also the `webhook-id` under which receivers know it again."""
    return f"evt_{uuid.uuid4().hex}"


class Alert(models.Model):
    """One event. The tenant is an id and a name of its time: the record outlives it until its retention ends."""

    id = models.CharField(primary_key=True, max_length=40, default=new_id)
    natural_key = models.CharField(max_length=250, unique=True, help_text="What makes it happen once.")
    source = models.CharField(
        max_length=120, blank=True, db_index=True, help_text="Of a condition that begins and ends: what is in it."
    )
    tenant_id = models.UUIDField(null=True, help_text="None: it concerns the whole installation.")
    tenant_slug = models.CharField(max_length=63, blank=True)
    kind = models.CharField(max_length=32, choices=KINDS)
    severity = models.CharField(max_length=8, choices=Severity.choices)
    title = models.CharField(max_length=300)
    text = models.CharField(max_length=1000, blank=True)
    object_type = models.CharField(max_length=32, blank=True)
    object_id = models.CharField(max_length=64, blank=True)
    facts = models.JSONField(default=dict, help_text="The figures behind it, as receivers get them.")
    at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [
            models.Index(fields=["tenant_id", "-at"], name="alerts_by_tenant"),
            models.Index(
                fields=["tenant_id"], condition=models.Q(acknowledged_at=None), name="alerts_not_acknowledged"
            ),
        ]

    def __str__(self) -> str:
        return self.title


class Delivery(models.Model):
    """One alert on its way to one channel. Without a channel: to the operators' mailboxes."""

    class State(models.TextChoices):
        PENDING = "pending", "Under way"
        DELIVERED = "delivered", "Delivered"
        DEAD = "dead", "Given up"

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="deliveries")
    channel = models.ForeignKey(AlertChannel, null=True, on_delete=models.CASCADE, related_name="deliveries")
    state = models.CharField(max_length=16, choices=State.choices, default=State.PENDING)
    attempts = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField()
    claimed_until = models.DateTimeField(null=True, help_text="A worker is sending it; after that another may.")
    status = models.PositiveSmallIntegerField(null=True, help_text="HTTP status of the last answer.")
    error = models.CharField(max_length=300, blank=True, help_text="Why the last attempt failed.")
    tries = models.JSONField(default=list, help_text="Each attempt: when, status, error, milliseconds.")
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(fields=["alert", "channel"], name="one_delivery_per_alert_and_channel"),
            models.UniqueConstraint(
                fields=["alert"], condition=models.Q(channel=None), name="one_delivery_per_alert_to_operators"
            ),
        ]
        indexes = [
            models.Index(fields=["next_at"], condition=models.Q(state="pending"), name="deliveries_due"),
            models.Index(fields=["channel", "-created_at"], name="deliveries_by_channel"),
        ]

    def __str__(self) -> str:
        return f"{self.alert_id} to {self.channel or 'the operators'}"
