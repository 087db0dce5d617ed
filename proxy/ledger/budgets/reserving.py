"""Reserves what a call may cost, before it is asked: all of its budgets or none."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from proxy.call import Budget
from proxy.ledger.budgets import books, counting, lease_rows, periods, settling
from proxy.ledger.budgets.books import Key, Window
from proxy.ledger.budgets.lease_rows import Top
from proxy.ledger.budgets.need import Growth, Need
from proxy.models import BudgetWindow

_FIRST_SHARE = 4
_LEASE_SHARE = 16  # of what is free, a lease may have one of so many parts,
_LEASE_END = 5  # and nothing where less than one of so many parts of the budget is free


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


@dataclass(slots=True)
class Ask:
    """One call that wants to reserve: of which budgets, when it came in, and what it needs."""

    call_id: str
    budgets: Sequence[Budget]
    zone: str
    at: datetime
    need: Need | Growth
    degrade: Degrade | None = None
    windows: Sequence[tuple[Key, datetime | None]] = field(init=False)
    """Where each budget is counted, and until when."""

    def __post_init__(self) -> None:
        self.windows = [_window(budget, self.zone, self.at) for budget in self.budgets]

    def of(self, windows: Mapping[Key, Window]) -> dict[Budget, Window]:
        """Where each budget is counted, among these."""
        return {budget: windows[key] for budget, (key, _ends_at) in zip(self.budgets, self.windows, strict=True)}


@dataclass(frozen=True, slots=True)
class Granted:
    """What became of a `Top`, and how its budgets stood then. `is_gone`: the row was reaped, and holds nothing."""

    has_row: bool = False
    window_id: int = 0
    amount: int = 0
    budgets: Sequence[Budget] = ()
    standings: Sequence[Standing] = ()
    is_gone: bool = False


def reserve(
    call_id: str, budgets: Sequence[Budget], zone: str, at: datetime, need: Need, *, degrade: Degrade | None = None
) -> Reserved:
    """As `reserve_each`, for one call."""
    [reserved], _granted = reserve_each([Ask(call_id, budgets, zone, at, need, degrade)])
    return reserved


def reserve_each(asks: Sequence[Ask], tops: Sequence[Top] = ()) -> tuple[list[Reserved], list[Granted]]:
    """Hold what each call may use of every budget, one after the other, less output where there is less room.

    What leases give back is there for them, what leases want is what they leave. One transaction, in which nobody
    else changes the windows. Raises django.db.Error: then nothing is reserved.
    """
    first = {key: ask for ask in asks for key, _ends_at in ask.windows}
    done = _reserved(asks, tops, first)
    if done is None:
        _make(first)
        done = _reserved(asks, tops, first)
        assert done is not None  # windows are made for good
    return done


def _reserved(
    asks: Sequence[Ask], tops: Sequence[Top], keys: Mapping[Key, Ask]
) -> tuple[list[Reserved], list[Granted]] | None:
    """None: some windows are not there yet."""
    holds: list[tuple[str, int, int]] = []
    with transaction.atomic():
        settling.guard_records()  # before any row: who makes windows waits for nobody that waits for it
        windows = books.lock({*keys, *(top.key for top in tops)})
        if not keys.keys() <= windows.keys():
            return None
        leases = lease_rows.Rows(tops)
        for top in tops:
            if top.key in windows:
                leases.give_back(top, windows[top.key])
        answers = [_reserve(ask, ask.of(windows), holds) for ask in asks]
        granted = [_grant(top, windows.get(top.key), leases) for top in tops]
        books.write(windows.values(), holds)
        leases.write()
    return answers, granted


def _grant(top: Top, window: Window | None, leases: lease_rows.Rows) -> Granted:
    """Let a lease hold what it wants, or the part of what is free that it may."""
    if window is None or (top.has_row and not top.is_last and not leases.has(top)):
        return Granted(is_gone=True)
    amount = min(top.wish, _room_of_lease(top.budgets, window, top.wish))
    if amount < max(top.least, 1):
        amount = 0
    leases.hold(top, window, amount)
    held = window.held - top.keeps - amount
    standings = [Standing(budget, window.spent, held, top.ends_at) for budget in top.budgets]
    return Granted(leases.has(top), window.id, amount, top.budgets, standings)


def _room_of_lease(budgets: Sequence[Budget], window: Window, wish: int) -> int:
    """A small part of what is free; nothing towards a budget's end, where calls are reserved one by one."""
    room = wish
    for budget in budgets:
        if budget.is_blocking:
            free = budget.amount - window.spent - window.held
            room = min(room, free // _LEASE_SHARE if free * _LEASE_END > budget.amount else 0)
    return room


def _reserve(ask: Ask, before: dict[Budget, Window], holds: list[tuple[str, int, int]]) -> Reserved:
    """Hold for one call what there is room for, or tell which budget has none."""
    need = ask.need if ask.degrade is None else ask.degrade(_standings(ask, before))
    output, short = _room(before, need)
    if short is not None:
        return Reserved(0, _standings(ask, before), *_standings(ask, {short: before[short]}))
    for unit, window in {window.id: (budget.unit, window) for budget, window in before.items()}.values():
        amount = need.amount(unit, output)
        window.hold(amount)
        holds.append((ask.call_id, window.id, amount))
    return Reserved(output, _standings(ask, before))


def _room(before: dict[Budget, Window], need: Need | Growth) -> tuple[int, Budget | None]:
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
        share = free // (_FIRST_SHARE + window.running)
        output = min(output, need.output_within(budget.unit, max(share, least)))
    return max(output, need.least_output), None


def _standings(ask: Ask, windows: dict[Budget, Window]) -> list[Standing]:
    return [
        Standing(budget, window.spent, window.held, periods.window(budget.period, ask.at, ask.zone)[1])
        for budget, window in windows.items()
    ]


def standings(budgets: Sequence[Budget], zone: str, at: datetime) -> list[Standing]:
    """Each budget as it stands, with nothing reserved or kept. Raises django.db.Error."""
    wanted = {budget: _window(budget, zone, at)[0] for budget in budgets}
    ids = _find(wanted.values())
    kept = BudgetWindow.objects.in_bulk(ids.values())
    windows = {key: kept[ids[key]] if key in ids else _new(key, zone, at) for key in wanted.values()}
    return [_standing(budget, windows[key]) for budget, key in wanted.items()]


def _window(budget: Budget, zone: str, at: datetime) -> tuple[Key, datetime | None]:
    starts_at, ends_at = periods.window(budget.period, at, zone)
    return (budget.owner_id, budget.unit, budget.period, starts_at), ends_at


def _find(keys: Collection[Key]) -> dict[Key, int]:
    rows = BudgetWindow.objects.filter(
        owner_id__in={key[0] for key in keys}, starts_at__in={key[3] for key in keys}
    ).values_list("owner_id", "unit", "period", "starts_at", "pk")
    found = {(owner, unit, period, starts_at): pk for owner, unit, period, starts_at, pk in rows}
    return {key: found[key] for key in keys if key in found}


def _make(wanted: Mapping[Key, Ask]) -> None:
    """The windows that are not there yet, with what was used in them before there was a budget."""
    with transaction.atomic():
        settling.guard_windows()
        for key in wanted.keys() - _find(wanted).keys():
            _new(key, wanted[key].zone, wanted[key].at).save(force_insert=True)


def _new(key: Key, zone: str, at: datetime) -> BudgetWindow:
    """A window that is not kept yet, with what was used in it."""
    owner, unit, period, starts_at = key
    ends_at = periods.window(period, at, zone)[1]
    window = BudgetWindow(owner_id=owner, unit=unit, period=period, starts_at=starts_at, ends_at=ends_at)
    window.spent = counting.spent(window)
    return window


def _standing(budget: Budget, window: BudgetWindow) -> Standing:
    return Standing(budget, window.spent, window.held, window.ends_at)
