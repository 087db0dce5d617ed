"""Reserves what a call may cost, before it is asked: all of its budgets or none."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F

from proxy.call import Budget
from proxy.ledger.budgets import counting, periods, settling
from proxy.ledger.budgets.need import Need
from proxy.models import BudgetWindow

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


_Key = tuple[UUID, str, str, datetime]

Degrade = Callable[[Sequence[Standing]], Need]
"""What a call needs after all, given how its budgets stand."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One call that wants to reserve: of which budgets, when it came in, and what it needs."""

    call_id: str
    budgets: Sequence[Budget]
    zone: str
    at: datetime
    need: Need
    degrade: Degrade | None = None

    def windows(self) -> dict[Budget, _Key]:
        """Where each budget is counted."""
        return {budget: _window_key(budget, self.zone, self.at) for budget in self.budgets}


def reserve(
    call_id: str, budgets: Sequence[Budget], zone: str, at: datetime, need: Need, *, degrade: Degrade | None = None
) -> Reserved:
    """As `reserve_each`, for one call."""
    [reserved] = reserve_each([Ask(call_id, budgets, zone, at, need, degrade)])
    return reserved


def reserve_each(asks: Sequence[Ask]) -> list[Reserved]:
    """Hold what each call may use of every budget, one after the other, less output where there is less room.

    One transaction, in which nobody else changes the windows. Raises django.db.Error: then nothing is reserved.
    """
    wanted = [ask.windows() for ask in asks]
    ids = _ids({key: ask for ask, keys in zip(asks, wanted, strict=True) for key in keys.values()})
    with transaction.atomic():
        settling.guard_records()  # before any row: who makes windows waits for nobody that waits for it
        books = Books(settling.lock(ids.values()))
        answers = [
            books.reserve(ask, {budget: ids[key] for budget, key in keys.items()})
            for ask, keys in zip(asks, wanted, strict=True)
        ]
        books.write()
    return answers


class Books:
    """Some windows, locked, with what calls reserve of them until it is written."""

    def __init__(self, windows: Sequence[BudgetWindow]) -> None:
        self._windows = {window.pk: window for window in windows}
        self._running = dict.fromkeys(self._windows, 0) | settling.running(self._windows)
        self._added = dict.fromkeys(self._windows, 0)
        self._holds: list[tuple[str, int, int]] = []  # call, window, amount

    def reserve(self, ask: Ask, where: dict[Budget, int]) -> Reserved:
        """Hold for one call what there is room for, or tell which budget has none."""
        before = {budget: self._windows[pk] for budget, pk in where.items()}
        need = ask.need if ask.degrade is None else ask.degrade([_standing(*pair) for pair in before.items()])
        output, short = self._room(before, need)
        if short is not None:
            return Reserved(0, [_standing(*pair) for pair in before.items()], _standing(short, before[short]))
        for pk in set(where.values()):
            amount = need.amount(self._windows[pk].unit, output)
            self._windows[pk].held += amount
            self._added[pk] += amount
            self._running[pk] += 1
            self._holds.append((ask.call_id, pk, amount))
        return Reserved(output, [_standing(*pair) for pair in before.items()])

    def _room(self, before: dict[Budget, BudgetWindow], need: Need) -> tuple[int, Budget | None]:
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
            share = free // (_FIRST_SHARE + self._running[window.pk])
            output = min(output, need.output_within(budget.unit, max(share, least)))
        return max(output, need.least_output), None

    def write(self) -> None:
        """Bring what was reserved into the database."""
        for pk, amount in self._added.items():
            if amount:
                BudgetWindow.objects.filter(pk=pk).update(held=F("held") + amount)
        settling.hold(self._holds)


def standings(budgets: Sequence[Budget], zone: str, at: datetime) -> list[Standing]:
    """Each budget as it stands, with nothing reserved or kept. Raises django.db.Error."""
    wanted = {budget: _window_key(budget, zone, at) for budget in budgets}
    ids = _find(wanted.values())
    kept = BudgetWindow.objects.in_bulk(ids.values())
    windows = {key: kept[ids[key]] if key in ids else _new(key, zone, at) for key in wanted.values()}
    return [_standing(budget, windows[key]) for budget, key in wanted.items()]


def _window_key(budget: Budget, zone: str, at: datetime) -> _Key:
    return (budget.owner_id, budget.unit, budget.period, periods.window(budget.period, at, zone)[0])


def _find(keys: Collection[_Key]) -> dict[_Key, int]:
    rows = BudgetWindow.objects.filter(
        owner_id__in={key[0] for key in keys}, starts_at__in={key[3] for key in keys}
    ).values_list("owner_id", "unit", "period", "starts_at", "pk")
    found = {(owner, unit, period, starts_at): pk for owner, unit, period, starts_at, pk in rows}
    return {key: found[key] for key in keys if key in found}


def _ids(wanted: Mapping[_Key, Ask]) -> dict[_Key, int]:
    """All of the windows; new ones with what was used in them before there was a budget."""
    found = _find(wanted)
    if len(found) == len(wanted):
        return found
    with transaction.atomic():
        settling.guard_windows()
        found = _find(wanted)
        for key in wanted.keys() - found.keys():
            window = _new(key, wanted[key].zone, wanted[key].at)
            window.save(force_insert=True)
            found[key] = window.pk
    return found


def _new(key: _Key, zone: str, at: datetime) -> BudgetWindow:
    """A window that is not kept yet, with what was used in it."""
    owner, unit, period, starts_at = key
    ends_at = periods.window(period, at, zone)[1]
    window = BudgetWindow(owner_id=owner, unit=unit, period=period, starts_at=starts_at, ends_at=ends_at)
    window.spent = counting.spent(window)
    return window


def _standing(budget: Budget, window: BudgetWindow) -> Standing:
    return Standing(budget, window.spent, window.held, window.ends_at)
