"""Which requests documents were given to, and which answers cite them: read off the records' traces.

Written with the records themselves, in their transaction, so that no request waits for it and a killed process loses
none. Kept for 90 days; a use goes with its document, and with the document its collection and its tenant.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import DataError, IntegrityError, transaction
from django.db.models import Count, Max, Q, Sum

from proxy.knowledge.models import Document, DocumentUse

LIFE = timedelta(days=90)
CITED = "cited"
"""The step that tells which documents an answer cites: {documents: {id: citations}}."""
_AT_ONCE = 1000

Row = Mapping[str, Any]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Uses:
    """A document's uses of the last 90 days. `requests`: how many were given it, `citing`: how many answers cite it."""

    requests: int = 0
    passages: int = 0
    citing: int = 0
    citations: int = 0
    last_used_at: datetime | None = None


NONE = Uses()


def of_documents(tenant_id: UUID, document_ids: Collection[UUID]) -> dict[UUID, Uses]:
    """The uses of each of the tenant's documents, in one query; those that were never used are not in it."""
    rows = DocumentUse.objects.filter(document__tenant_id=tenant_id, document_id__in=document_ids)
    sums = rows.values("document_id").annotate(
        requests=Count("pk"),
        passages_given=Sum("passages"),
        citing=Count("pk", filter=Q(citations__gt=0)),
        citations_made=Sum("citations"),
        last=Max("used_at"),
    )
    return {
        one["document_id"]: Uses(
            one["requests"], one["passages_given"], one["citing"], one["citations_made"], one["last"]
        )
        for one in sums.order_by()
    }


def recent(tenant_id: UUID, document_id: UUID, limit: int = 20) -> list[DocumentUse]:
    """The latest requests that were given the tenant's document: `request_id` (a usage record's id), `used_at`,
    `passages` (how many of it) and `citations` (how often the answer cites it). The newest first."""
    rows = DocumentUse.objects.filter(document__tenant_id=tenant_id, document_id=document_id)
    return list(rows.order_by("-used_at", "-pk")[:limit])


def write(rows: Sequence[Row]) -> None:
    """Note the uses that closed records tell of; noted twice, they are the same. Raises django.db.Error.

    Traces come from a file: one that says something else than a use is passed over.
    """
    told = [use for row in rows for use in _uses(row)]
    if not told:
        return
    owners = dict(Document.objects.filter(pk__in={use.document_id for use in told}).values_list("pk", "tenant_id"))
    tenants = {row["id"]: str(row.get("tenant_id")) for row in rows}
    kept = [use for use in told if str(owners.get(use.document_id)) == tenants[use.request_id]]
    try:
        with transaction.atomic():
            DocumentUse.objects.bulk_create(kept, ignore_conflicts=True)
    except (DataError, IntegrityError, ValueError) as wrong:  # a document that goes at this moment
        log.warning("uses of documents were not noted", uses=len(kept), error=type(wrong).__name__)


def forget(at: datetime) -> None:
    """Remove the uses of long ago; a part of them at a time, as others write meanwhile."""
    stale = list(DocumentUse.objects.filter(used_at__lt=at - LIFE).values_list("pk", flat=True)[:_AT_ONCE])
    DocumentUse.objects.filter(pk__in=stale).delete()


def _uses(row: Row) -> Iterator[DocumentUse]:
    given: Counter[str] = Counter()
    citations: Counter[str] = Counter()
    for step in _list(row.get("trace")):
        for passage in _list(step.get("passages")):
            given[passage.get("document", "")] += 1
        if step.get("step") == CITED:
            citations.update(step.get("documents"))
    for document, passages in given.items():
        if (pk := _uuid(document)) is not None:
            yield DocumentUse(
                document_id=pk,
                request_id=row["id"],
                used_at=datetime.fromisoformat(row["started_at"]),
                passages=passages,
                citations=citations[document],
            )


def _list(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
