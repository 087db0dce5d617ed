"""What Home and the lists add up from usage records: few queries, however many rows a page shows."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import CharField, Count, F, Func, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from admin_ui.timerange import TimeRange
from proxy.models import UsageRecord

State = UsageRecord.State
REFUSED = (State.REFUSED,)
FAILED = (State.FAILED, State.INTERRUPTED)
_SAMPLE = 20_000
_RANKED = 5
LENGTHS = {"minute": 16, "hour": 13}  # of 2026-11-24 10:05
_STEPS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1)}
TOKENS = (
    F("input_tokens")
    + F("output_tokens")
    + F("cache_write_5m_tokens")
    + F("cache_write_1h_tokens")
    + F("cache_read_tokens")
)


class Bucket(Func):
    """The minute or hour of a moment in UTC as text. Django's Trunc calls back into Python for each row on SQLite."""

    arity = 1
    output_field = CharField()

    def __init__(self, expression: str, *, length: int) -> None:
        super().__init__(expression, length=length)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="substr(%(expressions)s, 1, %(length)s)", **context)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "substr(to_char(%(expressions)s AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), 1, %(length)s)"
        return self.as_sql(compiler, connection, template=template, **context)


@dataclass(frozen=True, slots=True)
class Totals:
    """What a time came to."""

    requests: int = 0
    refused: int = 0
    failed: int = 0
    tokens: int = 0
    cost_nano_usd: int = 0

    @property
    def errors(self) -> int:
        return self.refused + self.failed


@dataclass(frozen=True, slots=True)
class Times:
    """Percentiles in µs, None where nothing was measured."""

    p50: int | None
    p95: int | None


@dataclass(slots=True)
class Slot:
    """One column of the charts."""

    start: datetime
    states: Counter[str] = field(default_factory=Counter)
    cost_nano_usd: int = 0


@dataclass(frozen=True, slots=True)
class Ranked:
    """One line of a short list, and what to filter requests by to see it."""

    name: str
    value: str
    requests: int
    cost_nano_usd: int


def records(tenant_id: UUID, span: TimeRange) -> QuerySet[UsageRecord]:
    """The tenant's real calls of this time."""
    found = UsageRecord.objects.filter(tenant_id=tenant_id, started_at__gte=span.start, started_at__lt=span.end)
    return found.exclude(state=State.DRY_RUN).order_by()


def totals(tenant_id: UUID, span: TimeRange) -> Totals:
    """Sums of this time."""
    grouped = (
        records(tenant_id, span).values("state").annotate(n=Count("pk"), tokens=Sum(TOKENS), cost=Sum("cost_nano_usd"))
    )
    return summed(grouped)


def step_of(span: TimeRange) -> str:
    """How wide a bucket of this time is."""
    hours = span.length.total_seconds() / 3600
    return "minute" if hours <= 2 else "hour" if hours <= 24 * 7 else "day"


def by_tenant(span: TimeRange) -> dict[UUID, Totals]:
    """Sums of this time for every tenant that was used: for platform staff."""
    found = UsageRecord.objects.filter(started_at__gte=span.start, started_at__lt=span.end).exclude(state=State.DRY_RUN)
    grouped = (
        found.order_by()
        .values("tenant_id", "state")
        .annotate(n=Count("pk"), tokens=Sum(TOKENS), cost=Sum("cost_nano_usd"))
    )
    groups: dict[UUID, list[Mapping[str, Any]]] = defaultdict(list)
    for row in grouped:
        groups[row["tenant_id"]].append(row)
    return {tenant_id: summed(rows) for tenant_id, rows in groups.items()}


def summed(groups: Iterable[Mapping[str, Any]]) -> Totals:
    """Groups by state as one."""
    rows = list(groups)
    return Totals(
        requests=sum(row["n"] for row in rows),
        refused=sum(row["n"] for row in rows if row["state"] in REFUSED),
        failed=sum(row["n"] for row in rows if row["state"] in FAILED),
        tokens=sum(row["tokens"] for row in rows),
        cost_nano_usd=int(sum(row["cost"] for row in rows)),
    )


def times(tenant_id: UUID, span: TimeRange) -> tuple[Times, Times]:
    """Total time and time to the first byte, of the latest answered calls."""
    answered = records(tenant_id, span).filter(state=State.COMPLETED).order_by("-started_at")
    measured = list(answered.values_list("total_us", "first_byte_us")[:_SAMPLE])
    return _percentiles(row[0] for row in measured), _percentiles(row[1] for row in measured)


