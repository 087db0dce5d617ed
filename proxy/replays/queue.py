"""Who is next. The rows are the queue: a worker claims one for a while, and says so again while it works."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from proxy.replays import sources
from proxy.replays.models import OPEN, Job, PolicyProof, PolicyReplay
from tenants import queries
from tenants import secrets as sealing
from tenants.models import Tenant

CLAIM_SECONDS = 60.0
MOST_ATTEMPTS = 3
MOST_OPEN = 3
LIFE = timedelta(days=30)
_PATIENCE = timedelta(days=1)
_KINDS: tuple[type[PolicyProof] | type[PolicyReplay], ...] = (PolicyProof, PolicyReplay)
"""The shorter ones first."""
State = Job.State


class Lost(Exception):
    """The job is no longer this worker's: it was cancelled, deleted, or taken over."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One job in the hands of one worker."""

    job: PolicyProof | PolicyReplay
    token: str

    def keep(self, **changes: Any) -> None:
        """Write how far it has come, and hold it for longer. Raises Lost."""
        until = timezone.now() + timedelta(seconds=CLAIM_SECONDS)
        held = type(self.job)._default_manager.filter(pk=self.job.pk, claim=self.token, state=State.RUNNING)
        if not held.update(claimed_until=until, **changes):
            raise Lost

    def end(self, state: State, reason: str = "", **changes: Any) -> None:
        """Nothing more comes of it. Raises Lost."""
        self.keep(state=state, reason=reason[:500], ended_at=timezone.now(), **self.job.ended, **changes)

    def give_back(self, **changes: Any) -> None:
        """Others have their turn; it goes on where it was. Raises Lost."""
        self.keep(state=State.QUEUED, claim="", attempts=0, **changes)


@dataclass(frozen=True, slots=True)
class Material:
    """What a policy is tried on: so many days of kept text, or else a sample."""

    days: int | None = None
    sample: str = ""
    sample_name: str = ""


def ask(tenant: Tenant | None, document: Mapping[str, Any], on: Material, *, title: str, author: str) -> PolicyReplay:
    """Queue a policy to be tried. Raises ValidationError."""
    if PolicyReplay.objects.filter(tenant=tenant, state__in=OPEN).count() >= MOST_OPEN:
        raise ValidationError(f"{MOST_OPEN} replays are under way. Wait for one of them, or cancel it.")
    now = timezone.now()
    row = PolicyReplay(
        tenant=tenant,
        title=title[:200],
        author=author[:200],
        created_at=now,
        above=queries.platform_policy() if tenant else {},
        tried=dict(document),
        holding=tenant.policy if tenant else queries.platform_policy(),
        days=on.days,
        sample_name=on.sample_name[:200],
    )
    if on.days is not None and tenant is not None:
        row.total = sources.transcripts(tenant, on.days, now).count()
    else:
        row.total = sources.lines_of(on.sample)
        row.sample, row.sample_key_version = sealing.seal(on.sample, _place(row))
    row.save()
    return row


def sample_of(replay: PolicyReplay) -> str:
    """The sample in clear. Raises secrets.CannotDecrypt."""
    return sealing.open_sealed(bytes(replay.sample or b""), replay.sample_key_version or 0, _place(replay))


def ask_proof(tenant: Tenant | None, *, author: str) -> PolicyProof:
    """Queue what holds to be proved; what is under way already is not begun twice."""
    under_way = PolicyProof.objects.filter(tenant=tenant, state__in=OPEN).first()
    if under_way is not None:
        return under_way
    above, own = queries.platform_policy(), tenant.policy if tenant else {}
    return PolicyProof.objects.create(
        tenant=tenant,
        above=above,
        own=own,
        privacy=tenant.pii if tenant else None,
        total=len(above.get("rules", [])) + len(own.get("rules", [])),
        author=author[:200],
        created_at=timezone.now(),
    )


def cancel(replay: PolicyReplay) -> bool:
    """End it as it is; what was judged so far stays. False: it was over already."""
    mine = PolicyReplay.objects.filter(pk=replay.pk, state__in=OPEN)
    return bool(mine.update(state=State.CANCELLED, ended_at=timezone.now(), **replay.ended))


def claim() -> Claim | None:
    """The job that waits longest; None where none does."""
    return next(filter(None, map(_claim, _KINDS)), None)


def _claim(kind: type[PolicyProof] | type[PolicyReplay]) -> Claim | None:
    token = secrets.token_hex(16)
    until = timezone.now() + timedelta(seconds=CLAIM_SECONDS)
    with transaction.atomic():
        waiting = kind._default_manager.filter(state=State.QUEUED)
        first = waiting.order_by(F("claimed_until").asc(nulls_first=True), "created_at", "pk").first()
        if first is None or not waiting.filter(pk=first.pk).update(
            state=State.RUNNING, claim=token, claimed_until=until, attempts=F("attempts") + 1
        ):
            return None
    return Claim(kind._default_manager.select_related("tenant").get(pk=first.pk), token)


def tend(at: datetime) -> bool:
    """Put back what dead workers held, fail what killed too many or waits for ever, forget what is old. Any waiting?"""
    return bool([kind for kind in _KINDS if _tend(kind, at)])


def _tend(kind: type[PolicyProof] | type[PolicyReplay], at: datetime) -> bool:
    jobs = kind._default_manager
    late = jobs.filter(state=State.RUNNING, claimed_until__lt=at)
    words = f"Its worker stopped {MOST_ATTEMPTS} times."
    late.filter(attempts__gte=MOST_ATTEMPTS).update(state=State.FAILED, reason=words, ended_at=at, **kind.ended)
    late.update(state=State.QUEUED, claim="")
    never = jobs.filter(state=State.QUEUED, created_at__lt=at - _PATIENCE)
    never.update(state=State.FAILED, reason="No worker took it for a day.", ended_at=at, **kind.ended)
    jobs.filter(~Q(state__in=OPEN), created_at__lt=at - LIFE).delete()
    return bool(jobs.filter(state=State.QUEUED).exists())


def of_owner(tenant: Tenant | None, replay_id: UUID) -> PolicyReplay | None:
    """The tenant's replay, or the platform's (None)."""
    return PolicyReplay.objects.select_related("tenant").filter(tenant=tenant, pk=replay_id).first()


def proof_of(tenant: Tenant | None, proof_id: UUID) -> PolicyProof | None:
    """The proof of the tenant's policy, or of the platform's (None)."""
    return PolicyProof.objects.filter(tenant=tenant, pk=proof_id).first()


def _place(row: PolicyReplay) -> sealing.Place:
    tenant_id = row.tenant_id or UUID(int=0)
    return sealing.Place(table=row._meta.db_table, row_id=row.pk, column="sample", tenant_id=tenant_id)
