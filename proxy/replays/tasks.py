"""The worker's jobs for replays and proofs: thin, each calls one thing. Their timetable is in the settings."""

import time

from celery import shared_task
from django.utils import timezone

from proxy.replays import queue, wakening, work

_TURN_SECONDS = 30.0


@shared_task(acks_late=True, name=wakening.REPLAY)  # type: ignore[untyped-decorator]
def replay() -> None:
    """Go on with what waits, for a while; then let other messages have their turn."""
    until = time.monotonic() + _TURN_SECONDS
    while time.monotonic() < until:
        claimed = queue.claim()
        if claimed is None:
            return
        work.work(claimed, until=until)
    wakening.wake()


@shared_task(name=wakening.TEND)  # type: ignore[untyped-decorator]
def tend() -> None:
    """Whatever a killed worker or a lost message left undone."""
    if queue.tend(timezone.now()):
        wakening.wake()
