"""The transcripts of a tenant, for people and for what is tried on them."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Min, QuerySet, Sum

from proxy.transcripts import sealing
from proxy.transcripts.models import Transcript
from proxy.transcripts.sealing import Said
from tenants import transcript_keys, transcripts
from tenants.models import Tenant


@dataclass(frozen=True, slots=True)
class Stock:
    """What a tenant has."""

    calls: int
    bytes: int
    since: datetime | None


def of_tenant(tenant: Tenant, at: datetime) -> "QuerySet[Transcript]":
    """Those that may still be read, the oldest first. What is too old is not there, deleted or not."""
    return Transcript.objects.filter(tenant=tenant, started_at__gte=at - life(tenant))


def one(tenant: Tenant, request_id: str, at: datetime) -> Transcript | None:
    """The text of one of its calls, still sealed."""
    return of_tenant(tenant, at).filter(pk=request_id).first()


def opened(row: Transcript, tenant: Tenant) -> Said:
    """What was said. Raises secrets.CannotDecrypt."""
    return sealing.opened(bytes(row.sealed), transcript_keys.of(tenant), tenant.pk, row.pk)


def stock(tenant: Tenant, at: datetime) -> Stock:
    """How much there is."""
    sums = of_tenant(tenant, at).aggregate(calls=Count("pk"), bytes=Sum("bytes"), since=Min("started_at"))
    return Stock(sums["calls"], sums["bytes"] or 0, sums["since"])


def life(tenant: Tenant) -> timedelta:
    """How long a transcript is kept."""
    return timedelta(days=transcripts.effective(tenant.transcripts)["days"])
