"""`GET /v1/usage`: what is left, held and used of the key's own limits and budgets and its tenant's, and by what.

`GET /v1/usage/status-line` says the same of one Claude Code session in one line of text.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

import orjson

from proxy import auth
from proxy.call import Caller, Inbound
from proxy.errors import InvalidRequest, Unavailable
from proxy.ledger.buckets import Buckets, Demand, Want, look
from proxy.ledger.budgets import words
from proxy.ledger.budgets.reserving import Standing
from proxy.ledger.usage_sums import Part, Read, Sums, UsageDown, UsageReader, as_dict
from proxy.runtime import Runtime
from proxy.steps import limits

_DEFAULT_DAYS = 7
_MOST_DAYS = 31
_MOST_SESSIONS = 50
_NANO = 10**9
LIMIT_NAMES = {
    limits.REQUESTS: "rpm",
    limits.COUNTS: "count_tokens_rpm",
    limits.INPUT: "input_tpm",
    limits.OUTPUT: "output_tpm",
}
"""What files and answers call each limit."""
AT_ONCE = "concurrency"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the query asks for."""

    days: int
    session: str


async def answer(inbound: Inbound, runtime: Runtime) -> bytes:
    """The JSON. Raises Refused."""
    caller = await _caller(inbound, runtime)
    asked = _asked(inbound.query.decode("latin-1"))
    at = auth.now()
    read = await _read(runtime.usage, caller, asked, at)
    owners = [
        {"name": caller.key_name, **await _standing(caller.key_id, caller, read, runtime.buckets)},
        {"slug": caller.tenant.slug, **await _standing(caller.tenant.id, caller, read, runtime.buckets)},
    ]
    return orjson.dumps(
        {
            "type": "usage",
            "at": at,
            "timezone": caller.tenant.timezone,
            "key": owners[0],
            "tenant": owners[1],
            "used": {"days": asked.days, **_shown(read.total), **_breakdown(read.parts)},
        }
    )


async def status_line(inbound: Inbound, runtime: Runtime) -> bytes:
    """`$0.42 this session · $12.30 of $20 for November (62%)`. Raises Refused."""
    caller = await _caller(inbound, runtime)
    asked = _asked(inbound.query.decode("latin-1"))
    at = auth.now()
    read = await _read(runtime.usage, caller, asked, at)
    said = [f"{words.amount('usd', read.total.cost_nano_usd)} {_span(asked)}"]
    if read.standings:
        tightest = max(read.standings, key=lambda standing: (standing.budget.is_blocking, standing.utilization))
        said.append(_budget_line(tightest, caller, at))
    return " · ".join(said).encode()


async def _caller(inbound: Inbound, runtime: Runtime) -> Caller:
    return await auth.authenticate(inbound, runtime.directory, runtime.keys, scope="usage", at=auth.now())


def _asked(query: str) -> Asked:
    given = parse_qs(query)
    unknown = given.keys() - {"days", "session"}
    if unknown:
        raise InvalidRequest(f"{min(unknown)[:100]}: is unknown. Known here: days, session")
    days = given.get("days", [str(_DEFAULT_DAYS)])[0]
    if not days.isdecimal() or not days.isascii() or not 1 <= int(days[:4]) <= _MOST_DAYS:
        raise InvalidRequest(f"days: must be a number from 1 to {_MOST_DAYS}")
    return Asked(int(days), given.get("session", [""])[0][:100])


async def _read(reader: UsageReader, caller: Caller, asked: Asked, at: datetime) -> Read:
    zone = ZoneInfo(caller.tenant.timezone)
    first = at.astimezone(zone).date() - timedelta(days=asked.days - 1)
    since = datetime.combine(first, time(), zone).astimezone(UTC)
    try:
        return await reader.read(caller, since=since, at=at, session=asked.session)
    except UsageDown:
        raise Unavailable("The gateway cannot read usage at the moment. Try again shortly.") from None


async def _standing(owner: object, caller: Caller, read: Read, buckets: Buckets) -> Json:
    mine = [standing for standing in read.standings if standing.budget.owner_id == owner]
    return {
        "limits": await _limits(str(owner), caller, buckets),
        "budgets": [budget_as_json(standing, caller.tenant.timezone) for standing in mine],
    }


