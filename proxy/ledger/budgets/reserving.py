"""Reserves what a call may cost, before it is asked: all of its budgets or none."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F

from proxy.call import Budget
from proxy.ledger.budgets import counting, periods, settling
from proxy.ledger.budgets.need import Need
from proxy.models import BudgetWindow, Reservation

_FIRST_SHARE = 4


@dataclass(frozen=True, slots=True)
class Standing:
    """A budget as it stood after the reservation, or when it was refused."""

    budget: Budget
    spent: int
    held: int
    ends_at: datetime | None

    @property
    def free(self) -> int:
        """What is neither spent nor held."""
        return self.budget.amount - self.spent - self.held

    @property
    def utilization(self) -> float:
        """Spent and held, as a part of the whole."""
        return (self.spent + self.held) / self.budget.amount


@dataclass(frozen=True, slots=True)
class Reserved:
    """The answer. `short` names the budget that had no room: then nothing is reserved."""

    output_tokens: int
    standings: Sequence[Standing]
    short: Standing | None = None


Degrade = Callable[[Sequence[Standing]], Need]
"""What a call needs after all, given how its budgets stand."""


def reserve(
    call_id: str, budgets: Sequence[Budget], zone: str, at: datetime, need: Need, *, degrade: Degrade | None = None
) -> Reserved:
    """Hold what the call may use of every budget, with fewer output tokens where there is less room.

    One transaction, in which nobody else changes the windows. Raises django.db.Error.
    """
    wanted = {budget: _window_key(budget, zone, at) for budget in budgets}
    keys = set(wanted.values())
    ids = _find(keys)
    if len(ids) < len(keys):
        with transaction.atomic():
            settling.guard_windows()
            ids = _make(keys, zone, at)
    with transaction.atomic():
        settling.guard_records()  # before any row: who makes windows waits for nobody that waits for it
        windows = {window.pk: window for window in settling.lock(ids.values())}
        before = {budget: windows[ids[key]] for budget, key in wanted.items()}
        if degrade is not None:
            need = degrade([_standing(*pair, 0) for pair in before.items()])
        output, short = _room(before, need)
        if short is not None:
            return Reserved(0, [_standing(*pair, 0) for pair in before.items()], _standing(short, before[short], 0))
        holds = {window.pk: need.amount(window.unit, output) for window in windows.values()}
        for pk, amount in holds.items():
            BudgetWindow.objects.filter(pk=pk).update(held=F("held") + amount)
        Reservation.objects.bulk_create(
            [Reservation(call_id=call_id, window_id=pk, amount=amount) for pk, amount in holds.items()]
        )
    return Reserved(output, [_standing(budget, window, holds[window.pk]) for budget, window in before.items()])


def standings(budgets: Sequence[Budget], zone: str, at: datetime) -> list[Standing]:
    """Each budget as it stands, with nothing reserved or kept. Raises django.db.Error."""
    wanted = {budget: _window_key(budget, zone, at) for budget in budgets}
    ids = _find(wanted.values())
    kept = BudgetWindow.objects.in_bulk(ids.values())
    windows = {key: kept[ids[key]] if key in ids else _new(key, zone, at) for key in wanted.values()}
    return [_standing(budget, windows[key], 0) for budget, key in wanted.items()]


def _room(before: dict[Budget, BudgetWindow], need: Need) -> tuple[int, Budget | None]:
    """How many output tokens all blocking budgets have room for, or the first that has none."""
    output = need.most_output
    for budget, window in before.items():
        if not budget.is_blocking:
            continue
        free = budget.amount - window.spent - window.held
        least = need.amount(budget.unit, need.least_output)
        if least > free:
            return 0, budget
        # Many ask for 128,000 tokens and use some hundreds. Nobody is given all that is left, so that others
        # find room too: a quarter of it to the first, a fifth of the rest to the second, and so on.
        running = window.reservations.count()
        share = free // (_FIRST_SHARE + running)
        output = min(output, need.output_within(budget.unit, max(share, least)))
    return max(output, need.least_output), None


_Key = tuple[UUID, str, str, datetime]


def _window_key(budget: Budget, zone: str, at: datetime) -> _Key:
    return (budget.owner_id, budget.unit, budget.period, periods.window(budget.period, at, zone)[0])


def _find(keys: Collection[_Key]) -> dict[_Key, int]:
    rows = BudgetWindow.objects.filter(
        owner_id__in={key[0] for key in keys}, starts_at__in={key[3] for key in keys}
    ).values_list("owner_id", "unit", "period", "starts_at", "pk")
    found = {(owner, unit, period, starts_at): pk for owner, unit, period, starts_at, pk in rows}
    return {key: found[key] for key in keys if key in found}


def _make(keys: Collection[_Key], zone: str, at: datetime) -> dict[_Key, int]:
    """All of the windows; the new ones with what was used in them before there was a budget."""
    made = _find(keys)
    for key in set(keys) - made.keys():
        window = _new(key, zone, at)
        window.save(force_insert=True)
        made[key] = window.pk
    return made


def _new(key: _Key, zone: str, at: datetime) -> BudgetWindow:
    """A window that is not kept yet, with what was used in it."""
    owner, unit, period, starts_at = key
    ends_at = periods.window(period, at, zone)[1]
    window = BudgetWindow(owner_id=owner, unit=unit, period=period, starts_at=starts_at, ends_at=ends_at)
    window.spent = counting.spent(window)
    return window


def _standing(budget: Budget, window: BudgetWindow, held: int) -> Standing:
    return Standing(budget, window.spent, window.held + held, window.ends_at)
