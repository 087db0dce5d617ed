"""What people's tools present: keys, their secrets, and what they may do."""

import uuid

from django.core.exceptions import ValidationError
from django.db import models

from tenants import caching, privacy, retrieval, validators
from tenants.models import defaults
from tenants.models.organisation import Tenant


class Scope(models.TextChoices):
    """What a key may be used for."""

    MESSAGES = "messages", "Ask models (messages, count_tokens)"
    MODELS = "models", "List models"
    USAGE = "usage", "See what it used and has left"
    DOCUMENTS = "documents", "Load, search and remove documents"


def default_scopes() -> list[str]:
    """What a key may do unless its creator narrows it."""
    return [Scope.MESSAGES.value, Scope.MODELS.value, Scope.USAGE.value]


def check_scopes(value: object) -> None:
    if not isinstance(value, list) or not all(scope in Scope.values for scope in value):
        raise ValidationError(f"Give a list of some of: {', '.join(Scope.values)}.")


class ApiKey(models.Model):
    """The rules of one credential; its secrets are `KeySecret` rows, so that it survives rotation."""

    class Status(models.TextChoices):
        ACTIVE = "active"
        REVOKED = "revoked"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="keys")
    name = models.CharField(max_length=100, validators=[validators.check_label])
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.ACTIVE)
    scopes = models.JSONField(
        default=default_scopes,
        validators=[check_scopes],
        error_messages={"blank": "Name at least one scope."},
    )
    model_globs = models.JSONField(
        default=defaults.all_models,
        validators=[validators.check_globs],
        error_messages={"blank": "Name at least one glob; * is every model."},
        help_text="Globs of the models it may ask for.",
    )
    ip_allow = models.JSONField(
        default=list,
        blank=True,
        validators=[validators.check_networks],
        help_text="CIDRs it may call from; empty: anywhere.",
    )
    limits = models.JSONField(
        default=dict,
        blank=True,
        validators=[validators.check_limits],
        help_text="What it may use in a minute, beside the tenant's own limits.",
    )
    budgets = models.JSONField(
        default=list,
        blank=True,
        validators=[validators.check_budgets],
        help_text="What it may use in a period, beside the tenant's own budgets.",
    )
    pii = models.JSONField(
        "personal data",
        default=dict,
        blank=True,
        validators=[privacy.check_overrides],
        help_text="Where it differs from the tenant's.",
    )
    inject = models.JSONField(
        "passages in requests",
        default=dict,
        blank=True,
        validators=[retrieval.check_settings],
        help_text="Where it differs from the tenant's.",
    )
    cache = models.JSONField(
        "kept answers",
        default=dict,
        blank=True,
        validators=[caching.check_overrides],
        help_text="Where it differs from the tenant's.",
    )
    metadata = models.JSONField(default=dict, blank=True, validators=[validators.check_metadata])
    expires_at = models.DateTimeField(null=True, blank=True, validators=[validators.check_aware])
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["tenant", "name"]
        verbose_name = "API key"
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "name"],
                condition=models.Q(status="active"),
                name="active_key_names_are_unique_in_a_tenant",
            )
        ]

    def __str__(self) -> str:
        return f"{self.tenant}/{self.name}"

    def clean(self) -> None:
        others = ApiKey.objects.filter(tenant=self.tenant_id, name=self.name, status=self.Status.ACTIVE)
        if self.status == self.Status.ACTIVE and others.exclude(pk=self.pk).exists():
            raise ValidationError({"name": "The tenant has an active key of this name already."})
        if self.pii:
            self._check_types()

    def _check_types(self) -> None:
        before = ApiKey.objects.filter(pk=self.pk).values_list("pii", flat=True).first()
        if before == self.pii:
            return  # the tenant may have dropped a type since: that is no reason to refuse other changes
        settings = Tenant.objects.values_list("pii", flat=True).get(pk=self.tenant_id)  # as they are now
        try:
            privacy.check_names(self.pii, privacy.own_names(settings))
        except ValidationError as wrong:
            raise ValidationError({"pii": wrong.messages}) from None


class KeySecret(models.Model):
    """One secret of a key: its HMAC, and what may be shown of it."""

    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="secrets")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    pepper_version = models.PositiveIntegerField(editable=False)
    prefix = models.CharField(max_length=16, editable=False)
    last_four = models.CharField(max_length=4, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Set when a rotation replaced it.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return f"{self.prefix}…{self.last_four}"
