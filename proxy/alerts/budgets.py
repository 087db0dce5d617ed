"""Finds budgets that crossed a threshold or refuse calls, from what the ledger has settled."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q

from proxy.alerts import raising
from proxy.alerts.models import Alert, Severity
from proxy.alerts.raising import Draft
from proxy.ledger.budgets import periods, words
from proxy.models import BudgetWindow, UsageRecord
from tenants.models import ApiKey, EventKind, Tenant
from tenants.validators import BUDGET_UNITS

_NANO = 10**9
_LATE = timedelta(minutes=5)
"""So long after its end a window may still be told of: short ones end before they are looked at."""
_MOST_REFUSALS = 200
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Owned:
    """One budget of a tenant or a key, with its thresholds."""

    owner: Tenant | ApiKey
    unit: str
    period: str
    amount: int  # nano-dollars, tokens or requests
    is_blocking: bool
    thresholds: Sequence[int]

    @property
    def tenant(self) -> Tenant:
        return self.owner if isinstance(self.owner, Tenant) else self.owner.tenant

    @property
    def whose(self) -> str:
        return f"{self.owner.name}" if isinstance(self.owner, Tenant) else f"Key {self.owner.name}"

    def key(self, starts_at: datetime) -> str:
        """Names the budget and its window. Another amount is another budget."""
        return f"{self.owner.pk}:{self.unit}:{self.period}:{starts_at:%Y%m%dT%H%MZ}:{self.amount}"


def look(owner_ids: Collection[UUID], at: datetime) -> list[Alert]:
    """Thresholds that these tenants and keys have crossed. Of several at once the highest is told."""
    budgets = _budgets_of(owner_ids)
    windows = BudgetWindow.objects.filter(Q(ends_at=None) | Q(ends_at__gt=at - _LATE), owner_id__in=list(budgets))
    found = []
    for window in windows.filter(spent__gt=0, starts_at__lte=at):
        for budget in budgets[window.owner_id]:
            if (budget.unit, budget.period) == (window.unit, window.period):
                found.append(_cross(budget, window, at))
    return [alert for alert in found if alert]


def look_everywhere(at: datetime) -> list[Alert]:
    """As `look`, for whatever was missed: every owner with an open window, and every refusal of the last minutes."""
    owners = list(
        BudgetWindow.objects.filter(Q(ends_at=None) | Q(ends_at__gt=at - _LATE), spent__gt=0)
        .order_by()
        .values_list("owner_id", flat=True)
        .distinct()
    )
    found: list[Alert] = []
    for first in range(0, len(owners), _AT_ONCE):
        found += look(owners[first : first + _AT_ONCE], at)
    return found + look_at_refusals(at)


def look_at_refusals(at: datetime, tenant_ids: Collection[UUID] | None = None) -> list[Alert]:
    """Budgets that refused a call within the last minutes, each once per window."""
    refused = UsageRecord.objects.filter(
        state=UsageRecord.State.REFUSED, error_type="billing_error", started_at__gte=at - _LATE
    )
    if tenant_ids is not None:
        refused = refused.filter(tenant_id__in=tenant_ids)
    latest = refused.order_by("-started_at").values("tenant_id", "key_id", "started_at", "trace")[:_MOST_REFUSALS]
    short = {}
    for row in latest:
        for owner, unit, period in _short(row):
            short[owner, unit, period] = row["started_at"]
    budgets = _budgets_of({owner for owner, _unit, _period in short})
    found = []
    for (owner, unit, period), started_at in short.items():
        for budget in budgets.get(owner, ()):
            if budget.is_blocking and (budget.unit, budget.period) == (unit, period):
                found.append(_block(budget, started_at, at))
    return [alert for alert in found if alert]


def _short(row: Mapping[str, Any]) -> Iterator[tuple[UUID, str, str]]:
    """Which budget had no room, as the call's own trace says."""
    for step in row["trace"]:
        unit, _, period = str(step.get("short", "")).partition(" ")
        if step.get("step") == "quota" and period:
            yield row["key_id"] if step.get("of") == "key" else row["tenant_id"], unit, period


