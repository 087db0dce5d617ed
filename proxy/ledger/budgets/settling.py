"""Moves what calls used from held to spent, in the transaction that writes their records."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from proxy.ledger.budgets import books, counting, lease_rows
from proxy.models import BudgetWindow, Reservation, UsageRecord

Leased = Mapping[str, Sequence[lease_rows.Part]]
"""What calls hold of leases."""
_UNHEARD_OF = timedelta(minutes=2)
"""By then a call that goes on has a record: the journal is written to the database several times a second."""
_MOST_AT_ONCE = 500


@contextmanager
def counted(call_ids: Collection[str], leased: Leased | None = None) -> Iterator[None]:
    """Around a write of these calls' records: windows get the difference it makes, reservations of settled calls go.

    Counting differences makes a replay harmless: what is written twice makes none. Inside a transaction. `leased`
    says what each call holds of a lease, where their process lives.
    """
    guard_records()
    if not call_ids or not BudgetWindow.objects.exists():
        yield
        return
    records = UsageRecord.objects.filter(id__in=call_ids).order_by()
    before = set(_ended(records))  # those are released already, where a commit was that nobody heard of
    held = [part for id in call_ids if id not in before for part in leased.get(id, ())] if leased else []
    spent = counting.in_windows(records) if before else {}
    yield
    changes = counting.in_windows(records)
    for window, amount in spent.items():
        changes[window] = changes.get(window, 0) - amount
    _apply(changes, _ended(records) if leased is None else call_ids, held)


def reap() -> int:
    """Release what calls and leases hold whose end nobody will tell: how many reservations."""
    with transaction.atomic():
        guard_records()
        now = timezone.now()
        old = Reservation.objects.filter(created_at__lt=now - _UNHEARD_OF).exclude(
            call_id__startswith=lease_rows.PREFIX
        )
        ids = set(old.values_list("call_id", flat=True)[:_MOST_AT_ONCE])
        alive = UsageRecord.objects.filter(id__in=ids, state=UsageRecord.State.STARTED)
        dead = lease_rows.unheard_of(now)
        return _apply({}, [*(ids - set(alive.values_list("id", flat=True))), *dead[:_MOST_AT_ONCE]])


def release(process: str) -> None:
    """Release what is left of the leases of a process whose calls are all settled."""
    with transaction.atomic():
        guard_records()
        _apply({}, lease_rows.of(process))


def guard_records() -> None:
    """Until the transaction ends, no window is made from the records that it is about to change."""
    _lock_table("ROW EXCLUSIVE")


def guard_windows() -> None:
    """Until the transaction ends, no record is written and no window changes."""
    _lock_table("SHARE ROW EXCLUSIVE")


def lock(window_ids: Collection[int]) -> list[BudgetWindow]:
    """The windows, for this transaction alone, in one order: so nobody waits for another in a circle."""
    return list(BudgetWindow.objects.select_for_update().filter(pk__in=window_ids).order_by("id"))


def _apply(changes: Mapping[int, int], ended: Collection[str], leased: Sequence[lease_rows.Part] = ()) -> int:
    """Add to `spent`, and release what the ended calls hold: how many reservations."""
    mine = Reservation.objects.filter(call_id__in=list(ended)).order_by()
    holding = set(mine.values_list("window_id", flat=True))
    of_leases = {lease.window_id for lease, _amount in leased}
    changed = {window for window, change in changes.items() if change}
    windows = {window.pk: 0 for window in lock(holding | of_leases | changed)}
    held = list(mine.filter(window_id__in=holding).values_list("window_id", "amount")) if holding else []
    if held:
        mine.filter(window_id__in=holding).delete()
    for window, amount in [*held, *lease_rows.settle(leased).items()]:
        windows[window] += amount
    books.settle([(changes.get(window, 0), amount, window) for window, amount in windows.items()])
    return len(held)


def _ended(records: "QuerySet[UsageRecord]") -> "QuerySet[UsageRecord, str]":
    return records.exclude(state=UsageRecord.State.STARTED).values_list("id", flat=True)


def _lock_table(mode: str) -> None:
    if connection.vendor == "postgresql":  # SQLite has one writer at a time
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {books.table(BudgetWindow)} IN {mode} MODE")
