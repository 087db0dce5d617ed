"""What Home and the lists add up from usage: few queries, however many calls there were."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db.models import Sum
from django.utils import timezone

from admin_ui.timerange import TimeRange
from proxy.ledger.rollups import sums, times
from proxy.ledger.rollups.sums import Group
from proxy.ledger.usage_queries import Filter, State
from proxy.models import HourlyUsage

REFUSED = (State.REFUSED,)
FAILED = (State.FAILED, State.INTERRUPTED)
_RANKED = 5
_STEPS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1)}


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


def calls(tenant_id: UUID | None, span: TimeRange) -> Filter:
    """The calls of this time; None: of all tenants. A preset ends now, and so do its sums."""
    return Filter(tenant_id, begin=span.start, end=None if span.preset else span.end)


@dataclass(frozen=True, slots=True)
class Summary:
    """What a time came to, the models that cost most, and what clients were told when it was no answer."""

    totals: Totals
    models: list[Ranked]
    errors: list[Ranked]


def totals(tenant_id: UUID, span: TimeRange) -> Totals:
    """Sums of this time."""
    return _summed(sums.by(calls(tenant_id, span), "state"))


def summary(tenant_id: UUID, span: TimeRange) -> Summary:
    """All three from one reading of the sums."""
    groups = sums.by(calls(tenant_id, span), "model_asked", "status", "error_type", "state")
    models: dict[str, sums.Sums] = defaultdict(sums.Sums)
    errors: Counter[tuple[int, str]] = Counter()
    for group in groups:
        model, status, error, state = group.values
        if model:
            models[model] += group.sums
        if state in (*REFUSED, *FAILED) and status:
            errors[status, error] += group.sums.calls
    costliest = sorted(models.items(), key=lambda one: (-one[1].cost_nano_usd, -one[1].calls, one[0]))[:_RANKED]
    return Summary(
        _summed(groups),
        [Ranked(model, model, one.calls, one.cost_nano_usd) for model, one in costliest],
        [Ranked(f"{code} {error}".strip(), str(code), n, 0) for (code, error), n in errors.most_common(_RANKED)],
    )


def step_of(span: TimeRange) -> str:
    """How wide a bucket of this time is."""
    hours = span.length.total_seconds() / 3600
    return "minute" if hours <= 2 else "hour" if hours <= 24 * 7 else "day"


def by_tenant(span: TimeRange) -> dict[UUID, Totals]:
    """Sums of this time for every tenant that was used: for platform staff."""
    groups: dict[UUID, list[Group]] = defaultdict(list)
    for group in sums.by(calls(None, span), "tenant_id", "state"):
        groups[UUID(group.values[0])].append(group)
    return {tenant_id: _summed(rows) for tenant_id, rows in groups.items()}


def latencies(tenant_id: UUID, span: TimeRange) -> tuple[times.Times, times.Times]:
    """Total time and time to the first byte of answered calls."""
    return times.of(calls(tenant_id, span))


def series(tenant_id: UUID, span: TimeRange, step: str) -> list[Slot]:
    """A slot for each bucket of the time, also for those in which nothing happened."""
    slots = {start: Slot(start) for start in starts(span, step)}
    for group in sums.by(calls(tenant_id, span), "minute" if step == "minute" else "hour", "state"):
        start, state = group.values
        slot = slots.get(day(start) if step == "day" else start)
        if slot is not None:
            slot.states[state] += group.sums.calls
            slot.cost_nano_usd += group.sums.cost_nano_usd
    return list(slots.values())


def top_keys(tenant_id: UUID, span: TimeRange) -> list[Ranked]:
    """The keys that cost most."""
    found = sums.by(calls(tenant_id, span), "key_id", most=_RANKED)
    return [Ranked(one.name or "?", one.values[0], one.sums.calls, one.sums.cost_nano_usd) for one in found]


def week_by_key(key_ids: Sequence[UUID], now: datetime) -> dict[UUID, list[int]]:
    """Calls a day of the last seven that ended, for all these keys in one query."""
    first = day(now) - timedelta(days=6)
    grouped = (
        HourlyUsage.objects.filter(key_id__in=key_ids, hour__gte=first)
        .order_by()
        .values_list("key_id", "hour")
        .annotate(n=Sum("calls"))
    )
    weeks: dict[UUID, list[int]] = defaultdict(lambda: [0] * 7)
    for key_id, hour, count in grouped:
        index = (timezone.localtime(hour).date() - timezone.localtime(first).date()).days
        if 0 <= index < 7:
            weeks[key_id][index] += count
    return weeks


def _summed(groups: Iterable[Group]) -> Totals:
    """Groups by state, the last of their values, as one."""
    by_state: Counter[str] = Counter()
    together = sums.Sums()
    for group in groups:
        by_state[group.values[-1]] += group.sums.calls
        together += group.sums
    return Totals(
        requests=together.calls,
        refused=sum(by_state[state] for state in REFUSED),
        failed=sum(by_state[state] for state in FAILED),
        tokens=together.tokens,
        cost_nano_usd=together.cost_nano_usd,
    )


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
