"""What usage records add up to, in the units of budgets. The one place that says what counts."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import BigIntegerField, Case, F, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Coalesce

from proxy.models import BudgetWindow, UsageRecord

USD, TOKENS, REQUESTS = (unit.value for unit in BudgetWindow.Unit)
_ASKED = Q(endpoint="messages", upstream_id__isnull=False)
AMOUNTS: dict[str, Any] = {
    USD: F("cost_nano_usd"),
    TOKENS: F("input_tokens")
    + F("output_tokens")
    + F("cache_write_5m_tokens")
    + F("cache_write_1h_tokens")
    + F("cache_read_tokens"),
    REQUESTS: Case(When(_ASKED, then=Value(1)), default=Value(0), output_field=BigIntegerField()),
}
"""What one record counts in each unit, as an expression."""


class Used(NamedTuple):
    """What one settled call used."""

    tenant_id: UUID
    key_id: UUID | None
    started_at: datetime
    usd: int
    tokens: int
    requests: int


def used(records: "QuerySet[UsageRecord]") -> list[Used]:
    """Of the settled ones among these records. A call under way is held, not spent."""
    ended = records.exclude(state=UsageRecord.State.STARTED)
    amounts = (AMOUNTS[unit] for unit in (USD, TOKENS, REQUESTS))
    return [Used(*row) for row in ended.values_list("tenant_id", "key_id", "started_at", *amounts)]


def spent(window: BudgetWindow) -> int:
    """The window's whole sum, from the records."""
    within = UsageRecord.objects.filter(
        Q(tenant_id=window.owner_id) | Q(key_id=window.owner_id), started_at__gte=window.starts_at
    )
    if window.ends_at is not None:
        within = within.filter(started_at__lt=window.ends_at)
    ended = within.exclude(state=UsageRecord.State.STARTED)
    return int(ended.aggregate(total=Coalesce(Sum(AMOUNTS[window.unit]), 0))["total"])


def in_windows(calls: list[Used]) -> dict[int, int]:
    """What these calls add to each window that there is, by its id."""
    if not calls:
        return {}
    owners = {owner for call in calls for owner in (call.tenant_id, call.key_id) if owner is not None}
    latest, earliest = max(call.started_at for call in calls), min(call.started_at for call in calls)
    windows: dict[UUID, list[BudgetWindow]] = {}
    for window in BudgetWindow.objects.filter(owner_id__in=owners, starts_at__lte=latest).filter(
        Q(ends_at=None) | Q(ends_at__gt=earliest)
    ):
        windows.setdefault(window.owner_id, []).append(window)
    sums: dict[int, int] = {}
    for call in calls:
        for window in _counting(call, windows):
            sums[window.pk] = sums.get(window.pk, 0) + int(getattr(call, window.unit))
    return sums


def _counting(call: Used, windows: dict[UUID, list[BudgetWindow]]) -> Iterator[BudgetWindow]:
    for owner in (call.tenant_id, call.key_id):
        for window in windows.get(owner, ()) if owner is not None else ():
            if window.starts_at <= call.started_at and (window.ends_at is None or call.started_at < window.ends_at):
                yield window
