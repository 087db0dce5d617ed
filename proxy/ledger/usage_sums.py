"""What a key used since a moment: by model, day, Claude Code session and subagent, read in one pass."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import DatabaseError, InterfaceError, close_old_connections
from django.db.models import Max, QuerySet, Sum
from django.db.models.functions import TruncDate

from proxy.call import Budget, Caller
from proxy.ledger.budgets import counting, reserving
from proxy.ledger.budgets.reserving import Standing
from proxy.models import UsageRecord


class UsageDown(Exception):
    """The database could not be asked."""


@dataclass(frozen=True, slots=True)
class Sums:
    """What some calls come to. Money in nano-dollars; requests are those that an upstream was asked."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_write_tokens: int = 0
    cache_read_tokens: int = 0
    cost_nano_usd: int = 0

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(*(getattr(self, name) + getattr(other, name) for name in Sums.__slots__))


@dataclass(frozen=True, slots=True)
class Part:
    """What one subagent ('': the session itself) of one session used of one model on one day."""

    day: date
    model: str
    session: str
    agent: str
    parent_agent: str
    latest: datetime
    sums: Sums


@dataclass(frozen=True, slots=True)
class Read:
    """What a key used, part by part, and how it and its tenant stand in their budgets."""

    parts: Sequence[Part]
    standings: Sequence[Standing]

    @property
    def total(self) -> Sums:
        """All of it."""
        return sum((part.sums for part in self.parts), Sums())


class UsageReader:
    """`run` calls a blocking function off the event loop: in a thread of its own, so that no call waits for sums."""

    def __init__(self, run: Callable[..., Awaitable[Any]]) -> None:
        self._run = run

    async def read(self, caller: Caller, *, since: datetime, at: datetime, session: str = "") -> Read:
        """The key's use since a moment, of one session if it is named. Raises UsageDown."""
        try:
            found: Read = await self._run(_read, caller, since, at, session)
        except (DatabaseError, InterfaceError) as error:
            raise UsageDown(type(error).__name__) from error
        return found


def _read(caller: Caller, since: datetime, at: datetime, session: str) -> Read:
    close_old_connections()
    zone = caller.tenant.timezone
    budgets: list[Budget] = [*caller.budgets, *caller.tenant.budgets]
    return Read(parts(caller.key_id, zone, since, session), reserving.standings(budgets, zone, at))


def parts(key_id: UUID, zone: str, since: datetime, session: str = "") -> list[Part]:
    """The key's settled calls since a moment, those under way left out; days are the zone's."""
    records = UsageRecord.objects.filter(key_id=key_id, started_at__gte=since)
    if session:
        records = records.filter(session_id=session)
    return [_part(row) for row in _grouped(records.exclude(state=UsageRecord.State.STARTED), zone)]


def _grouped(records: QuerySet[UsageRecord], zone: str) -> Iterable[Mapping[str, Any]]:
    days = records.order_by().annotate(day=TruncDate("started_at", tzinfo=ZoneInfo(zone)))
    return days.values("day", "model_asked", "session_id", "agent_id").annotate(
        parent=Max("parent_agent_id"),
        latest=Max("started_at"),
        requests=Sum(counting.AMOUNTS[counting.REQUESTS]),
        input=Sum("input_tokens"),
        output=Sum("output_tokens"),
        written_5m=Sum("cache_write_5m_tokens"),
        written_1h=Sum("cache_write_1h_tokens"),
        read=Sum("cache_read_tokens"),
        cost=Sum("cost_nano_usd"),
    )


def _part(row: Mapping[str, Any]) -> Part:
    written = row["written_5m"] + row["written_1h"]
    return Part(
        day=row["day"],
        model=row["model_asked"],
        session=row["session_id"],
        agent=row["agent_id"],
        parent_agent=row["parent"],
        latest=row["latest"],
        sums=Sums(row["requests"], row["input"], row["output"], written, row["read"], row["cost"]),
    )


def as_dict(sums: Sums) -> dict[str, int]:
    """The fields by name."""
    return {field.name: getattr(sums, field.name) for field in fields(sums)}
