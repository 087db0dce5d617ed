"""How upstreams fare, judged by what their recent calls met."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Avg, Count, Max, Q
from django.utils import timezone

from proxy.models import UsageRecord
from tenants.models import Tenant, Upstream

RECENT = timedelta(minutes=15)
_DAY = timedelta(hours=24)
_TROUBLED_SHARE = 0.2
_LEAST_FAILURES = 3
_FAILED = Q(state__in=[UsageRecord.State.FAILED])


@dataclass(frozen=True, slots=True)
class Health:
    """What the calls of the last day and of the last minutes say."""

    requests: int = 0
    failed: int = 0
    recent: int = 0
    recent_failed: int = 0
    first_byte_us: float | None = None
    last_at: object = None

    @property
    def is_troubled(self) -> bool:
        """More failures lately than one shrugs off."""
        return self.recent_failed >= _LEAST_FAILURES and self.recent_failed >= _TROUBLED_SHARE * self.recent

    @property
    def tone(self) -> str:
        if not self.requests:
            return "none"
        return "bad" if self.is_troubled else "warn" if self.recent_failed else "good"

    @property
    def word(self) -> str:
        words = {"none": "Not used today", "bad": "Failing", "warn": "Some failures", "good": "Well"}
        return words[self.tone]


def by_upstream(tenant: Tenant) -> Mapping[UUID, Health]:
    """The health of each upstream that was asked today, in one query."""
    now = timezone.now()
    recent = Q(started_at__gte=now - RECENT)
    grouped = (
        UsageRecord.objects.filter(tenant_id=tenant.pk, started_at__gte=now - _DAY, upstream_id__isnull=False)
        .order_by()
        .values("upstream_id")
        .annotate(
            requests=Count("pk"),
            failed=Count("pk", filter=_FAILED),
            recent=Count("pk", filter=recent),
            recent_failed=Count("pk", filter=recent & _FAILED),
            first_byte_us=Avg("first_byte_us"),
            last_at=Max("started_at"),
        )
    )
    return {row["upstream_id"]: _health(row) for row in grouped if row["upstream_id"]}


def _health(row: Mapping[str, Any]) -> Health:
    return Health(**{name: value for name, value in row.items() if name != "upstream_id"})


def troubled(tenant: Tenant) -> list[tuple[Upstream, Health]]:
    """The enabled upstreams that fail now, for the banner."""
    health = by_upstream(tenant)
    bad = [pk for pk, found in health.items() if found.is_troubled]
    if not bad:
        return []
    return [(row, health[row.pk]) for row in Upstream.objects.filter(tenant=tenant, pk__in=bad, is_enabled=True)]
