"""Every change of tenants, keys and upstreams, in one order that all processes can follow.

A change takes the head row's lock before it reads or writes anything else and keeps it until it commits.
So revisions have no gaps and become visible in their order: a process that polls `revision > last seen` misses
nothing; and as everybody takes the same lock first, two changes cannot wait for each other. Under the same lock each
entry is chained to the one before it (tenants/chain.py), and the head keeps the last hash.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models, transaction
from django.db.models import Count, Max
from django.utils import timezone

from tenants import chain
from tenants.models import AuditEntry, AuditHead, Tenant

_HEAD = 1
_SHOWN_LABEL_CHARS = 300
_MOST_PROBLEMS = 20
_PER_FETCH = 2000


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry's number and hash. Kept elsewhere, it proves later that nothing before it is gone."""

    revision: int
    hash: str

    def __str__(self) -> str:
        return f"{self.revision}:{self.hash}"

    @classmethod
    def parse(cls, text: str) -> "Head":
        """What `str` made. Raises ValueError."""
        revision, colon, digest = text.strip().partition(":")
        if not colon or not revision.isdecimal() or len(digest) != len(chain.GENESIS):
            raise ValueError(f"{text!r} is no head: it looks like 42:0f3a…, the number and the hash of an entry")
        return cls(int(revision), digest)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a look at the whole chain found."""

    head: Head
    problems: tuple[str, ...]  # the first twenty

    @property
    def is_intact(self) -> bool:
        return not self.problems


@dataclass(frozen=True, slots=True)
class Trail:
    """The record of one change under way."""

    actor: str

    def record(self, action: str, row: models.Model, changes: Mapping[str, Any] | None = None) -> None:
        """Append what was done to the row, as {field: [old, new]}. Values of secrets must not be among them."""
        head = AuditHead.objects.get(pk=_HEAD)
        entry = AuditEntry(
            revision=head.revision + 1,
            at=timezone.now(),
            actor=self.actor,
            action=action,
            tenant_id=row.pk if isinstance(row, Tenant) else getattr(row, "tenant_id", None),
            object_type=str(row._meta.model_name),
            object_id=str(row.pk),
            object_label=str(row)[:_SHOWN_LABEL_CHARS],
            changes=json.loads(json.dumps(dict(changes or {}), cls=DjangoJSONEncoder)),
            key_version=chain.newest_key(),
            previous_hash=head.hash,
        )
        entry.hash = chain.hash_of([getattr(entry, name) for name in chain.FIELDS], head.hash)
        entry.save(force_insert=True)
        AuditHead.objects.filter(pk=_HEAD).update(revision=entry.revision, hash=entry.hash)


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


def verify(*, kept: Head | None = None) -> Verdict:
    """Check every entry, while others go on writing; with `kept`, also that the chain still goes through that head."""
    row = AuditHead.objects.filter(pk=_HEAD).first()
    head = Head(row.revision, row.hash) if row else Head(0, chain.GENESIS)
    found = islice(chain.problems(_links(head.revision), head=(head.revision, head.hash)), _MOST_PROBLEMS)
    return Verdict(head, (*found, *_beyond(), *_broken_promise(kept)))


def entries_by_key() -> dict[int, int]:
    """How many entries each version of the encryption keys has signed."""
    counted = AuditEntry.objects.order_by("key_version").values("key_version").annotate(rows=Count("pk"))
    return {row["key_version"]: row["rows"] for row in counted}


def _links(last: int) -> Iterator[chain.Link]:
    rows = AuditEntry.objects.filter(revision__lte=last).order_by("revision")
    for *values, previous_hash, digest in rows.values_list(*chain.FIELDS, "previous_hash", "hash").iterator(_PER_FETCH):
        yield chain.Link(values, previous_hash, digest)


def _beyond() -> Iterator[str]:
    last = AuditEntry.objects.aggregate(last=Max("revision"))["last"] or 0  # before the head, which may move on
    if last > latest_revision():
        yield f"entry {last} was added behind the head"


def _broken_promise(kept: Head | None) -> Iterator[str]:
    if kept is None or kept == Head(0, chain.GENESIS):
        return
    if not AuditEntry.objects.filter(revision=kept.revision, hash=kept.hash).exists():
        yield f"entry {kept.revision} is gone or another one: the trail does not go through the head you kept"
