"""Finds upstreams that fail, and those that answer again, from what their calls met."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, Q

from proxy.alerts import raising
from proxy.alerts.models import Alert, Severity
from proxy.alerts.raising import Draft
from proxy.models import UsageRecord
from tenants.models import EventKind, Upstream

RECENT = timedelta(minutes=15)
_CALM = timedelta(minutes=5)
_TROUBLED_SHARE = 0.2
_LEAST_FAILURES = 3
# A client's mistake that is refused is not the upstream's trouble; its own errors and refused credentials are.
_AT_FAULT = Q(status__gte=500) | Q(status__in=[401, 403, 408, 429]) | Q(status=None)
_FAILED = Q(state=UsageRecord.State.FAILED) & _AT_FAULT
_ANSWERED = Q(state=UsageRecord.State.COMPLETED)


@dataclass(frozen=True, slots=True)
class Lately:
    """What the calls of an upstream met in the last minutes."""

    requests: int
    failed: int
    failed_just_now: int
    answered_just_now: int


def is_troubled(requests: int, failed: int) -> bool:
    """Whether these are more failures than one shrugs off."""
    return failed >= _LEAST_FAILURES and failed >= _TROUBLED_SHARE * requests


def look(at: datetime) -> list[Alert]:
    """Begin and end the failing of every upstream that was asked lately."""
    lately = _lately(at)
    found = []
    for row in Upstream.objects.select_related("tenant").filter(pk__in=lately, is_enabled=True):
        seen, source = lately[row.pk], _source(row.pk)
        if is_troubled(seen.requests, seen.failed) and seen.failed_just_now:
            found.append(raising.begin(source, _failing(row, seen), at))
        elif seen.answered_just_now and not seen.failed_just_now:
            found.append(raising.end(source, _recovered(row), at))
    _end_of_removed(at)
    return [alert for alert in found if alert]


def _lately(at: datetime) -> dict[UUID, Lately]:
    just_now = Q(started_at__gte=at - _CALM)
    grouped = (
        UsageRecord.objects.filter(started_at__gte=at - RECENT, upstream_id__isnull=False)
        .order_by()
        .values_list("upstream_id")
        .annotate(
            requests=Count("pk"),
            failed=Count("pk", filter=_FAILED),
            failed_just_now=Count("pk", filter=_FAILED & just_now),
            answered_just_now=Count("pk", filter=_ANSWERED & just_now),
        )
    )
    return {upstream_id: Lately(*counts) for upstream_id, *counts in grouped}


def _end_of_removed(at: datetime) -> None:
    """What was removed or switched off while it failed is over, and nobody needs to be told."""
    for source in Alert.objects.filter(kind=EventKind.UPSTREAM_FAILING, resolved_at=None).values_list(
        "source", flat=True
    ):
        if not Upstream.objects.filter(pk=source.rpartition(":")[2], is_enabled=True).exists():
            raising.end(source, None, at)


def _source(upstream_id: UUID) -> str:
    return f"upstream:{upstream_id}"


def _failing(row: Upstream, seen: Lately) -> Draft:
    minutes = int(RECENT.total_seconds() // 60)
    text = f"{seen.failed} of its {seen.requests} requests of the last {minutes} minutes failed."
    facts = {"upstream": _named(row), "requests": seen.requests, "failed": seen.failed, "minutes": minutes}
    title = f"Upstream {row.name} fails"
    return Draft(EventKind.UPSTREAM_FAILING, Severity.BAD, title, text, row.tenant, _subject(row), facts)


def _recovered(row: Upstream) -> Draft:
    text = f"No request of the last {int(_CALM.total_seconds() // 60)} minutes failed."
    title, facts = f"Upstream {row.name} answers again", {"upstream": _named(row)}
    return Draft(EventKind.UPSTREAM_RECOVERED, Severity.INFO, title, text, row.tenant, _subject(row), facts)


def _named(row: Upstream) -> dict[str, str]:
    return {"id": str(row.pk), "name": row.name}


def _subject(row: Upstream) -> tuple[str, str]:
    return ("upstream", str(row.pk))
