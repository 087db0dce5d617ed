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
    hits: int  # the semantic ones among them
    semantic_hits: int
    saved_nano_usd: int

    @property
    def exact_hits(self) -> int:
        """Those to the very same question."""
        return self.hits - self.semantic_hits

    @property
    def share(self) -> str:
        """Hits among the lookups: `42 %`."""
        return f"{100 * self.hits / self.looked_up:.0f} %" if self.looked_up else "–"


def of_tenant(tenant_id: UUID, span: TimeRange) -> Savings:
    """Added up from the hourly sums."""
    begin = span.start.replace(minute=0, second=0, microsecond=0)
    hours = HourlyUsage.objects.filter(tenant_id=tenant_id, hour__gte=begin, hour__lt=span.end)
    found = hours.aggregate(
        looked_up=Sum("looked_up"),
        hits=Sum("answered_from_cache"),
        semantic_hits=Sum("answered_semantically"),
        saved_nano_usd=Sum("saved_nano_usd"),
    )
    return Savings(**{name: total or 0 for name, total in found.items()})
