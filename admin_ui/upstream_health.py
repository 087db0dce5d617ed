"""How upstreams fare, judged by what their recent calls met."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from proxy.alerts import upstreams
from proxy.ledger.rollups.shapes import NO_UPSTREAM
from proxy.models import HourlyUsage, UsageRecord
from tenants.models import Tenant, Upstream

_DAY = timedelta(hours=24)
_FAILED = Q(state__in=[UsageRecord.State.FAILED])


@dataclass(frozen=True, slots=True)
class Health:
    """What the calls of the last day and of the last minutes say."""

    requests: int = 0
    failed: int = 0
    recent: int = 0
    recent_failed: int = 0
    first_byte_us: float | None = None

    @property
    def is_troubled(self) -> bool:
        """More failures lately than one shrugs off."""
        return upstreams.is_troubled(self.recent, self.recent_failed)

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
    """The health of each upstream that was asked today, in two queries; today begins with a full hour."""
    now = timezone.now()
    lately = UsageRecord.objects.filter(
        tenant_id=tenant.pk, started_at__gte=now - upstreams.RECENT, upstream_id__isnull=False
    )
    recent = {
        UUID(str(row["upstream_id"])): row
        for row in lately.order_by()
        .values("upstream_id")
        .annotate(recent=Count("pk"), recent_failed=Count("pk", filter=_FAILED))
    }
    today = (
        HourlyUsage.objects.filter(tenant_id=tenant.pk, hour__gte=now - _DAY)
        .order_by()
        .values("upstream_id")
        .annotate(
            requests=Sum("calls"),
            failed=Coalesce(Sum("calls", filter=_FAILED), 0),
            micros=Sum("first_byte_us"),
            timed=Sum("first_byte_calls"),
        )
    )
    found = {row["upstream_id"]: row for row in today}
    return {pk: _health(found.get(pk, {}), recent.get(pk, {})) for pk in {*found, *recent} - {NO_UPSTREAM}}


def _health(today: Mapping[str, Any], recent: Mapping[str, Any]) -> Health:
    return Health(
        requests=max(today.get("requests", 0), recent.get("recent", 0)),  # what is under way is in the latter alone
        failed=today.get("failed", 0),
        recent=recent.get("recent", 0),
        recent_failed=recent.get("recent_failed", 0),
        first_byte_us=today["micros"] / today["timed"] if today.get("timed") else None,
    )


def last_asked(upstream: Upstream) -> datetime | None:
    """When it was asked last."""
    calls = UsageRecord.objects.filter(upstream_id=upstream.pk).order_by("-started_at")
    return calls.values_list("started_at", flat=True).first()


def troubled(tenant: Tenant) -> list[tuple[Upstream, Health]]:
    """The enabled upstreams that fail now, for the banner."""
    health = by_upstream(tenant)
    bad = [pk for pk, found in health.items() if found.is_troubled]
    if not bad:
        return []
    return [(row, health[row.pk]) for row in Upstream.objects.filter(tenant=tenant, pk__in=bad, is_enabled=True)]
