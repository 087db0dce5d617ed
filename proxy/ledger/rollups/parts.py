"""Which rows a question about usage is answered from: sums of whole hours, and records for what is left.

begin       first full hour                      last full hour      end
  | records |  sums, and records still under way  | records |
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import BigIntegerField, Case, CharField, F, Func, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce

from proxy.ledger import usage_queries
from proxy.ledger.rollups.shapes import NO_UPSTREAM
from proxy.ledger.usage_queries import ENDED_BADLY, Filter, State
from proxy.models import Hourly, HourlyClient, HourlyUsage

_HOUR = timedelta(hours=1)
_BY_USAGE = {"tenant_id", "key_id", "model_asked", "upstream_id", "state", "status", "error_type", "hour"}
_BY_CLIENT = {"tenant_id", "key_id", "user_agent", "session_id", "agent_id", "hour"}
NAMES = {"tenant_id": "tenant_slug", "key_id": "key_name", "upstream_id": "upstream_name"}
"""The columns that are ids, and those that name what they stand for."""
_SUMS = ("input_tokens", "output_tokens", "cache_write_tokens", "cache_read_tokens", "cost_nano_usd")
MEASURES = ("calls", "failed", *_SUMS)
_LENGTHS = {"hour": 13, "minute": 16}  # of 2026-11-24 10:05
_BADLY = Q(state__in=ENDED_BADLY)


class Moment(Func):
    """The minute or hour of a moment in UTC as text. Django's Trunc calls back into Python for each row on SQLite."""

    arity = 1
    output_field = CharField()

    def __init__(self, expression: str, *, unit: str) -> None:
        super().__init__(expression, length=_LENGTHS[unit])

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="substr(%(expressions)s, 1, %(length)s)", **context)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "substr(to_char(%(expressions)s AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), 1, %(length)s)"
        return self.as_sql(compiler, connection, template=template, **context)


@dataclass(frozen=True, slots=True)
class Whole:
    """The full hours within a time; `end` None: up to now."""

    begin: datetime
    end: datetime | None


def whole_hours(wanted: Filter) -> Whole | None:
    """None where there are none, or the time has no beginning."""
    if wanted.begin is None:
        return None
    begin = _floor(wanted.begin + _HOUR - timedelta(microseconds=1))
    end = None if wanted.end is None else _floor(wanted.end)
    return Whole(begin, end) if end is None or begin < end else None


def edges(wanted: Filter, whole: Whole) -> Iterator[Filter]:
    """What is asked for before and after the whole hours."""
    if wanted.begin is not None and wanted.begin < whole.begin:
        yield replace(wanted, end=whole.begin)
    if wanted.end is not None and whole.end is not None and whole.end < wanted.end:
        yield replace(wanted, begin=whole.end)


def parts(wanted: Filter, columns: Collection[str]) -> list["QuerySet[Any, Any]"]:
    """Queries of one form, which together hold every call asked for once: the columns, their names, the measures."""
    whole, rollup = whole_hours(wanted), _rollup(wanted, columns)
    if whole is None or rollup is None:
        return [_of_records(usage_queries.records(wanted), columns)]
    found = [_of_records(usage_queries.records(edge), columns) for edge in edges(wanted, whole)]
    within = replace(wanted, begin=whole.begin, end=whole.end)
    if not wanted.state or wanted.state == State.STARTED:
        found.append(_of_records(usage_queries.records(within).filter(state=State.STARTED), columns))
    hours = usage_queries.narrowed(rollup._default_manager.all(), wanted).filter(hour__gte=whole.begin)
    if whole.end is not None:
        hours = hours.filter(hour__lt=whole.end)
    return [_of_hours(hours, rollup, columns), *found]


def _rollup(wanted: Filter, columns: Collection[str]) -> type[Hourly] | None:
    """The rollup that has all of the columns, also those that are filtered by."""
    if wanted.search or "minute" in columns:
        return None
    filtered = {
        "key_id": wanted.key_id,
        "upstream_id": wanted.upstream_id,
        "model_asked": wanted.model,
        "state": wanted.state,
        "status": wanted.status,
        "session_id": wanted.session,
        "agent_id": wanted.agent,
    }
    needed = {*columns, *(column for column, value in filtered.items() if value)}
    if needed <= _BY_USAGE:
        return HourlyUsage
    return HourlyClient if needed <= _BY_CLIENT and not NAMES.keys() & set(columns) else None


def _of_records(rows: "QuerySet[Any, Any]", columns: Collection[str]) -> "QuerySet[Any, Any]":
    measures = {
        "calls": Value(1, BigIntegerField()),
        "failed": Case(When(_BADLY, then=Value(1)), default=Value(0), output_field=BigIntegerField()),
        "cache_write_tokens": F("cache_write_5m_tokens") + F("cache_write_1h_tokens"),
    }
    return _selected(rows.exclude(state=State.DRY_RUN), columns, measures, at="started_at")


def _of_hours(rows: "QuerySet[Any, Any]", rollup: type[Hourly], columns: Collection[str]) -> "QuerySet[Any, Any]":
    measures: dict[str, Any] = {}
    if rollup is HourlyUsage:
        rows = rows.exclude(state=State.DRY_RUN)
        measures["failed"] = Case(When(_BADLY, then=F("calls")), default=Value(0), output_field=BigIntegerField())
    return _selected(rows, columns, measures, at="hour")


def _selected(
    rows: "QuerySet[Any, Any]", columns: Collection[str], measures: Mapping[str, Any], *, at: str
) -> "QuerySet[Any, Any]":
    # One query has names that another has not; each is called by its place.
    special: dict[str, Any] = {
        "upstream_id": Coalesce("upstream_id", Value(NO_UPSTREAM)),
        "status": Coalesce("status", Value(0)),
        "hour": Moment(at, unit="hour"),
        "minute": Moment(at, unit="minute"),
    }
    chosen = {f"g{place}": special.get(column, F(column)) for place, column in enumerate(columns)}
    name = next((NAMES[column] for column in columns if column in NAMES), None)
    chosen["name"] = F(name) if name else Value("", CharField())
    chosen |= {f"m_{measure}": measures.get(measure, F(measure)) for measure in MEASURES}
    selected: QuerySet[Any, Any] = rows.order_by().annotate(**chosen).values_list(*chosen)
    return selected


def _floor(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