async def _limits(owner: str, caller: Caller, buckets: Buckets) -> list[Json]:
    """Every limit of the owner; reading takes nothing from it."""
    endpoints = ("messages", "count_tokens")
    rules = [rule for each in endpoints for rule in limits.rules(caller, each) if rule.owner == owner]
    places = [place for place in limits.places(caller) if place.owner.startswith(owner)]
    if not rules and not places:
        return []
    taken = await buckets.take(look(Demand("", [Want(rule.bucket, rule.limit, 0) for rule in rules], places)))
    shown = [_level(LIMIT_NAMES[rule.kind], rule.limit, level) for rule, level in zip(rules, taken.levels, strict=True)]
    for place, running in zip(places, taken.running, strict=True):
        shown.append(_level(AT_ONCE, place.limit, place.limit - running))
    return shown


def _level(name: str, limit: int, level: float) -> Json:
    left = max(int(level), 0)
    return {"limit": name, "amount": limit, "used": limit - left, "left": left}


def budget_as_json(standing: Standing, zone: str) -> Json:
    """A budget as it stands: amounts in dollars, tokens or requests."""
    budget = standing.budget
    return {
        "period": budget.period,
        "unit": budget.unit,
        "on_exceed": "block" if budget.is_blocking else "warn",
        "amount": _amount(budget.unit, budget.amount),
        "spent": _amount(budget.unit, standing.spent),
        "held": _amount(budget.unit, standing.held),
        "left": _amount(budget.unit, max(standing.free, 0)),
        "utilization": round(standing.utilization, 4),
        "resets_at": None if standing.ends_at is None else standing.ends_at.astimezone(ZoneInfo(zone)),
    }


def _amount(unit: str, number: int) -> float | int:
    """Dollars for money, as budgets are written."""
    return number / _NANO if unit == "usd" else number


def _breakdown(parts: Sequence[Part]) -> Json:
    return {
        "by_model": _by(parts, "model", lambda part: part.model),
        "by_day": sorted(_by(parts, "day", lambda part: part.day), key=lambda row: row["day"]),
        "by_session": _by_session([part for part in parts if part.session]),
    }


def _by_session(parts: Sequence[Part]) -> list[Json]:
    """The latest sessions, each with its subagents."""
    latest: dict[str, datetime] = {}
    for part in parts:
        latest[part.session] = max(part.latest, latest.get(part.session, part.latest))
    shown = []
    for session in sorted(latest, key=lambda name: latest[name], reverse=True)[:_MOST_SESSIONS]:
        mine = [part for part in parts if part.session == session]
        total = sum((part.sums for part in mine), Sums())
        agents = _by([part for part in mine if part.agent], "agent_id", lambda part: part.agent)
        shown.append({"session_id": session, "latest_at": latest[session], **_shown(total), "by_agent": agents})
    return shown


def _by(parts: Iterable[Part], name: str, key: Callable[[Part], str | date]) -> list[Json]:
    """Sums by one thing, the costliest first."""
    sums: dict[str | date, Sums] = {}
    for part in parts:
        sums[key(part)] = sums.get(key(part), Sums()) + part.sums
    ordered = sorted(sums.items(), key=lambda item: item[1].cost_nano_usd, reverse=True)
    return [{name: value, **_shown(each)} for value, each in ordered]


def _shown(sums: Sums) -> Json:
    shown: Json = as_dict(sums)
    cost = shown.pop("cost_nano_usd")
    return {**shown, "cost_usd": cost / _NANO}


def _span(asked: Asked) -> str:
    if asked.session:
        return "this session"
    return "today" if asked.days == 1 else f"in {asked.days} days"


def _budget_line(standing: Standing, caller: Caller, at: datetime) -> str:
    budget = standing.budget
    spent, whole = words.amount(budget.unit, standing.spent), words.amount(budget.unit, budget.amount)
    period = words.period(budget.period, at, caller.tenant.timezone)
    return f"{spent} of {whole} {period} ({standing.utilization:.0%})"
