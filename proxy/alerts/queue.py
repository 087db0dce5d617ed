"""The queue of deliveries: what is due, whose turn it is, and what became of it.

At least once: a message is claimed, sent, and only then written down as sent. A worker that dies in between leaves a
claim that runs out; the next one sends the message again under the same id.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from proxy.alerts.models import Delivery

CLAIM = timedelta(minutes=1)
"""How long a worker may take before another one may send the same."""
RETRIES = tuple(timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 3600, 3 * 3600, 8 * 3600))
"""The pause after each failed attempt, give or take a fifth; after the last one the message is given up."""
_JITTER = 0.2


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an attempt. `error` is '' where it arrived."""

    status: int | None
    error: str
    milliseconds: int
    is_final: bool = False  # nothing will come of trying again


def again(delivery: Delivery, at: datetime) -> None:
    """Put it into the queue once more, with all of its attempts before it and the same id."""
    Delivery.objects.filter(pk=delivery.pk).update(
        state=Delivery.State.PENDING, attempts=0, next_at=at, claimed_until=None, ended_at=None
    )


def pending(at: datetime) -> "QuerySet[Delivery]":
    """What may be sent now."""
    free = Q(claimed_until=None) | Q(claimed_until__lt=at)
    return Delivery.objects.select_related("alert", "channel__tenant").filter(
        free, Q(channel=None) | Q(channel__is_enabled=True), state=Delivery.State.PENDING, next_at__lte=at
    )


def claim(row: Delivery, at: datetime) -> bool:
    """Whether it is ours to send now; of two who want it one gets it."""
    until = at + CLAIM
    free = Delivery.objects.filter(pk=row.pk, state=Delivery.State.PENDING, claimed_until=row.claimed_until)
    row.claimed_until = until
    return bool(free.update(claimed_until=until))


def record(rows: Sequence[Delivery], outcomes: Sequence[Outcome], at: datetime) -> None:
    """Write down what became of the attempts."""
    for row, outcome in zip(rows, outcomes, strict=True):
        row.attempts += 1
        row.status, row.error, row.claimed_until = outcome.status, outcome.error[:300], None
        row.tries = [*row.tries, _try(outcome, at)][-20:]
        if not outcome.error:
            row.state, row.ended_at = Delivery.State.DELIVERED, at
        elif outcome.is_final or row.attempts > len(RETRIES):
            row.state, row.ended_at = Delivery.State.DEAD, at
        else:
            row.next_at = at + RETRIES[row.attempts - 1] * random.uniform(1 - _JITTER, 1 + _JITTER)
        row.save(
            update_fields=["attempts", "status", "error", "claimed_until", "tries", "state", "ended_at", "next_at"]
        )


def _try(outcome: Outcome, at: datetime) -> dict[str, object]:
    return {
        "at": at.isoformat(timespec="seconds"),
        "status": outcome.status,
        "error": outcome.error[:300],
        "ms": outcome.milliseconds,
    }
