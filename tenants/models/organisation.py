"""Who may call: tenants, and the people who run them."""

import uuid

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models

from tenants import caching, policies, privacy, retrieval, transcripts, validators
from tenants.models import defaults


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
    alert_at = models.JSONField(
        default=defaults.alert_thresholds,
        blank=True,
        validators=[validators.check_thresholds],
        help_text="Percentages of a budget at which an alert is raised, where the budget does not say its own.",
    )
    pii = models.JSONField(
        "personal data",
        default=dict,
        blank=True,
        validators=[privacy.check_settings],
        help_text="What is done with personal data and secrets in its calls.",
    )
    placeholder_key = models.BinaryField(
        null=True, editable=False, help_text="AEAD ciphertext, see tenants/secrets.py."
    )
    placeholder_key_version = models.PositiveIntegerField(null=True, editable=False)
    policy = models.JSONField(
        default=dict,
        blank=True,
        validators=[policies.check_policy],
        help_text="What may be asked, answered and done.",
    )
    cache = models.JSONField(
        default=dict,
        blank=True,
        validators=[caching.check_settings],
        help_text="Which of its answers are kept for who asks the same again.",
    )
    inject = models.JSONField(
        "passages in requests",
        default=dict,
        blank=True,
        validators=[retrieval.check_settings],
        help_text="Which of its documents' passages its requests are given.",
    )
    transcripts = models.JSONField(
        "kept text",
        default=dict,
        blank=True,
        validators=[transcripts.check_settings],
        help_text="Whether the text of its calls is kept, how long and how much.",
    )
    transcript_key = models.BinaryField(null=True, editable=False, help_text="AEAD ciphertext, see tenants/secrets.py.")
    transcript_key_version = models.PositiveIntegerField(null=True, editable=False)
    require_mfa = models.BooleanField(
        "second factor",
        default=False,
        help_text="Its members need an authenticator app or a passkey, also where the installation asks for none.",
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
