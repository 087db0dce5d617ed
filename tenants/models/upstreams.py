"""Where a tenant's calls may go."""

import uuid

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from tenants import destinations, validators
from tenants.models import defaults
from tenants.models.organisation import Tenant


class Upstream(models.Model):
    """A model provider that a tenant's calls may go to, or a detector that its rules may ask."""

    class Kind(models.TextChoices):
        ANTHROPIC = "anthropic", "Anthropic Messages API"
        SIMULATOR = "simulator", "Built-in simulator"
        DETECTOR = "detector", "Detector that rules ask about texts"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="upstreams")
    name = models.CharField(max_length=100, validators=[validators.check_label])
    kind = models.CharField(max_length=16, choices=Kind.choices, default=Kind.ANTHROPIC)
    base_url = models.CharField("base URL", max_length=500, blank=True)
    credential = models.BinaryField(null=True, editable=False, help_text="AEAD ciphertext, see tenants/secrets.py.")
    credential_version = models.PositiveIntegerField(null=True, editable=False)
    model_globs = models.JSONField(
        default=defaults.all_models,
        validators=[validators.check_globs],
        error_messages={"blank": "Name at least one glob; * is every model."},
        help_text="Globs of the models it serves.",
    )
    model_aliases = models.JSONField(
        default=dict,
        blank=True,
        validators=[validators.check_aliases],
        help_text="Our name → this upstream's name.",
    )
    priority = models.PositiveIntegerField(default=10, help_text="The lowest that serves the model is asked.")
    is_enabled = models.BooleanField(default=True)
    connect_timeout_seconds = models.FloatField(
        default=5.0, validators=[validators.check_finite, MinValueValidator(0.1), MaxValueValidator(60)]
    )
    read_timeout_seconds = models.FloatField(
        default=600.0,
        validators=[validators.check_finite, MinValueValidator(1), MaxValueValidator(3600)],
        help_text="Longest silence of the upstream before the call fails.",
    )
    max_connections = models.PositiveIntegerField(default=1000, validators=[MinValueValidator(1)])
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["tenant", "priority", "name"]
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="upstream_names_are_unique_in_a_tenant")]

    def __str__(self) -> str:
        return f"{self.tenant}/{self.name}"

    def clean(self) -> None:
        errors = {}
        if Upstream.objects.filter(tenant=self.tenant_id, name=self.name).exclude(pk=self.pk).exists():
            errors["name"] = "The tenant has an upstream of this name already."
        if self.kind == self.Kind.SIMULATOR and self.base_url:
            errors["base_url"] = "The simulator is built in: it takes no base URL."
        if self.kind in (self.Kind.ANTHROPIC, self.Kind.DETECTOR):
            try:
                destinations.check_url(self.base_url)
            except destinations.Forbidden as forbidden:
                errors["base_url"] = str(forbidden)
        if errors:
            raise ValidationError(errors)
