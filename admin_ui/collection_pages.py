"""What the pages of collections show: how many documents each has, how far they are, which are on a page."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.paginator import Page, Paginator
from django.db.models import Count, Q, QuerySet, Sum, TextField
from django.db.models.functions import Cast
from django.http import QueryDict

from proxy.knowledge import uses
from proxy.knowledge.models import Document, Entry, Index
from proxy.knowledge.uses import Uses
from tenants import access
from tenants.models import Collection, Membership, Tenant

Status = Document.Status
UNDER_WAY = (*Document.WAITING, *Document.RUNNING)
SHOWN = {"": "All", "reading": "Being read", "ready": "Ready", "failed": "Failed", "cancelled": "Cancelled"}
_WANTED = {
    "reading": Q(status__in=UNDER_WAY),
    "ready": Q(status=Status.INDEXED),
    "failed": Q(status=Status.FAILED),
    "cancelled": Q(status=Status.CANCELLED),
}
_PER_PAGE = 50


@dataclass(frozen=True, slots=True)
class Counts:
    """A collection's documents by how far they are, with what its index holds."""

    by_status: Mapping[str, int]
    bytes: int = 0
    passages: int = 0

    @property
    def documents(self) -> int:
        return sum(self.by_status.values())

    @property
    def reading(self) -> int:
        return sum(self.by_status.get(status, 0) for status in UNDER_WAY)

    @property
    def ready(self) -> int:
        return self.by_status.get(Status.INDEXED, 0)

    @property
    def failed(self) -> int:
        return self.by_status.get(Status.FAILED, 0)


@dataclass(frozen=True, slots=True)
class Row:
    """One document in the table."""

    document: Document
    pages: int | None
    passages: int
    suspicious: int
    uses: Uses

    @property
    def is_under_way(self) -> bool:
        return self.document.status in UNDER_WAY

    @property
    def may_be_retried(self) -> bool:
        return self.document.status in (Status.FAILED, Status.CANCELLED)


@dataclass(frozen=True, slots=True)
class Table:
    """One page of a collection's documents, as the address asks for it."""

    collection: Collection
    counts: Counts
    page: "Page[Document]"
    rows: list[Row]
    params: QueryDict
    show: str
    q: str
    tag: str
    rebuilding: tuple[int, int] | None
    """How many of its documents a new index holds already, of how many; None where none is being made."""

    @property
    def is_narrowed(self) -> bool:
        return bool(self.show or self.q or self.tag)


def counts(collections: Iterable[Collection]) -> dict[UUID, Counts]:
    """The counts of each collection, in two queries."""
    ids = [row.pk for row in collections]
    statuses: dict[UUID, dict[str, int]] = {pk: {} for pk in ids}
    sizes: dict[UUID, int] = dict.fromkeys(ids, 0)
    grouped = Document.objects.filter(collection__in=ids).order_by().values_list("collection_id", "status")
    for pk, status, number, size in grouped.annotate(number=Count("pk"), bytes=Sum("size")):
        statuses[pk][status] = number
        sizes[pk] += size or 0
    serving = Entry.objects.filter(index__collection__in=ids, index__state=Index.State.SERVING).order_by()
    passages = dict(serving.values_list("index__collection_id").annotate(number=Sum("chunk_count")))
    return {pk: Counts(statuses[pk], sizes[pk], passages.get(pk) or 0) for pk in ids}


def table(collection: Collection, params: QueryDict) -> Table:
    """The documents that the address asks for, the last loaded first."""
    show = params.get("show", "") if params.get("show", "") in SHOWN else ""
    q, tag = params.get("q", "").strip()[:100], params.get("tag", "")[:100]
    documents = _tagged(_narrowed(Document.objects.filter(collection=collection), show, q), tag)
    ordered = documents.prefetch_related("entries").order_by("-queued_at", "pk")
    page = Paginator(ordered, _PER_PAGE).get_page(params.get("page"))
    used = uses.of_documents(collection.tenant_id, [document.pk for document in page])
    rows = [shown(document, used.get(document.pk, uses.NONE)) for document in page]
    return Table(
        collection, counts([collection])[collection.pk], page, rows, params, show, q, tag, _rebuilding(collection)
    )


def shown(document: Document, used: Uses = uses.NONE) -> Row:
    """The document with what its newest entry says, and how often answers were drawn from it."""
    entry = max(document.entries.all(), key=lambda entry: entry.index_id, default=None)
    if entry is None:
        return Row(document, None, 0, 0, used)
    return Row(document, entry.pages, entry.chunk_count, entry.suspicious_count, used)


def most_bytes() -> int:
    """How large a file may be."""
    return int(settings.CONFIG.max_document_bytes)


def document_open_to(tenant: Tenant, document_id: UUID, role: Membership.Role | None) -> Document:
    """The tenant's document, where its collection is open to this role. Raises access.NotFound."""
    rows = Document.objects.select_related("collection__tenant").filter(tenant_id=tenant.pk, collection__tenant=tenant)
    row = rows.filter(pk=document_id).first()
    if row is None:
        raise access.NotFound(str(document_id))
    access.collection_open_to(tenant, row.collection_id, role)
    return row


def document_named(tenant: Tenant, collection: str, name: str, role: Membership.Role | None) -> Document:
    """The document as citations name it. Raises access.NotFound."""
    row = access.collection_for(tenant, collection)
    access.collection_open_to(tenant, row.pk, role)
    found = Document.objects.filter(collection=row, name=name).first()
    if found is None:
        raise access.NotFound(name)
    return found


def _narrowed(documents: "QuerySet[Document]", show: str, q: str) -> "QuerySet[Document]":
    documents = documents.filter(_WANTED[show]) if show else documents
    return documents.filter(Q(name__icontains=q) | Q(title__icontains=q)) if q else documents


def _tagged(documents: "QuerySet[Document]", tag: str) -> "QuerySet[Document]":
    """SQLite finds nothing in JSON but text, which it keeps in ASCII; PostgreSQL in letters."""
    if not tag:
        return documents
    spellings = [json.dumps(tag, ensure_ascii=is_ascii) for is_ascii in (True, False)]
    written = documents.alias(written=Cast("tags", TextField()))
    return written.filter(Q(written__contains=spellings[0]) | Q(written__contains=spellings[1]))


def _rebuilding(collection: Collection) -> tuple[int, int] | None:
    building = Index.objects.filter(collection=collection, state=Index.State.BUILDING).first()
    if building is None:
        return None
    return building.entries.count(), Document.objects.filter(collection=collection).count()


def marks(collections: Iterable[UUID]) -> dict[UUID, tuple[Any, ...]]:
    """For each collection something that is another whenever its table would show something else, in two queries.

    How many are in which state is read off an index; what is being read is a handful.
    """
    documents = Document.objects.filter(collection__in=list(collections))
    counted = documents.order_by("collection_id", "status").values_list("collection_id", "status")
    running = documents.filter(status__in=Document.RUNNING).order_by("pk")
    found: dict[UUID, list[Any]] = {}
    for pk, *mark in counted.annotate(number=Count("pk")):
        found.setdefault(pk, []).append(tuple(mark))
    for pk, *mark in running.values_list("collection_id", "pk", "status", "progress"):
        found.setdefault(pk, []).append(tuple(mark))
    return {pk: tuple(found.get(pk, ())) for pk in collections}
