"""Parts of budgets that this process holds for calls to come, so that a busy window is not asked for each of them.

A lease is a reservation like a call's. What is given out of it stays in its row until the call's record is written;
what nobody wants is given back within seconds. It is never more than a small part of what is free, and calls that it
does not cover are reserved one by one: so a budget is used to its end, and never beyond.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count

from proxy.call import Budget
from proxy.ledger.budgets import lease_rows
from proxy.ledger.budgets.books import Key
from proxy.ledger.budgets.lease_rows import Top
from proxy.ledger.budgets.reserving import Ask, Granted, Reserved, Standing

GOOD_SECONDS = 10.0
"""How long it is given out of a lease that the database did not confirm: shorter than until it is reaped."""
_TOUCH_SECONDS = 3.0
_LEAST_PACE = 8
_MOST_PACE = 1000


@dataclass(eq=False, slots=True)
class Lease:
    """What is held of one window: `free` for calls to come, `held` by calls that are not settled."""

    id: str
    key: Key
    ends_at: datetime | None
    has_row: bool = False
    window_id: int = 0
    budgets: Sequence[Budget] = ()
    standings: Sequence[Standing] = ()  # of these budgets, when the database was asked last
    free: int = 0
    held: int = 0
    seen_at: float = 0.0  # when that was
    calls: int = 0  # in this second
    pace: int = 0  # and in the last
    need: int = 0  # the most that a call needed lately
    is_due: bool = False

    @property
    def wish(self) -> int:
        """What the calls of a second need, where there are enough of them to be worth a row."""
        pace = max(self.pace, self.calls)
        return min(pace, _MOST_PACE) * self.need if pace >= _LEAST_PACE else 0


class Leases:
    """Those of one process, on its event loop. The ledger's thread reads `holds`: what calls have of which lease."""

    def __init__(self, process: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.holds: dict[str, list[tuple[Lease, int]]] = {}
        self._process = process
        self._clock = clock
        self._leases: dict[Key, Lease] = {}
        self._retired: list[Lease] = []
        self._due: list[Lease] = []
        self._numbers = count()

    @property
    def is_due(self) -> bool:
        """Whether there is something to ask the database for."""
        return bool(self._due)

    @property
    def is_empty(self) -> bool:
        """Whether nothing has to be looked after."""
        return not self._leases and not self._retired

    def give(self, ask: Ask) -> Reserved | None:
        """Reserve out of what is leased; None: the database must be asked."""
        oldest = self._clock() - GOOD_SECONDS
        parts: list[tuple[Lease, int]] = []
        standings: list[Standing] = []
        is_covered = ask.degrade is None
        for budget, (key, ends_at) in zip(ask.budgets, ask.windows, strict=True):
            lease = self._leases.get(key) or self._new(key, ends_at)
            if budget not in lease.budgets:  # new, or changed
                is_covered = False
            else:
                standings.append(lease.standings[lease.budgets.index(budget)])
            if any(lease is other for other, _amount in parts):
                continue
            amount = ask.need.amount(budget.unit, ask.need.most_output)
            parts.append((lease, amount))
            lease.calls += 1
            lease.need = max(lease.need, amount)
            is_covered = is_covered and lease.free >= amount and lease.seen_at > oldest
        if not is_covered:
            return None
        for lease, amount in parts:
            lease.free -= amount
            lease.held += amount
            if lease.free * 2 < lease.wish:
                self._ask_for(lease)
        self.holds.setdefault(ask.call_id, []).extend(parts)
        return Reserved(ask.need.most_output, tuple(standings))

    def tops(self, asks: Sequence[Ask]) -> list[tuple[Lease, Top]]:
        """What to ask the database for together with these calls, for which it first gets back all that is free."""
        budgets: dict[Key, list[Budget]] = {}
        for ask in asks:
            for budget, (key, _ends_at) in zip(ask.budgets, ask.windows, strict=True):
                mine = budgets.setdefault(key, [])
                if budget not in mine:
                    mine.append(budget)
        due, self._due = self._due, []
        touched = [lease for key in budgets if (lease := self._leases.get(key)) is not None]
        tops = [self._top(lease, budgets[lease.key], lease.free, lease.wish) for lease in touched]
        for lease in due:
            if lease not in touched and lease.is_due:
                is_wanted = lease.pace > 0 or lease.calls > 0
                wish = max(lease.wish - lease.free, 0) if is_wanted and lease not in self._retired else 0
                tops.append(self._top(lease, lease.budgets, 0 if is_wanted else lease.free, wish))
        return [(lease, top) for lease, top in tops if top.has_row or top.wish]

    def granted(self, answers: Iterable[tuple[Lease, Granted]], seen_at: float) -> None:
        """What became of what was asked for at `seen_at`."""
        for lease, granted in answers:
            lease.is_due = False
            lease.has_row = granted.has_row
            if granted.is_gone or (lease in self._retired and not granted.has_row):
                self._drop(lease)
            elif lease not in self._retired:
                lease.window_id, lease.seen_at = granted.window_id, seen_at
                lease.free += granted.amount
                lease.budgets, lease.standings = granted.budgets, granted.standings

    def failed(self, leases: Iterable[Lease]) -> None:
        """Nobody knows what became of it: nothing more is given out of these, and their rows go when they can."""
        for lease in leases:
            lease.is_due, lease.has_row, lease.free = False, True, 0
            if self._leases.get(lease.key) is lease:
                del self._leases[lease.key]
                self._retired.append(lease)

    def settled(self, call_ids: Iterable[str]) -> None:
        """These calls' records are written; for them no row holds anything any more."""
        for id in call_ids:
            for lease, amount in self.holds.pop(id, ()):
                lease.held -= amount

    def tick(self) -> None:
        """Once a second: learn the pace, give back what nobody wants, confirm the rest."""
        old = self._clock() - _TOUCH_SECONDS
        for lease in [*self._leases.values(), *self._retired]:
            lease.pace, lease.calls = lease.calls, 0
            if lease.has_row:
                is_idle = not lease.pace and (lease.free or not lease.held)
                if is_idle or lease.seen_at < old:
                    self._ask_for(lease)
            elif not lease.pace and not lease.is_due:
                self._drop(lease)
            if not lease.pace:
                lease.need = 0

    def _new(self, key: Key, ends_at: datetime | None) -> Lease:
        lease = self._leases[key] = Lease(lease_rows.name(self._process, next(self._numbers)), key, ends_at)
        return lease

    def _drop(self, lease: Lease) -> None:
        if self._leases.get(lease.key) is lease:
            del self._leases[lease.key]
        if lease in self._retired:
            self._retired.remove(lease)

    def _ask_for(self, lease: Lease) -> None:
        if not lease.is_due:
            lease.is_due = True
            self._due.append(lease)

    def _top(self, lease: Lease, budgets: Sequence[Budget], back: int, wish: int) -> tuple[Lease, Top]:
        lease.is_due = False
        lease.free -= back
        is_last = not wish and not lease.held and not lease.free
        return lease, Top(
            lease_id=lease.id,
            key=lease.key,
            ends_at=lease.ends_at,
            budgets=tuple(budgets),
            has_row=lease.has_row,
            back=back,
            keeps=lease.free,
            wish=wish,
            least=4 * lease.need,
            is_last=is_last,
        )