def series(tenant_id: UUID, span: TimeRange, step: str) -> list[Slot]:
    """A slot for each bucket of the time, also for those in which nothing happened."""
    unit = "minute" if step == "minute" else "hour"
    grouped = (
        records(tenant_id, span)
        .annotate(bucket=Bucket("started_at", length=LENGTHS[unit]))
        .values("bucket", "state")
        .annotate(n=Count("pk"), cost=Sum("cost_nano_usd"))
    )
    slots = {start: Slot(start) for start in starts(span, step)}
    layout = "%Y-%m-%d %H:%M" if unit == "minute" else "%Y-%m-%d %H"
    for row in grouped:
        start = datetime.strptime(row["bucket"], layout).replace(tzinfo=UTC)
        slot = slots.get(day(start) if step == "day" else start)
        if slot is not None:
            slot.states[row["state"]] += row["n"]
            slot.cost_nano_usd += int(row["cost"])
    return list(slots.values())


def top_keys(tenant_id: UUID, span: TimeRange) -> list[Ranked]:
    """The keys that cost most."""
    rows = _ranked(records(tenant_id, span).values("key_id"))
    names = dict(
        records(tenant_id, span)
        .filter(key_id__in=[row["key_id"] for row in rows])
        .values_list("key_id", "key_name")
        .distinct()
    )
    return [Ranked(names.get(row["key_id"], "?"), str(row["key_id"]), row["n"], row["cost"]) for row in rows]


def top_models(tenant_id: UUID, span: TimeRange) -> list[Ranked]:
    """The models that cost most, as they were asked for."""
    rows = _ranked(records(tenant_id, span).exclude(model_asked="").values("model_asked"))
    return [Ranked(row["model_asked"], row["model_asked"], row["n"], row["cost"]) for row in rows]


def top_errors(tenant_id: UUID, span: TimeRange) -> list[Ranked]:
    """What clients were told most often when it was no answer."""
    wrong = records(tenant_id, span).filter(state__in=(*REFUSED, *FAILED), status__isnull=False)
    rows = wrong.values("status", "error_type").annotate(n=Count("pk")).order_by("-n")[:_RANKED]
    return [Ranked(f"{row['status']} {row['error_type']}".strip(), str(row["status"]), row["n"], 0) for row in rows]


def week_by_key(key_ids: Sequence[UUID], now: datetime) -> dict[UUID, list[int]]:
    """Requests a day of the last seven, for all these keys in one query."""
    first = day(now) - timedelta(days=6)
    grouped = (
        UsageRecord.objects.filter(key_id__in=key_ids, started_at__gte=first)
        .order_by()
        .annotate(bucket=Bucket("started_at", length=LENGTHS["hour"]))
        .values("key_id", "bucket")
        .annotate(n=Count("pk"))
    )
    weeks: dict[UUID, list[int]] = defaultdict(lambda: [0] * 7)
    for row in grouped:
        at = timezone.localtime(datetime.strptime(row["bucket"], "%Y-%m-%d %H").replace(tzinfo=UTC))
        index = (at.date() - timezone.localtime(first).date()).days
        if 0 <= index < 7:
            weeks[row["key_id"]][index] += row["n"]
    return weeks


def _ranked(rows: "QuerySet[Any, Any]") -> list[dict[str, Any]]:
    counted = rows.annotate(n=Count("pk"), cost=Coalesce(Sum("cost_nano_usd"), 0)).order_by("-cost", "-n")[:_RANKED]
    return [{**row, "cost": int(row["cost"])} for row in counted]


def _percentiles(values: Iterable[int | None]) -> Times:
    known = sorted(value for value in values if value is not None)
    if not known:
        return Times(None, None)
    return Times(known[len(known) // 2], known[min(len(known) - 1, int(len(known) * 0.95))])


def starts(span: TimeRange, step: str) -> Iterable[datetime]:
    """Where each bucket of this time begins."""
    if step == "day":
        at = day(span.start)
        while at < span.end:
            yield at
            at = day(at + timedelta(hours=30))  # a day of 25 hours has one midnight, too
        return
    at = span.start.astimezone(UTC).replace(second=0, microsecond=0)
    at = at if step == "minute" else at.replace(minute=0)
    while at < span.end:
        yield at
        at += _STEPS[step]


def day(moment: datetime) -> datetime:
    """The viewer's midnight before a moment."""
    return timezone.localtime(moment).replace(hour=0, minute=0, second=0, microsecond=0)
