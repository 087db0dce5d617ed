"""Counts every window again from the records and reservations that it stands for."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q, Sum
from django.utils import timezone

from proxy.ledger.budgets import counting, settling
from proxy.models import BudgetWindow


@dataclass(frozen=True, slots=True)
class Drift:
    """A window that does not say what its records and reservations add up to."""

    window: BudgetWindow
    spent: int
    held: int


def reconcile(*, fix: bool) -> Iterator[Drift]:
    """Look at the windows that are open; with `fix` they are made to say the truth."""
    for pk in BudgetWindow.objects.filter(Q(ends_at=None) | Q(ends_at__gt=timezone.now())).values_list("pk", flat=True):
        with transaction.atomic():
            settling.guard_windows()
            window = settling.lock([pk])[0]
            spent = counting.spent(window)
            held = window.reservations.aggregate(total=Sum("amount"))["total"] or 0
            if (spent, held) == (window.spent, window.held):
                continue
            if fix:
                BudgetWindow.objects.filter(pk=pk).update(spent=spent, held=held)
        yield Drift(window, spent, held)
