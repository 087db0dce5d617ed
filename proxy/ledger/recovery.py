"""Settles the calls of processes that died: what their journals tell, and what nothing tells any more."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from django.db import transaction
from django.db.models import DateTimeField, QuerySet, Value
from django.db.models.functions import Greatest
from django.utils import timezone

from proxy.ledger import journal
from proxy.ledger.budgets import settling
from proxy.ledger.consumer import Consumer, Told
from proxy.ledger.rollups import keeping
from proxy.models import UsageRecord

LONGEST_CALL = timedelta(hours=2)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a recovery found."""

    journals: int = 0
    lines: int = 0
    interrupted: int = 0


def recover(directory: Path, *, beside: Told | None = None) -> Recovered:
    """Bring the journals of dead processes into the database and delete them; `beside` as for a Consumer.

    Raises django.db.Error. May run in any number of processes at once: a journal is one's own while its lock is held.
    """
    total = Recovered()
    for name in journal.names(directory):
        with journal.claimed(directory, name) as is_ours:
            if is_ours:
                found = _settle(directory, name, beside)
                total = Recovered(total.journals + 1, total.lines + found.lines, total.interrupted + found.interrupted)
    if total.lines:
        log.warning(
            "recovered usage of processes that died",
            journals=total.journals,
            lines=total.lines,
            interrupted=total.interrupted,
        )
    return total


def close_lost(older_than: timedelta = LONGEST_CALL) -> int:
    """Close calls that started so long ago that nothing will tell their end: how many.

    For journals that are gone with their machine. Should a call run on all the same, its end overwrites this.
    """
    now = timezone.now()
    lost = UsageRecord.objects.filter(state=UsageRecord.State.STARTED, started_at__lt=now - older_than)
    count = _interrupt(lost, now, "Nothing was heard of this call's process any more.")
    if count:
        log.warning("closed calls whose journals are lost", calls=count)
    return count


def _settle(directory: Path, name: str, beside: Told | None) -> Recovered:
    died_at = _last_written(directory, name)
    lines = Consumer(directory, name, beside=beside).drain(is_dead=True)
    under_way = UsageRecord.objects.filter(process=name, state=UsageRecord.State.STARTED)
    interrupted = _interrupt(under_way, died_at, "The proxy's process ended during this call.")
    settling.release(name)
    journal.remove(directory, name)
    return Recovered(1, lines, interrupted)


def _interrupt(calls: "QuerySet[UsageRecord]", at: datetime, message: str) -> int:
    """Tokens and cost stay as the last progress told them."""
    ids = list(calls.values_list("id", flat=True))
    with transaction.atomic(), settling.counted(ids), keeping.counted(ids):
        return UsageRecord.objects.filter(id__in=ids, state=UsageRecord.State.STARTED).update(
            state=UsageRecord.State.INTERRUPTED,
            ended_at=Greatest("started_at", Value(at, DateTimeField())),  # a file's time is coarser than a call's
            is_usage_estimated=True,
            error_type="interrupted",
            error_message=message,
        )


def _last_written(directory: Path, name: str) -> datetime:
    times = [path.stat().st_mtime for path in journal.segments(directory, name)]
    return datetime.fromtimestamp(max(times), UTC) if times else timezone.now()
