"""Where a tenant's alerts are sent, beside its pages."""

import uuid

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import models

from tenants import destinations, validators
from tenants.models.organisation import Tenant

_MAX_RECIPIENTS = 20


class EventKind(models.TextChoices):
    """What can happen to a tenant that somebody should know of (docs/alerts.md)."""

    BUDGET_THRESHOLD = "budget.threshold", "A budget crosses a threshold"
    BUDGET_BLOCKED = "budget.blocked", "A budget refuses requests"
    UPSTREAM_FAILING = "upstream.failing", "An upstream fails"
    UPSTREAM_RECOVERED = "upstream.recovered", "An upstream answers again"
    KEY_EXPIRING = "key.expiring", "A key is about to expire"


def all_event_kinds() -> list[str]:
    """What a channel is told unless its creator narrows it."""
    return [str(kind) for kind in EventKind.values]


def check_event_kinds(value: object) -> None:
    if not isinstance(value, list) or not value or not all(kind in EventKind.values for kind in value):
        raise ValidationError(f"Give a list of some of: {', '.join(EventKind.values)}.")


def check_recipients(value: object) -> None:
    """A list of e-mail addresses."""
    if not isinstance(value, list) or len(value) > _MAX_RECIPIENTS:
        raise ValidationError(f"Give a list of up to {_MAX_RECIPIENTS} e-mail addresses.")
    for address in value:
        try:
            validate_email(address)
        except ValidationError:
            raise ValidationError(f"{str(address)[:200]!r} is not an e-mail address.") from None


class AlertChannel(models.Model):
    """People or a program that are told when something happens."""

    class Kind(models.TextChoices):
        EMAIL = "email", "E-mail"
        WEBHOOK = "webhook", "Webhook"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="alert_channels")
    name = models.CharField(max_length=100, validators=[validators.check_label])
    kind = models.CharField(max_length=16, choices=Kind.choices)
    events = models.JSONField(
        default=all_event_kinds,
        validators=[check_event_kinds],
        error_messages={"blank": "Name at least one kind of event."},
        help_text="Which kinds of events it is told.",
    )
    recipients = models.JSONField(
        default=list, blank=True, validators=[check_recipients], help_text="Of an e-mail channel."
    )
    url = models.CharField("URL", max_length=500, blank=True, help_text="Of a webhook.")
    secret = models.BinaryField(null=True, editable=False, help_text="AEAD ciphertext of the signing secret.")
    secret_version = models.PositiveIntegerField(null=True, editable=False)
    old_secret = models.BinaryField(null=True, editable=False, help_text="Signs too until a rotation is over.")
    old_secret_version = models.PositiveIntegerField(null=True, editable=False)
    old_secret_until = models.DateTimeField(null=True, editable=False)
    is_enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["tenant", "name"]
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="channel_names_are_unique_in_a_tenant")]

    def __str__(self) -> str:
        return f"{self.tenant}/{self.name}"

    def clean(self) -> None:
        errors = {}
        if AlertChannel.objects.filter(tenant=self.tenant_id, name=self.name).exclude(pk=self.pk).exists():
            errors["name"] = "The tenant has a channel of this name already."
        if self.kind == self.Kind.EMAIL:
            if not self.recipients:
                errors["recipients"] = "Give at least one e-mail address."
            if self.url:
                errors["url"] = "An e-mail channel has no URL."
        elif self.kind == self.Kind.WEBHOOK:
            if self.recipients:
                errors["recipients"] = "A webhook has a URL instead."
            try:
                destinations.check_url(self.url)
            except destinations.Forbidden as forbidden:
                errors["url"] = str(forbidden)
        if errors:
            raise ValidationError(errors)
