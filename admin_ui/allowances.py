"""What tenants and keys may use, for pages: budgets with what is spent, held and free, and limits as they stand."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from proxy import snapshots, usage
from proxy.call import RateLimits
from proxy.ledger.buckets import Place, Want
from proxy.ledger.buckets.looking import look
from proxy.ledger.budgets import reading
from proxy.ledger.budgets.reading import Asked
from proxy.ledger.budgets.reserving import Standing
from proxy.steps import limits as rate_limits
from tenants.models import ApiKey, Tenant

WARN_AT, BAD_AT = 0.75, 0.95
_RATES = (
    (rate_limits.REQUESTS, "requests", "Requests a minute"),
    (rate_limits.INPUT, "input_tokens", "Input tokens a minute"),
    (rate_limits.OUTPUT, "output_tokens", "Output tokens a minute"),
    (rate_limits.COUNTS, "count_tokens", "Calls of count_tokens a minute"),
)


@dataclass(frozen=True, slots=True)
class Rate:
    """A limit as it stands, by its name in files and in words; `used` None: this process cannot tell."""

    name: str
    word: str
    limit: int
    used: int | None = None
    full_at: datetime | None = None  # when nothing of it will be used any more

    @property
    def free(self) -> int | None:
        return None if self.used is None else max(self.limit - self.used, 0)


def of_tenants(tenants: Iterable[Tenant], at: datetime) -> dict[UUID, list[Standing]]:
    """The tenants' own budgets, the tightest first."""
    return _grouped([one for tenant in tenants for one in _asked(tenant, tenant.pk, tenant.budgets, at)], at)


def of_keys(keys: Iterable[ApiKey], at: datetime) -> dict[UUID, list[Standing]]:
    """The keys' own budgets, the tightest first; keys come with their tenants."""
    asked = [one for key in keys for one in _asked(key.tenant, key.pk, key.budgets, key.last_used_at)]
    return _grouped(asked, at)


def rates(owner_id: UUID, given: dict[str, int]) -> list[Rate]:
    """A tenant's or key's rate limits, with what this process's store says of them."""
    limits = snapshots.limits_of(given)
    if limits is None:
        return []
    kinds = [(kind, word, limit) for kind, field, word in _RATES if (limit := _limit(limits, field))]
    wants = [Want(f"{owner_id}:{kind}", limit, 0) for kind, _word, limit in kinds]
    places = [Place(f"{owner_id}:running", limits.concurrency)] if limits.concurrency else []
    taken = look(wants, places)
    levels = iter(taken.levels if taken else ())
    found = [_rate(usage.LIMIT_NAMES[kind], word, limit, next(levels, None)) for kind, word, limit in kinds]
    if limits.concurrency:
        found.append(Rate(usage.AT_ONCE, "Requests at once", limits.concurrency, taken.running[0] if taken else None))
    return found


def _limit(limits: RateLimits, field: str) -> int | None:
    value: int | None = getattr(limits, field)
    return value


def _rate(name: str, word: str, limit: int, level: float | None) -> Rate:
    if level is None:
        return Rate(name, word, limit)
    used = max(round(limit - level), 0)
    full_at = timezone.now() + timedelta(seconds=(limit - level) * 60 / limit) if used else None
    return Rate(name, word, limit, used, full_at)


def _asked(tenant: Tenant, owner: UUID, given: Sequence[dict[str, Any]], used_at: datetime | None) -> list[Asked]:
    budgets = snapshots.budgets_of(owner, given)
    return [Asked(budget, tenant.pk, tenant.timezone, used_at) for budget in budgets]


def _grouped(asked: Sequence[Asked], at: datetime) -> dict[UUID, list[Standing]]:
    found: dict[UUID, list[Standing]] = {}
    for standing in sorted(reading.standings(asked, at), key=lambda one: -one.utilization):
        found.setdefault(standing.budget.owner_id, []).append(standing)
    return found
