"""The background worker's jobs of the data plane: thin, each calls one function. Their timetable is in the settings."""

from typing import Any

from celery import shared_task
from celery.signals import worker_ready
from django.conf import settings
from django.utils import timezone

from proxy.ledger import recovery
from proxy.ledger.budgets import settling
from proxy.models import Heartbeat

WORKER = "worker"
"""The name under which the worker says that it lives."""


@shared_task  # type: ignore[untyped-decorator]
def beat() -> None:
    """Say that the timetable runs and its jobs are done."""
    Heartbeat.objects.update_or_create(name=WORKER, defaults={"at": timezone.now()})


@worker_ready.connect  # type: ignore[untyped-decorator]
def _begin(**_signal: Any) -> None:
    """Not a quarter of a minute after the start, but with it."""
    beat()


@shared_task  # type: ignore[untyped-decorator]
def recover_journals() -> None:
    """Settle the calls of this machine's web processes that died."""
    recovery.recover(settings.CONFIG.data_dir / "journal")


@shared_task  # type: ignore[untyped-decorator]
def reap_reservations() -> None:
    """Release what calls hold that ended, or never began."""
    settling.reap()


@shared_task  # type: ignore[untyped-decorator]
def close_lost_calls() -> None:
    """Close calls that nothing will tell the end of."""
    recovery.close_lost()
