"""What was said in calls, sealed."""

from django.db import models

from tenants.models import Tenant


class Transcript(models.Model):
    """The text of one call. It goes with its tenant, when it is too old, or when there is too much of it."""

    id = models.CharField(primary_key=True, max_length=40, help_text="Of the request, as in its usage record.")
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    started_at = models.DateTimeField(help_text="When the call came in.")
    sealed = models.BinaryField(help_text="AEAD ciphertext, see proxy/transcripts/sealing.py.")
    bytes = models.PositiveIntegerField(help_text="What it takes of the tenant's share.")

    class Meta:
        ordering = ["started_at", "id"]
        indexes = [models.Index(fields=["tenant", "started_at"], name="transcripts_by_time")]

    def __str__(self) -> str:
        return self.id
