"""What requests add up to by what a person wants to compare: the costliest by name, the rest as Other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from admin_ui import overview
from admin_ui.timerange import TimeRange
from proxy.ledger.rollups import sums
from proxy.ledger.rollups.sums import Sums
from proxy.ledger.usage_queries import Filter

SHOWN = 20
DRAWN = 3

DIMENSIONS: Mapping[str, str] = {
    "key": "key_id",
    "model": "model_asked",
    "client": "user_agent",
    "session": "session_id",
    "agent": "agent_id",
    "upstream": "upstream_id",
    "tenant": "tenant_id",
}
"""What may be compared: the column that tells one from another."""

MEASURES = {"cost": "cost_nano_usd", "tokens": "tokens", "requests": "calls"}


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
    """Spending by one dimension. A renamed key is one key still."""
    found = sums.by(wanted, DIMENSIONS[dimension], most=SHOWN + 1)
    groups = [Group(group.values[0], group.name or group.values[0], group.sums) for group in found[:SHOWN]]
    shown = sum((group.sums for group in groups), Sums())
    if len(found) <= SHOWN:
        return Spending(groups, None, shown)
    total = sums.total(wanted)
    return Spending(groups, total - shown, total)


def by_day(wanted: Filter, span: TimeRange) -> list[tuple[datetime, Sums]]:
    """Every day of the time in the viewer's zone, the latest first. Days are added up from hours."""
    days = {start: Sums() for start in overview.starts(span, "day")}
    for group in sums.by(wanted, "hour"):
        start = overview.day(group.values[0])
        if start in days:
            days[start] += group.sums
    return sorted(days.items(), reverse=True)


@dataclass(frozen=True, slots=True)
class Drawn:
    """For a chart: the start of each bucket, and a value in each for the first groups and the rest."""

    starts: Sequence[datetime]
    values: Sequence[Sequence[int]]


def over_time(wanted: Filter, dimension: str, ids: Sequence[str], *, span: TimeRange, measure: str) -> Drawn:
    """Two grouped queries: each bucket's sum, and the parts of it that belong to these groups."""
    step = overview.step_of(span)
    unit = "minute" if step == "minute" else "hour"
    starts = list(overview.starts(span, step))
    places = {start: place for place, start in enumerate(starts)}
    values = [[0] * len(starts) for _ in range(len(ids) + 1)]

    def add(row: int, group: sums.Group, sign: int = 1) -> None:
        at = group.values[0]
        place = places.get(overview.day(at) if step == "day" else at)
        if place is not None:
            values[row][place] += sign * getattr(group.sums, MEASURES[measure])

    for group in sums.by(wanted, unit):
        add(-1, group)
    for group in sums.by(wanted, unit, DIMENSIONS[dimension], among=ids):
        add(ids.index(group.values[1]), group)
        add(-1, group, -1)
    return Drawn(starts, values)
