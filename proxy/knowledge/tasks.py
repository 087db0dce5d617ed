"""The document worker's jobs: thin, each calls one thing. Their timetable is in the settings."""

import time

from celery import shared_task
from django.utils import timezone

from proxy.knowledge import indexes, removal, uses, wakening
from proxy.knowledge.ingestion import queue, work
from proxy.knowledge.models import Index
from proxy.knowledge.turns import memory
from tenants.models import Collection

_TURN_SECONDS = 30.0


@shared_task(acks_late=True, name=wakening.INGEST)  # type: ignore[untyped-decorator]
def ingest() -> None:
    """Read what waits, for a while; then let other messages have their turn."""
    until = time.monotonic() + _TURN_SECONDS
    while time.monotonic() < until:
        claimed = queue.claim()
        if claimed is None:
            return
        work.ingest(claimed)
    wakening.wake()


@shared_task(name=wakening.TEND)  # type: ignore[untyped-decorator]
def tend() -> None:
    """Whatever a killed process or a lost message left undone."""
    queue.release_lost()
    for collection in Collection.objects.filter(indexes__isnull=False).distinct():
        indexes.follow(collection)
    for index in Index.objects.filter(state=Index.State.BUILDING):
        indexes.settle(index)
    removal.sweep()
    memory.forget(timezone.now())
    uses.forget(timezone.now())
    if queue.waiting():
        wakening.wake()
