"""Moves what calls used from held to spent, in the transaction that writes their records."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

from django.db import connection, transaction
from django.utils import timezone

from proxy.ledger.budgets import books, counting
from proxy.models import BudgetWindow, Reservation, UsageRecord

_UNHEARD_OF = timedelta(minutes=2)
"""By then a call that goes on has a record: the journal is written to the database several times a second."""
_MOST_AT_ONCE = 500


@contextmanager
def counted(call_ids: Collection[str]) -> Iterator[None]:
    """Around a write of these calls' records: windows get the difference it makes, reservations of settled calls go.

    Counting differences makes a replay harmless: what is written twice makes none. Inside a transaction.
    """
    guard_records()
    if not call_ids or not BudgetWindow.objects.exists():
        yield
        return
    records = UsageRecord.objects.filter(id__in=call_ids)
    before = counting.in_windows(counting.used(records))
    yield
    after = counting.in_windows(counting.used(records))
    changes = {window: after.get(window, 0) - before.get(window, 0) for window in {*before, *after}}
    _apply(changes, records.exclude(state=UsageRecord.State.STARTED).values_list("id", flat=True))


def reap() -> int:
    """Release what calls hold that have ended, or that nothing was heard of: how many reservations."""
    with transaction.atomic():
        guard_records()
        old = Reservation.objects.filter(created_at__lt=timezone.now() - _UNHEARD_OF)
        ids = set(old.values_list("call_id", flat=True)[:_MOST_AT_ONCE])
        alive = UsageRecord.objects.filter(id__in=ids, state=UsageRecord.State.STARTED)
        return _apply({}, ids - set(alive.values_list("id", flat=True)))


def guard_records() -> None:
    """Until the transaction ends, no window is made from the records that it is about to change."""
    _lock_table("ROW EXCLUSIVE")


def guard_windows() -> None:
    """Until the transaction ends, no record is written and no window changes."""
    _lock_table("SHARE ROW EXCLUSIVE")


def lock(window_ids: Collection[int]) -> list[BudgetWindow]:
    """The windows, for this transaction alone, in one order: so nobody waits for another in a circle."""
    return list(BudgetWindow.objects.select_for_update().filter(pk__in=window_ids).order_by("id"))


def _apply(changes: Mapping[int, int], ended: Collection[str]) -> int:
    """Add to `spent`, and release what the ended calls hold: how many reservations."""
    mine = Reservation.objects.filter(call_id__in=list(ended))
    holding = set(mine.values_list("window_id", flat=True))
    windows = {window.pk: 0 for window in lock({*holding, *(window for window, change in changes.items() if change)})}
    held = list(mine.filter(window_id__in=holding).values_list("window_id", "amount")) if holding else []
    if held:
        mine.filter(window_id__in=holding).delete()
    for window, amount in held:
        windows[window] += amount
    books.settle([(changes.get(window, 0), amount, window) for window, amount in windows.items()])
    return len(held)


def _lock_table(mode: str) -> None:
    if connection.vendor == "postgresql":  # SQLite has one writer at a time
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {books.table(BudgetWindow)} IN {mode} MODE")
