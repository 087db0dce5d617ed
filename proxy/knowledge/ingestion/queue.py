"""Who is next. The documents' rows are the queue: a worker claims one for a while, and says so again while it works.

A tenant with a thousand documents has one in work and waits then; so another's single one is next, not last.
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Count, F, Max, Min, Q, QuerySet
from django.utils import timezone

from proxy.knowledge.models import Document

CLAIM_SECONDS = 180.0
MOST_ATTEMPTS = 3
MOST_OF_STORE = 20
"""A store that is away comes back: it is waited for some twenty minutes."""
WAIT_SECONDS = (10.0, 60.0)
"""Before the second attempt, and before each later one."""
_NEVER = datetime.min.replace(tzinfo=UTC)
_TRIES = 5


class Lost(Exception):
    """The document is no longer this worker's: it was replaced, cancelled, deleted, or taken over."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One document in the hands of one worker."""

    document: Document
    token: str
    seconds: float

    def keep(self, **changes: Any) -> None:
        """Write how far it has come, and hold it for longer. Raises Lost."""
        held = Document.objects.filter(pk=self.document.pk, claim=self.token, revision=self.document.revision)
        if not held.update(**{"claimed_until": timezone.now() + timedelta(seconds=self.seconds), **changes}):
            raise Lost

    def fail(self, reason: str) -> None:
        """It cannot be taken in; the reason is for people. Raises Lost."""
        self.keep(status=Document.Status.FAILED, reason=reason[:500], claim="", progress=0)

    def give_back(self, reason: str, *, most: int = MOST_ATTEMPTS) -> None:
        """It failed for a reason that may pass: try again after a while, but not for ever. Raises Lost."""
        if self.document.attempts >= most:
            self.fail(reason)
            return
        now = timezone.now()
        wait = timedelta(seconds=WAIT_SECONDS[min(self.document.attempts, len(WAIT_SECONDS)) - 1])
        self.keep(status=Document.Status.QUEUED, reason=reason[:500], claim="", queued_at=now, claimed_until=now + wait)


def claim(*, seconds: float = CLAIM_SECONDS) -> Claim | None:
    """The next document, fairly; None where nothing waits."""
    for _ in range(_TRIES):
        with transaction.atomic():
            tenant = _next_tenant()
            if tenant is None:
                return None
            waiting = _ready().filter(tenant_id=tenant)
            first = waiting.order_by("queued_at", "pk").first()
            if first is None:
                continue
            token = secrets.token_hex(16)
            now = timezone.now()
            if waiting.filter(pk=first.pk).update(
                status=Document.Status.PARSING,
                claim=token,
                claimed_until=now + timedelta(seconds=seconds),
                started_at=now,
                attempts=F("attempts") + 1,
                progress=0,
            ):
                return Claim(Document.objects.select_related("collection").get(pk=first.pk), token, seconds)
    return None


def release_lost() -> int:
    """Put back what dead workers held; fail what has killed too many. How many were put back."""
    late = Document.objects.filter(status__in=Document.RUNNING, claimed_until__lt=timezone.now())
    words = f"It could not be read: its worker stopped {MOST_ATTEMPTS} times. Split the file, or export it again."
    late.filter(attempts__gte=MOST_ATTEMPTS).update(status=Document.Status.FAILED, reason=words, claim="")
    return late.update(status=Document.Status.QUEUED, claim="", claimed_until=None, progress=0)


def waiting() -> int:
    """How many documents could be read now."""
    return _ready().count()


def _ready() -> QuerySet[Document]:
    """Those that wait, without those that are to be tried later."""
    is_due = Q(claimed_until=None) | Q(claimed_until__lte=timezone.now())
    return Document.objects.filter(is_due, status=Document.Status.QUEUED)


def _next_tenant() -> UUID | None:
    """The one with the least in work, then the one whose turn is longest ago."""
    queued = dict(
        _ready().order_by().values("tenant_id").annotate(first=Min("queued_at")).values_list("tenant_id", "first")
    )
    if len(queued) < 2:
        return next(iter(queued), None)
    of_those = Document.objects.filter(tenant_id__in=queued).order_by().values("tenant_id")
    running = dict(
        of_those.filter(status__in=Document.RUNNING).annotate(number=Count("pk")).values_list("tenant_id", "number")
    )
    turns = dict(of_those.annotate(last=Max("started_at")).values_list("tenant_id", "last"))
    return min(queued, key=lambda tenant: (running.get(tenant, 0), turns.get(tenant) or _NEVER, queued[tenant]))
