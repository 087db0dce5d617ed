"""Deletes what is too old or too much; a part at a time, as others write meanwhile."""

from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet, Sum

from proxy.transcripts import shelf
from proxy.transcripts.models import Transcript
from tenants import transcripts
from tenants.models import Tenant

_AT_ONCE = 200


def forget(at: datetime) -> int:
    """What is beyond its tenant's days and room; how many calls."""
    return sum(_forget(tenant, at) for tenant in Tenant.objects.filter(pk__in=_tenants()))


def forget_all(tenant: Tenant) -> int:
    """Everything that a tenant has; how many calls."""
    return _delete(Transcript.objects.filter(tenant=tenant))


def _tenants() -> "QuerySet[Transcript, UUID]":
    return Transcript.objects.order_by().values_list("tenant_id", flat=True).distinct()


def _forget(tenant: Tenant, at: datetime) -> int:
    own = Transcript.objects.filter(tenant=tenant)
    count = _delete(own.filter(started_at__lt=at - shelf.life(tenant)))
    room = transcripts.effective(tenant.transcripts)["max_mb"] * 1024 * 1024
    too_much = (own.aggregate(bytes=Sum("bytes"))["bytes"] or 0) - room
    while too_much > 0:
        oldest = []
        for row_id, size in own.order_by("started_at", "id").values_list("pk", "bytes")[:_AT_ONCE]:
            if too_much <= 0:
                break
            oldest.append(row_id)
            too_much -= size
        if not oldest:
            break
        count += own.filter(pk__in=oldest).delete()[0]
    return count


def _delete(rows: "QuerySet[Transcript]") -> int:
    count = 0
    while some := list(rows.order_by("started_at", "id").values_list("pk", flat=True)[:_AT_ONCE]):
        count += Transcript.objects.filter(pk__in=some).delete()[0]
    return count
