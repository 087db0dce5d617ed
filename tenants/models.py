"""Who may call: fields, constraints and what a row must satisfy. Writes are in `actions`, reads in `queries`."""

import uuid

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models

from tenants import chain, destinations, validators


class Tenant(models.Model):
    """An organisation: the owner of keys, upstreams and usage."""

    class Status(models.TextChoices):
        ACTIVE = "active"
        SUSPENDED = "suspended"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.SlugField(
        max_length=63,
        unique=True,
        validators=[RegexValidator(r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", "Lower-case letters, digits and hyphens.")],
    )
    name = models.CharField(max_length=200, validators=[validators.check_label])
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.ACTIVE)
    timezone = models.CharField("time zone", max_length=64, default="UTC", validators=[validators.check_time_zone])
    model_aliases = models.JSONField(
        default=dict,
        blank=True,
        validators=[validators.check_aliases],
        help_text="Model asked for → model served.",
    )
    limits = models.JSONField(
        default=dict,
        blank=True,
        validators=[validators.check_limits],
        help_text="What all its keys together may use in a minute.",
    )
    budgets = models.JSONField(
        default=list,
        blank=True,
        validators=[validators.check_budgets],
        help_text="What all its keys together may use in a period.",
    )
    settings = models.JSONField(default=dict, blank=True, validators=[validators.check_object])
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.slug


class Membership(models.Model):
    """What a user may do in a tenant."""

    class Role(models.TextChoices):
        OWNER = "owner"
        ADMIN = "admin"
        MEMBER = "member"
        VIEWER = "viewer"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.MEMBER)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["tenant", "user"]
        constraints = [models.UniqueConstraint(fields=["user", "tenant"], name="one_role_per_user_and_tenant")]

    def __str__(self) -> str:
        return f"{self.user} as {self.role} of {self.tenant}"


class Invitation(models.Model):
    """A link with which one person joins a tenant once; only a hash of it is kept."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="invitations")
    role = models.CharField(max_length=16, choices=Membership.Role.choices)
    note = models.CharField(max_length=200, validators=[validators.check_label], help_text="For whom it was made.")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    invited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="invitations_made"
    )
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return f"{self.note} as {self.role} of {self.tenant}"


class Scope(models.TextChoices):
    """What a key may be used for."""

    MESSAGES = "messages", "Ask models (messages, count_tokens)"
    MODELS = "models", "List models"


def default_scopes() -> list[str]:
    """What a key may do unless its creator narrows it."""
    return [Scope.MESSAGES.value, Scope.MODELS.value]


def all_models() -> list[str]:
    """The globs that match every model."""
    return ["*"]


def _check_scopes(value: object) -> None:
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
        validators=[_check_scopes],
        error_messages={"blank": "Name at least one scope."},
    )
    model_globs = models.JSONField(
        default=all_models,
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


class Upstream(models.Model):
    """A model provider that a tenant's calls may go to."""

    class Kind(models.TextChoices):
        ANTHROPIC = "anthropic", "Anthropic Messages API"
        SIMULATOR = "simulator", "Built-in simulator"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="upstreams")
    name = models.CharField(max_length=100, validators=[validators.check_label])
    kind = models.CharField(max_length=16, choices=Kind.choices, default=Kind.ANTHROPIC)
    base_url = models.CharField("base URL", max_length=500, blank=True)
    credential = models.BinaryField(null=True, editable=False, help_text="AEAD ciphertext, see tenants/secrets.py.")
    credential_version = models.PositiveIntegerField(null=True, editable=False)
    model_globs = models.JSONField(
        default=all_models,
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
        if self.kind == self.Kind.ANTHROPIC:
            try:
                destinations.check_url(self.base_url)
            except destinations.Forbidden as forbidden:
                errors["base_url"] = str(forbidden)
        if errors:
            raise ValidationError(errors)


class AuditHead(models.Model):
    """One row whose lock puts every change in one order (tenants/audit.py)."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    revision = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64, default=chain.GENESIS, help_text="That of the last entry.")


class AuditEntry(models.Model):
    """Who changed what. Its revisions are also the feed by which web processes drop old snapshots."""

    revision = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField(db_index=True)
    actor = models.CharField(max_length=200)
    action = models.CharField(max_length=64)
    tenant_id = models.UUIDField(null=True, db_index=True, help_text="Kept when the tenant is gone.")
    object_type = models.CharField(max_length=64)
    object_id = models.CharField(max_length=64)
    object_label = models.CharField(max_length=300)
    changes = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    key_version = models.PositiveIntegerField(help_text="Of the encryption key that its hash is made with.")
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64, help_text="See tenants/chain.py.")

    class Meta:
        ordering = ["-revision"]
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.revision}: {self.actor} {self.action} {self.object_label}"
