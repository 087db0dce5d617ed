"""Who changed what: the append-only trail."""

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from tenants import chain


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
