"""Leases in the database: reservations whose `call_id` names a process, and a number of its own."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from django.db import connection
from django.utils import timezone

from proxy.call import Budget
from proxy.ledger.budgets import books
from proxy.ledger.budgets.books import Key, Window
from proxy.models import Reservation, UsageRecord

PREFIX = "lease:"
UNHEARD_OF = timedelta(seconds=30)
"""By then a process that lives has confirmed its leases several times, and gives nothing out of one that it has not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Top:
    """What a lease of one window wants: to give back, and to hold `wish` for calls to come, or nothing where there is
    room for less than `least`. `keeps` of what it holds is free; `is_last`: nothing of it is held by calls."""

    lease_id: str
    key: Key
    ends_at: datetime | None
    budgets: Sequence[Budget]
    has_row: bool
    back: int
    keeps: int
    wish: int
    least: int
    is_last: bool


class Held(Protocol):
    """Of which lease a call holds something."""

    id: str
    window_id: int


Part = tuple[Held, int]
"""A call's part of a lease."""


def name(process: str, number: int) -> str:
    """A lease's `call_id`."""
    return f"{PREFIX}{process}:{number}"


class Rows:
    """The rows of some leases, in a transaction that has their windows for itself."""

    def __init__(self, tops: Sequence[Top]) -> None:
        self._before = _amounts([top.lease_id for top in tops if top.has_row])
        self._amounts = dict(self._before)
        self._windows: dict[str, int] = {}

    def has(self, top: Top) -> bool:
        """Whether there is a row."""
        return top.lease_id in self._amounts

    def give_back(self, top: Top, window: Window) -> None:
        """Release what calls to come do not need, or all of it."""
        if top.lease_id in self._amounts:
            amount = self._amounts[top.lease_id] if top.is_last else top.back
            self._change(top, window, -amount)
            if top.is_last:
                del self._amounts[top.lease_id]

    def hold(self, top: Top, window: Window, amount: int) -> None:
        """Hold so much more."""
        if amount:
            self._change(top, window, amount)

    def write(self) -> None:
        """Make the database say so; what stays is confirmed."""
        at = connection.ops.adapt_datetimefield_value(timezone.now())
        rows = books.table(Reservation)
        kept = [(amount, at, id) for id, amount in self._amounts.items() if id in self._before]
        made = [(id, self._windows[id], amount, at) for id, amount in self._amounts.items() if id not in self._before]
        gone = [(id,) for id in self._before.keys() - self._amounts.keys()]
        with connection.cursor() as cursor:
            for statement, values in (
                (f"UPDATE {rows} SET amount = %s, created_at = %s WHERE call_id = %s", kept),  # noqa: S608 - our own names
                (f"INSERT INTO {rows} (call_id, window_id, amount, created_at) VALUES (%s, %s, %s, %s)", made),  # noqa: S608
                (f"DELETE FROM {rows} WHERE call_id = %s", gone),  # noqa: S608
            ):
                if values:
                    cursor.executemany(statement, values)

    def _change(self, top: Top, window: Window, amount: int) -> None:
        self._amounts[top.lease_id] = self._amounts.get(top.lease_id, 0) + amount
        self._windows[top.lease_id] = window.id
        window.change(amount)


def of(process: str) -> list[str]:
    """The leases of a process."""
    mine = Reservation.objects.filter(call_id__startswith=f"{PREFIX}{process}:")
    return list(mine.values_list("call_id", flat=True))


def unheard_of(at: datetime) -> list[str]:
    """Leases that nobody confirmed for long, and whose process has no call under way, as far as is known."""
    old = Reservation.objects.filter(call_id__startswith=PREFIX, created_at__lt=at - UNHEARD_OF)
    ids = list(old.values_list("call_id", flat=True))
    processes = {id: id.removeprefix(PREFIX).rpartition(":")[0] for id in ids}
    calls = UsageRecord.objects.filter(state=UsageRecord.State.STARTED, process__in=set(processes.values()))
    busy = set(calls.order_by().values_list("process", flat=True))
    return [id for id in ids if processes[id] not in busy]


def settle(held: Iterable[Part]) -> dict[int, int]:
    """Take what calls held off their leases: how much of it of each window. Windows are locked."""
    ended: dict[str, tuple[int, int]] = {}
    for lease, amount in held:
        ended[lease.id] = (lease.window_id, ended.get(lease.id, (0, 0))[1] + amount)
    there = _amounts(list(ended))
    released: dict[int, int] = {}
    changes = []
    for id, (window_id, amount) in ended.items():
        if id in there:  # else it was reaped, and holds nothing any more
            changes.append((min(amount, there[id]), id))
            released[window_id] = released.get(window_id, 0) + min(amount, there[id])
    if changes:
        with connection.cursor() as cursor:
            cursor.executemany(
                f"UPDATE {books.table(Reservation)} SET amount = amount - %s WHERE call_id = %s",  # noqa: S608
                changes,
            )
    return released


def _amounts(ids: Collection[str]) -> dict[str, int]:
    if not ids:
        return {}
    return dict(
        books.rows(
            f"SELECT call_id, amount FROM {books.table(Reservation)} WHERE call_id IN ({books.marks(ids)})",  # noqa: S608
            list(ids),
        )
    )
