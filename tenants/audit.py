"""Every change of tenants, keys and upstreams, in one order that all processes can follow.

A change takes the head row's lock before it reads or writes anything else and keeps it until it commits.
So revisions have no gaps and become visible in their order: a process that polls `revision > last seen` misses
nothing; and as everybody takes the same lock first, two changes cannot wait for each other.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import models, transaction
from django.db.models import F

from tenants.models import AuditEntry, AuditHead, Tenant

_HEAD = 1
_SHOWN_LABEL_CHARS = 300


@dataclass(frozen=True, slots=True)
class Trail:
    """The record of one change under way."""

    actor: str

    def record(self, action: str, row: models.Model, changes: Mapping[str, Any] | None = None) -> None:
        """Append what was done to the row, as {field: [old, new]}. Values of secrets must not be among them."""
        AuditHead.objects.filter(pk=_HEAD).update(revision=F("revision") + 1)
        AuditEntry.objects.create(
            revision=latest_revision(),
            actor=self.actor,
            action=action,
            tenant_id=row.pk if isinstance(row, Tenant) else getattr(row, "tenant_id", None),
            object_type=str(row._meta.model_name),
            object_id=str(row.pk),
            object_label=str(row)[:_SHOWN_LABEL_CHARS],
            changes=dict(changes or {}),
        )


@contextmanager
def change(*, actor: str) -> Iterator[Trail]:
    """One transaction in the one order of changes. May be nested: the outermost one commits."""
    if not actor:
        raise ValueError("a change needs an actor")
    with transaction.atomic():
        # SQLite ignores FOR UPDATE: there BEGIN IMMEDIATE has taken the write lock already.
        AuditHead.objects.select_for_update().get_or_create(pk=_HEAD)
        yield Trail(actor=actor[:200])


def latest_revision() -> int:
    """The revision of the last change. One row by its primary key: cheap enough to poll."""
    return AuditHead.objects.filter(pk=_HEAD).values_list("revision", flat=True).first() or 0


def since(revision: int) -> list[tuple[int, UUID | None]]:
    """(revision, tenant) of each later change, in order. Tenant None: it concerns everybody."""
    later = AuditEntry.objects.filter(revision__gt=revision).order_by("revision")
    return list(later.values_list("revision", "tenant_id"))
