"""What is tried and proved in the worker: how far it has come, and what came of it."""

import uuid
from collections.abc import Mapping
from typing import Any, ClassVar

from django.db import models

from tenants.models import Tenant


class Job(models.Model):
    """Work on a policy that is done bit by bit. Without a tenant it is on the platform's."""

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"

    ended: ClassVar[Mapping[str, Any]] = {"claim": ""}
    """What is written when nothing more comes of it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, null=True, on_delete=models.CASCADE, related_name="+")
    above = models.JSONField(default=dict, help_text="The platform's policy above the tenant's.")
    state = models.CharField(max_length=16, choices=State.choices, default=State.QUEUED)
    reason = models.CharField(max_length=500, blank=True, help_text="Why it failed, for people.")
    total = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    cursor = models.JSONField(null=True, help_text="Behind what it goes on.")
    report = models.JSONField(default=dict)
    author = models.CharField(max_length=200)
    attempts = models.PositiveSmallIntegerField(default=0)
    claim = models.CharField(max_length=32, blank=True, help_text="Of the worker that has it.")
    claimed_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes of it."""
        return self.state not in OPEN

    @property
    def percent(self) -> int:
        """How far it has come."""
        return 100 if self.state == self.State.DONE else min(100 * self.done // max(self.total, 1), 99)


OPEN = (Job.State.QUEUED, Job.State.RUNNING)


class PolicyReplay(Job):
    """One policy tried on many calls, beside the one that holds."""

    ended = {"claim": "", "sample": None, "sample_key_version": None}

    title = models.CharField(max_length=200, help_text="What is tried, for people.")
    tried = models.JSONField(default=dict, help_text="The policy that is tried.")
    holding = models.JSONField(default=dict, help_text="The policy that held when it was asked for.")
    days = models.PositiveIntegerField(null=True, help_text="So many days of kept text; else a sample.")
    sample_name = models.CharField(max_length=200, blank=True)
    sample = models.BinaryField(null=True, help_text="AEAD ciphertext; gone when the replay has ended.")
    sample_key_version = models.PositiveIntegerField(null=True)

    class Meta:
        ordering = ["-created_at", "id"]
        indexes = [models.Index(fields=["state", "created_at"], name="replays_that_wait")]

    def __str__(self) -> str:
        return f"{self.tenant or 'platform'}: {self.title}"


class PolicyProof(Job):
    """Canaries for each rule of the policies that held when it was asked for."""

    own = models.JSONField(default=dict, help_text="The tenant's policy.")
    privacy = models.JSONField(null=True, help_text="Its privacy settings; the platform has none.")

    class Meta:
        ordering = ["-created_at", "id"]
        indexes = [models.Index(fields=["state", "created_at"], name="proofs_that_wait")]

    def __str__(self) -> str:
        return f"{self.tenant or 'platform'}: proof"
