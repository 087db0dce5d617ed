"""What the cache did for a tenant in a time."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Sum

from admin_ui.timerange import TimeRange
from proxy.models import HourlyUsage


@dataclass(frozen=True, slots=True)
class Savings:
    """By whole hours: the first one counts from its beginning."""

    looked_up: int
    hits: int
    saved_nano_usd: int

    @property
    def share(self) -> str:
        """Hits among the lookups: `42 %`."""
        return f"{100 * self.hits / self.looked_up:.0f} %" if self.looked_up else "–"


def of_tenant(tenant_id: UUID, span: TimeRange) -> Savings:
    """Added up from the hourly sums."""
    begin = span.start.replace(minute=0, second=0, microsecond=0)
    hours = HourlyUsage.objects.filter(tenant_id=tenant_id, hour__gte=begin, hour__lt=span.end)
    found = hours.aggregate(looked_up=Sum("looked_up"), hits=Sum("answered_from_cache"), saved=Sum("saved_nano_usd"))
    return Savings(found["looked_up"] or 0, found["hits"] or 0, found["saved"] or 0)
