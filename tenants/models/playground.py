"""What lets a person's browser ask as one of the tenant's keys for a few minutes."""

from django.conf import settings
from django.db import models

from tenants.models.keys import ApiKey


class PlaygroundPass(models.Model):
    """A stand-in for a key's secret: good for one person, in the session it was given in, until it expires."""

    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="playground_passes")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="playground_passes")
    session_digest = models.CharField(max_length=64, db_index=True, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.user} as {self.key}"
