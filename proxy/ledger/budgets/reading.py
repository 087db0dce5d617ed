"""How many budgets stand at once, for pages: a few queries for any number of keys. Nothing is kept or reserved."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import F, QuerySet, Sum

from proxy.call import Budget
from proxy.ledger.budgets import counting, periods
from proxy.ledger.budgets.reserving import Standing
from proxy.models import BudgetWindow, HourlyUsage, UsageRecord

_COARSE = timedelta(minutes=2)  # when keys were last used is written once a minute
_HOURLY: dict[str, Any] = {
    "usd": Sum("cost_nano_usd"),
    "tokens": Sum(F("input_tokens") + F("output_tokens") + F("cache_write_tokens") + F("cache_read_tokens")),
    "requests": Sum("asked"),
}


class Asked(NamedTuple):
    """A budget, whose tenant's it is, by which clocks its period goes, and when its owner was last used, if known."""

    budget: Budget
    tenant_id: UUID
    zone: str
    used_at: datetime | None


_Key = tuple[UUID, str, str, datetime]


def standings(asked: Sequence[Asked], at: datetime) -> list[Standing]:
    """Each of the budgets, in their order. Raises django.db.Error."""
    spans = {(one.budget.period, one.zone): periods.window(one.budget.period, at, one.zone) for one in asked}
    keys = [_key(one, spans) for one in asked]
    kept = _kept(keys)
    missing = [
        one
        for one, key in zip(asked, keys, strict=True)
        if key not in kept and one.used_at is not None and one.used_at + _COARSE >= key[3]
    ]
    counted = _counted(missing, spans)
    found = []
    for one, key in zip(asked, keys, strict=True):
        spent, held = kept.get(key) or (counted.get(key, 0), 0)
        found.append(Standing(one.budget, spent, held, spans[one.budget.period, one.zone][1]))
    return found


def _key(one: Asked, spans: dict[tuple[str, str], tuple[datetime, datetime | None]]) -> _Key:
    budget = one.budget
    return budget.owner_id, budget.unit, budget.period, spans[budget.period, one.zone][0]


def _kept(keys: Collection[_Key]) -> dict[_Key, tuple[int, int]]:
    rows = BudgetWindow.objects.filter(
        starts_at__in={key[3] for key in keys}, owner_id__in={key[0] for key in keys}
    ).values_list("owner_id", "unit", "period", "starts_at", "spent", "held")
    return {(owner, unit, period, starts_at): (spent, held) for owner, unit, period, starts_at, spent, held in rows}


def _counted(
    missing: Sequence[Asked], spans: dict[tuple[str, str], tuple[datetime, datetime | None]]
) -> dict[_Key, int]:
    """What was used in the windows that no call has met yet: one query for each beginning of a period."""
    by_span: dict[tuple[str, datetime, datetime | None], list[Asked]] = defaultdict(list)
    for one in missing:
        start, end = spans[one.budget.period, one.zone]
        by_span[one.budget.period, start, end].append(one)
    counted: dict[_Key, int] = {}
    for (period, start, end), several in by_span.items():
        used = _used({one.tenant_id for one in several}, start, end)
        for one in several:
            budget = one.budget
            counted[budget.owner_id, budget.unit, period, start] = used.get((budget.owner_id, budget.unit), 0)
    return counted


def _used(tenants: Collection[UUID], start: datetime, end: datetime | None) -> dict[tuple[UUID, str], int]:
    """By tenant, by key and by unit."""
    is_whole = start.minute == 0 and (end is None or end.minute == 0)
    rows = _of_hours(tenants, start, end) if is_whole else _of_records(tenants, start, end)
    used: dict[tuple[UUID, str], int] = defaultdict(int)
    for row in rows:
        for unit in _HOURLY:
            for owner in {row["tenant_id"], row["key_id"]}:
                used[owner, unit] += int(row[unit] or 0)
    return used


def _of_hours(tenants: Collection[UUID], start: datetime, end: datetime | None) -> "QuerySet[Any, Any]":
    rows = HourlyUsage.objects.filter(tenant_id__in=tenants, hour__gte=start)
    rows = rows.filter(hour__lt=end) if end else rows
    return rows.order_by().values("tenant_id", "key_id").annotate(**_HOURLY)


def _of_records(tenants: Collection[UUID], start: datetime, end: datetime | None) -> "QuerySet[Any, Any]":
    """For minutes, and for days of zones whose hours are not ours."""
    ended = UsageRecord.objects.exclude(state=UsageRecord.State.STARTED)
    rows = ended.filter(tenant_id__in=tenants, started_at__gte=start)
    rows = rows.filter(started_at__lt=end) if end else rows
    amounts = {unit: Sum(counting.AMOUNTS[unit]) for unit in _HOURLY}
    return rows.order_by().values("tenant_id", "key_id").annotate(**amounts)
