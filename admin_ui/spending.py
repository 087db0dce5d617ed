"""What requests add up to by what a person wants to compare: the costliest by name, the rest as Other."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import BigIntegerField, Case, Count, F, IntegerField, Max, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Coalesce

from admin_ui import overview
from admin_ui.timerange import TimeRange
from proxy.ledger import usage_queries
from proxy.ledger.usage_queries import ENDED_BADLY, Filter, State
from proxy.models import UsageRecord

SHOWN = 20
DRAWN = 3

DIMENSIONS: Mapping[str, tuple[str, ...]] = {
    "key": ("key_id", "key_name"),
    "model": ("model_asked",),
    "client": ("user_agent",),
    "session": ("session_id",),
    "agent": ("agent_id",),
    "upstream": ("upstream_id", "upstream_name"),
    "tenant": ("tenant_id", "tenant_slug"),
}
"""What may be compared: the column that tells one from another, and the one that names it if that is another."""

MEASURES = {
    "cost": Coalesce(Sum("cost_nano_usd"), 0, output_field=BigIntegerField()),
    "tokens": Coalesce(Sum(overview.TOKENS), 0, output_field=BigIntegerField()),
    "requests": Count("pk"),
}
_SUMS: Mapping[str, Any] = {
    "calls": Count("pk"),
    "failed": Count("pk", filter=Q(state__in=ENDED_BADLY)),
    "input_tokens": Sum("input_tokens"),
    "output_tokens": Sum("output_tokens"),
    "cache_write_tokens": Sum(F("cache_write_5m_tokens") + F("cache_write_1h_tokens")),
    "cache_read_tokens": Sum("cache_read_tokens"),
    "cost_nano_usd": Sum("cost_nano_usd"),
}


@dataclass(frozen=True, slots=True)
class Sums:
    """Calls, tokens and cost of some requests."""

    calls: int = 0
    failed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_write_tokens: int = 0
    cache_read_tokens: int = 0
    cost_nano_usd: int = 0

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(*(getattr(self, name) + getattr(other, name) for name in Sums.__slots__))

    def __sub__(self, other: "Sums") -> "Sums":
        return Sums(*(getattr(self, name) - getattr(other, name) for name in Sums.__slots__))


@dataclass(frozen=True, slots=True)
class Group:
    """One key, model, client…; `id` is what the filter of that name takes, '' for what cannot be filtered by."""

    id: str
    name: str
    sums: Sums


@dataclass(frozen=True, slots=True)
class Spending:
    """The costliest groups, what the rest comes to, and everything together."""

    groups: Sequence[Group]
    other: Sums | None
    total: Sums


def by(wanted: Filter, dimension: str) -> Spending:
    """Spending by one dimension."""
    column, name = DIMENSIONS[dimension][0], DIMENSIONS[dimension][-1]
    # A renamed key is one key still.
    grouped = _records(wanted).values(column).annotate(name=Max(name), **_SUMS)
    rows = list(grouped.order_by("-cost_nano_usd", "-calls", column)[: SHOWN + 1])
    groups = [Group(str(row[column] or ""), str(row["name"] or ""), _sums(row)) for row in rows[:SHOWN]]
    shown = _together(group.sums for group in groups)
    if len(rows) <= SHOWN:
        return Spending(groups, None, shown)
    total = _sums(_records(wanted).aggregate(**_SUMS))
    return Spending(groups, total - shown, total)


def by_day(wanted: Filter, span: TimeRange) -> list[tuple[datetime, Sums]]:
    """Every day of the time in the viewer's zone, the latest first."""
    days = {start: Sums() for start in overview.starts(span, "day")}
    grouped = _records(wanted).annotate(bucket=_bucket("day")).values("bucket").annotate(**_SUMS)
    for row in grouped:
        start = _start(row["bucket"], "day")
        if start in days:
            days[start] += _sums(row)
    return sorted(days.items(), reverse=True)


@dataclass(frozen=True, slots=True)
class Drawn:
    """For a chart: the start of each bucket, and a value in each for the first groups and the rest."""

    starts: Sequence[datetime]
    values: Sequence[Sequence[int]]


def over_time(wanted: Filter, dimension: str, ids: Sequence[str], *, span: TimeRange, measure: str) -> Drawn:
    """One grouped query, by bucket and by which of the groups (or none) a request belongs to."""
    step = overview.step_of(span)
    starts = list(overview.starts(span, step))
    places = {start: place for place, start in enumerate(starts)}
    values = [[0] * len(starts) for _ in range(len(ids) + 1)]
    grouped = (
        _records(wanted)
        .annotate(bucket=_bucket(step), which=_which(dimension, ids))
        .values("bucket", "which")
        .annotate(value=MEASURES[measure])
    )
    for row in grouped:
        place = places.get(_start(row["bucket"], step))
        if place is not None:
            values[row["which"]][place] += int(row["value"])
    return Drawn(starts, values)


def _bucket(step: str) -> overview.Bucket:
    """Days are added up from hours, as they begin at the viewer's midnight."""
    return overview.Bucket("started_at", length=overview.LENGTHS["minute" if step == "minute" else "hour"])


def _start(text: str, step: str) -> datetime:
    layout = "%Y-%m-%d %H:%M" if step == "minute" else "%Y-%m-%d %H"
    found = datetime.strptime(text, layout).replace(tzinfo=UTC)
    return overview.day(found) if step == "day" else found


def _which(dimension: str, ids: Sequence[str]) -> Case:
    column = DIMENSIONS[dimension][0]
    nothing = {f"{column}__isnull": True} if column == "upstream_id" else {column: ""}
    whens = [When(Q(**({column: id} if id else nothing)), then=Value(place)) for place, id in enumerate(ids)]
    return Case(*whens, default=Value(len(ids)), output_field=IntegerField())


def _records(wanted: Filter) -> QuerySet[UsageRecord]:
    return usage_queries.records(wanted).exclude(state=State.DRY_RUN).order_by()


def _together(parts: Iterable[Sums]) -> Sums:
    total = Sums()
    for part in parts:
        total += part
    return total


def _sums(row: Mapping[str, Any]) -> Sums:
    return Sums(*(int(row[name] or 0) for name in Sums.__slots__))
