"""The background worker's jobs of the data plane: thin, each calls one function. Their timetable is in the settings."""

from typing import Any
from uuid import UUID

from celery import shared_task
from celery.signals import worker_ready
from django.conf import settings
from django.utils import timezone

from proxy.alerts import budgets, delivering, keys, platform, retention, upstreams
from proxy.answers import purging
from proxy.answers.stores import StoreDown
from proxy.knowledge import uses
from proxy.ledger import recovery
from proxy.ledger.budgets import settling
from proxy.models import Heartbeat
from proxy.transcripts import retention as transcripts

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
    recovery.recover(settings.CONFIG.data_dir / "journal", beside=uses.write)


@shared_task(autoretry_for=(StoreDown,), max_retries=None, retry_backoff=5)  # type: ignore[untyped-decorator]
def forget_answers(tenant_id: str) -> None:
    """Forget the kept answers of a tenant that is gone, until that is done."""
    purging.end(UUID(tenant_id))


@shared_task  # type: ignore[untyped-decorator]
def reap_reservations() -> None:
    """Release what calls hold that ended, or never began."""
    settling.reap()


@shared_task  # type: ignore[untyped-decorator]
def look_for_alerts() -> None:
    """Raise what web processes missed, and what no single call tells."""
    now = timezone.now()
    budgets.look_everywhere(now)
    upstreams.look(now)
    keys.look(now)
    platform.look_at_store(settings.CONFIG.redis_url, now, may_end=True)


@shared_task  # type: ignore[untyped-decorator]
def deliver_alerts() -> None:
    """Send the webhooks and mails that are due."""
    delivering.send_due(timezone.now())


@shared_task  # type: ignore[untyped-decorator]
def verify_audit() -> None:
    """Raise an alert where the audit trail was altered."""
    platform.look_at_audit(timezone.now())


@shared_task  # type: ignore[untyped-decorator]
def forget_alerts() -> None:
    """Forget the alerts of long ago."""
    retention.forget(timezone.now(), days=settings.CONFIG.alert_retention_days)


@shared_task  # type: ignore[untyped-decorator]
def close_lost_calls() -> None:
    """Close calls that nothing will tell the end of."""
    recovery.close_lost()


@shared_task  # type: ignore[untyped-decorator]
def forget_transcripts() -> None:
    """Delete the text of calls that tenants keep no longer."""
    transcripts.forget(timezone.now())
