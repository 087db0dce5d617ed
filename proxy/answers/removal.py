"""A tenant that is deleted takes its kept answers along: at once, and where the store is away as soon as it is back."""

from typing import Any
from uuid import UUID

import structlog
from celery import current_app
from django.db import transaction
from django.db.models.signals import pre_delete
from kombu.exceptions import OperationalError

from proxy.answers import purging
from proxy.answers.stores import StoreDown
from tenants.models import Tenant

TASK = "proxy.tasks.forget_answers"

log = structlog.get_logger(__name__)


def connect() -> None:
    """Hear of tenants that go, whoever deletes them."""
    pre_delete.connect(_tenant_goes, sender=Tenant)


def _tenant_goes(instance: Tenant, **_signal: Any) -> None:
    tenant_id = instance.pk
    transaction.on_commit(lambda: _end(tenant_id))


def _end(tenant_id: UUID) -> None:
    try:
        purging.end(tenant_id)
    except StoreDown as down:
        log.warning("kept answers of a deleted tenant are forgotten later", tenant=str(tenant_id), error=str(down))
        _tell_worker(tenant_id)


def _tell_worker(tenant_id: UUID) -> None:
    try:
        current_app.send_task(TASK, args=[str(tenant_id)], ignore_result=True)
    except (OperationalError, OSError) as down:
        log.error("nothing forgets a deleted tenant's answers before they are too old", error=type(down).__name__)
