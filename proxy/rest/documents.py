"""Documents of a tenant: load, watch, change, remove, search."""

import json
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from ninja import File, Form, Router
from ninja.files import UploadedFile

from proxy.errors import InvalidRequest, Unavailable
from proxy.knowledge import documents, library, stores
from proxy.knowledge.documents import Facts
from proxy.knowledge.library import QuestionRefused, SearchDown, Wish
from proxy.knowledge.models import Document, Entry, Index
from proxy.knowledge.passages import Filters
from proxy.knowledge.stores import StoreDown
from proxy.rest import asking, shapes
from proxy.rest.keys import Key

_MOST_ROWS = 200

router = Router(auth=Key("documents"), tags=["Documents"])


@router.get("/collections/{name}/documents", response=shapes.Documents, summary="List documents")
def list_documents(request: HttpRequest, name: str, after: str = "", status: str = "", limit: int = 50) -> Any:
    """The documents of a collection by name, with how far each has come."""
    rows = Document.objects.select_related("collection").prefetch_related("entries")
    rows = rows.filter(collection=asking.collection_of(request, name), name__gt=after)
    if status:
        rows = rows.filter(status=status)
    limit = min(max(limit, 1), _MOST_ROWS)
    some = list(rows.order_by("name")[: limit + 1])
    shown = [shapes.DocumentShape.of(row) for row in some[:limit]]
    return {"documents": shown, "next": shown[-1].name if len(some) > limit else None}


@router.post("/collections/{name}/documents", response=shapes.Loaded, summary="Load a document")
def load_document(
    request: HttpRequest,
    name: str,
    file: File[UploadedFile],
    title: Form[str | None] = None,
    tags: Form[str] = "",
    metadata: Form[str] = "",
) -> Any:
    """Take a file in; it is read by a worker. The same file name replaces the document, the same content changes
    nothing. `tags` are separated by commas, `metadata` is a JSON object of texts."""
    facts = Facts(title, [tag.strip() for tag in tags.split(",") if tag.strip()] or None, _object(metadata))
    try:
        loaded = documents.load(
            actor=asking.actor_of(request),
            collection=asking.collection_of(request, name),
            name=file.name or "",
            content=file.chunks(),
            facts=facts,
        )
    except ValidationError as wrong:
        raise asking.refused(wrong) from None
    return {"change": loaded.became, "document": shapes.DocumentShape.of(loaded.document)}


@router.get("/documents/{document_id}", response=shapes.DocumentShape, summary="Read a document's state")
def read_document(request: HttpRequest, document_id: UUID) -> Any:
    """How far it has come, and why it failed where it did."""
    return shapes.DocumentShape.of(asking.document_of(request, document_id))


@router.patch("/documents/{document_id}", response=shapes.DocumentShape, summary="Change a document")
def change_document(request: HttpRequest, document_id: UUID, changes: shapes.Changes) -> Any:
    """Another title, other tags or metadata; searches see them at once."""
    row = asking.document_of(request, document_id)
    try:
        facts = Facts(changes.title, changes.tags, changes.metadata)
        return shapes.DocumentShape.of(documents.change(actor=asking.actor_of(request), document=row, facts=facts))
    except ValidationError as wrong:
        raise asking.refused(wrong) from None


@router.delete("/documents/{document_id}", response={204: None}, summary="Delete a document")
def delete_document(request: HttpRequest, document_id: UUID) -> HttpResponse:
    """The document goes, with its passages, vectors and file."""
    documents.delete(actor=asking.actor_of(request), document=asking.document_of(request, document_id))
    return HttpResponse(status=204)


@router.post("/documents/{document_id}/reindex", response=shapes.DocumentShape, summary="Read a document again")
def reindex_document(request: HttpRequest, document_id: UUID) -> Any:
    """Queue it, whatever came of it before."""
    row = asking.document_of(request, document_id)
    return shapes.DocumentShape.of(documents.reindex(actor=asking.actor_of(request), document=row))


@router.post("/documents/{document_id}/cancel", response=shapes.DocumentShape, summary="Stop reading a document")
def cancel_document(request: HttpRequest, document_id: UUID) -> Any:
    """What was searchable before stays so."""
    row = asking.document_of(request, document_id)
    return shapes.DocumentShape.of(documents.cancel(actor=asking.actor_of(request), document=row))


@router.get("/documents/{document_id}/chunks", response=list[shapes.Chunk], summary="Read a document's passages")
def read_chunks(request: HttpRequest, document_id: UUID) -> Any:
    """The passages that searches see."""
    row = asking.document_of(request, document_id)
    entry = Entry.objects.select_related("index").filter(document=row, index__state=Index.State.SERVING).first()
    if entry is None:
        return []
    try:
        return [shapes.Chunk.of(piece) for piece in stores.of(entry.index).read(entry.index, entry.pk)]
    except StoreDown as down:
        raise Unavailable(str(down)) from down


@router.post("/search", response=shapes.Passages, summary="Search documents")
def search(request: HttpRequest, asked: shapes.Search) -> Any:
    """The passages that answer a question, with the scores of each part."""
    for name in asked.collections:
        asking.collection_of(request, name)
    caller, filters = asking.caller_of(request), Filters(asked.tags, asked.metadata)
    wish = Wish(asked.top_k, asked.min_score, filters, asked.mode, rerank=asked.rerank)
    try:
        found = library.search_blocking(caller.tenant.id, asked.collections, asked.query, wish, caller.privacy)
    except QuestionRefused as refused:
        raise InvalidRequest(f"query: {refused}") from None
    except SearchDown as down:
        raise Unavailable(str(down)) from down
    return {"passages": [shapes.PassageShape.of(passage) for passage in found]}


def _object(text: str) -> dict[str, Any] | None:
    if not text:
        return None
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise InvalidRequest('metadata: give a JSON object such as {"year": "2026"}.')
    return value
