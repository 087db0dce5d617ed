"""Brings rollups up to date in the transaction that writes usage records, by the difference it makes."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from django.db import connection

from proxy.ledger.rollups.shapes import shapes
from proxy.models import UsageRecord


@contextmanager
def counted(call_ids: Collection[str]) -> Iterator[None]:
    """Around a write of these calls' records, inside a transaction: what is written twice is counted once."""
    ids = list(call_ids)
    if not ids:
        yield
        return
    records = UsageRecord.objects.filter(id__in=ids).order_by("id")
    # Locked, so that of two who end one call the second sees what the first made of it.
    before = list(records.select_for_update().values_list("id", "state"))
    _add([id for id, state in before if state != UsageRecord.State.STARTED], sign=-1)
    yield
    _add(ids, sign=1)


def _add(ids: list[str], *, sign: int) -> None:
    if not ids:
        return
    condition = f"id IN ({', '.join(['%s'] * len(ids))})"
    with connection.cursor() as cursor:
        for shape in shapes():
            cursor.execute(shape.insert(condition, sign=sign), ids)