def _budgets_of(owner_ids: Collection[UUID]) -> dict[UUID, list[Owned]]:
    owners: list[Tenant | ApiKey] = [*Tenant.objects.filter(pk__in=owner_ids).exclude(budgets=[])]
    owners += ApiKey.objects.select_related("tenant").filter(pk__in=owner_ids).exclude(budgets=[])
    return {owner.pk: [_owned(owner, given) for given in owner.budgets] for owner in owners}


def _owned(owner: Tenant | ApiKey, given: Mapping[str, Any]) -> Owned:
    unit = next(unit for unit in BUDGET_UNITS if unit in given)
    tenant = owner if isinstance(owner, Tenant) else owner.tenant
    return Owned(
        owner=owner,
        unit=unit,
        period=given["period"],
        amount=round(given[unit] * _NANO) if unit == "usd" else given[unit],
        is_blocking=given.get("on_exceed", "block") == "block",
        thresholds=given.get("alert_at", tenant.alert_at),
    )


def _cross(budget: Owned, window: BudgetWindow, at: datetime) -> Alert | None:
    crossed = [percent for percent in budget.thresholds if window.spent * 100 >= budget.amount * percent]
    if not crossed:
        return None
    key = f"{EventKind.BUDGET_THRESHOLD}:{budget.key(window.starts_at)}"
    higher = [f"{key}:{percent}" for percent in budget.thresholds if percent > max(crossed)]
    if higher and Alert.objects.filter(natural_key__in=higher).exists():
        return None  # somebody who saw more was here before
    return raising.record(_crossing(budget, window, max(crossed)), f"{key}:{max(crossed)}", at)


def _crossing(budget: Owned, window: BudgetWindow, threshold: int) -> Draft:
    whole = _whole(budget, window.starts_at)
    spent, used = words.amount(budget.unit, window.spent), window.spent * 100 // budget.amount
    title = f"{budget.whose} has used {used} % of its {whole}"
    text = f"{spent} of {words.amount(budget.unit, budget.amount)} used; the alert is set at {threshold} %."
    text += f" {_reset(budget, window.ends_at)}"
    severity = Severity.BAD if threshold >= 100 else Severity.WARN if threshold >= 75 else Severity.INFO
    facts = {**_facts(budget, window.starts_at, window.ends_at), "spent": window.spent, "threshold_percent": threshold}
    return Draft(EventKind.BUDGET_THRESHOLD, severity, title, text, budget.tenant, _subject(budget), facts)


def _block(budget: Owned, started_at: datetime, at: datetime) -> Alert | None:
    zone = budget.tenant.timezone
    starts_at, ends_at = periods.window(budget.period, started_at, zone)
    title = f"{budget.whose} is refused: no room in its {_whole(budget, started_at)}"
    text = f"Requests that may cost more than is left are answered with 429. {_reset(budget, ends_at)}"
    draft = Draft(
        EventKind.BUDGET_BLOCKED,
        Severity.BAD,
        title,
        text,
        budget.tenant,
        _subject(budget),
        _facts(budget, starts_at, ends_at),
    )
    return raising.record(draft, f"{EventKind.BUDGET_BLOCKED}:{budget.key(starts_at)}", at)


def _whole(budget: Owned, at: datetime) -> str:
    """`$20 for November`."""
    return f"{words.amount(budget.unit, budget.amount)} {words.period(budget.period, at, budget.tenant.timezone)}"


def _reset(budget: Owned, ends_at: datetime | None) -> str:
    if ends_at is None:
        return "It does not reset by itself."
    return f"It resets on {words.moment(ends_at, budget.tenant.timezone)}."


def _subject(budget: Owned) -> tuple[str, str]:
    return ("tenant" if isinstance(budget.owner, Tenant) else "key", str(budget.owner.pk))


def _facts(budget: Owned, starts_at: datetime, ends_at: datetime | None) -> dict[str, Any]:
    kind, owner_id = _subject(budget)
    return {
        "owner": {"type": kind, "id": owner_id, "name": budget.owner.name},
        "unit": "nano_usd" if budget.unit == "usd" else budget.unit,
        "period": budget.period,
        "amount": budget.amount,
        "blocks": budget.is_blocking,
        "starts_at": starts_at.isoformat(),
        "ends_at": ends_at.isoformat() if ends_at else None,
    }
