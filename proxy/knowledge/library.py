"""What the rest of the product asks of documents: the passages that answer a question."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from asgiref.sync import async_to_sync
from django.db import close_old_connections

from proxy.knowledge import embedding, fusion, stores
from proxy.knowledge.embedding import EmbeddingDown
from proxy.knowledge.models import Entry, Index
from proxy.knowledge.passages import Filters, Hit, Mode, Passage, Question, Scores, Vectors
from proxy.knowledge.stores import StoreDown
from tenants.models import Collection

MOST_PASSAGES = 50
_CANDIDATES = 60
_MOST_QUESTION_CHARS = 4000
_THREADS = 4

Result = TypeVar("Result")
_threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="knowledge")


class UnknownCollection(LookupError):
    """The tenant has no collection of this name."""


class SearchDown(Exception):
    """The search cannot be made now: the store or the embedding model does not answer."""


@dataclass(frozen=True, slots=True)
class Wish:
    """How a search is made."""

    top_k: int = 5
    min_score: float = 0.0
    """Least cosine between question and passage; asks nothing of a search by words alone."""
    filters: Filters = field(default_factory=Filters)
    mode: Mode = "hybrid"
    alpha: float = fusion.ALPHA


@dataclass(frozen=True, slots=True)
class _Owner:
    """The document that a passage is of."""

    document_id: UUID
    name: str
    title: str
    collection: str


async def search(tenant_id: UUID, collections: Sequence[str], question: str, wish: Wish | None = None) -> list[Passage]:
    """The passages of the tenant's collections that answer the question, the best first.

    Whether the asker may use these collections is the caller's to decide (`Collection.admits_key`, `admits_role`).
    Raises UnknownCollection, SearchDown.
    """
    wish = wish or Wish()
    indexes = await _in_thread(lambda: _indexes(tenant_id, collections))
    vectors = await _vectors(indexes, question, wish)
    return await _in_thread(lambda: _find(indexes, vectors, question, wish))


def search_blocking(
    tenant_id: UUID, collections: Sequence[str], question: str, wish: Wish | None = None
) -> list[Passage]:
    """`search` for pages and commands."""
    wish = wish or Wish()
    indexes = _indexes(tenant_id, collections)
    vectors = async_to_sync(_vectors)(indexes, question, wish)
    return _find(indexes, vectors, question, wish)


async def _in_thread(act: Callable[[], Result]) -> Result:
    def run() -> Result:
        close_old_connections()
        return act()

    return await asyncio.get_running_loop().run_in_executor(_threads, run)


def _indexes(tenant_id: UUID, names: Sequence[str]) -> list[Index]:
    """The indexes that answer for these collections. Raises UnknownCollection."""
    known = Collection.objects.filter(tenant_id=tenant_id, name__in=names).values_list("name", flat=True)
    if unknown := set(names) - set(known):
        raise UnknownCollection(min(unknown))
    rows = Index.objects.select_related("collection").filter(
        tenant_id=tenant_id, collection__tenant_id=tenant_id, collection__name__in=names, state=Index.State.SERVING
    )
    return list(rows.exclude(dimensions=0))


async def _vectors(indexes: Sequence[Index], question: str, wish: Wish) -> Mapping[int, Vectors]:
    """The question's vector for each index: one for each model."""
    if wish.mode == "words":
        return {}
    by_model: dict[str, Vectors] = {}
    try:
        for index in indexes:
            if index.embedding not in by_model:
                by_model[index.embedding] = (await embedding.of(index).embed([question[:_MOST_QUESTION_CHARS]]))[0]
    except EmbeddingDown as down:
        raise SearchDown(str(down)) from down
    return {index.pk: by_model[index.embedding] for index in indexes}


def _find(indexes: Sequence[Index], vectors: Mapping[int, Vectors], question: str, wish: Wish) -> list[Passage]:
    hits: list[Hit] = []
    for index in indexes:
        entries = _seen(index, wish.filters)
        if entries is not None and not entries:
            continue
        limit = max(_CANDIDATES, 4 * wish.top_k)
        words = "" if wish.mode == "vectors" else question[:_MOST_QUESTION_CHARS]
        try:
            asked = Question(words, vectors.get(index.pk), entries, limit, wish.alpha)
            hits += stores.of(index).search(index, asked)
        except StoreDown as down:
            raise SearchDown(str(down)) from down
    if wish.mode != "words":
        hits = [hit for hit in hits if hit.vector_score >= wish.min_score]
    owners = _owners({hit.entry_id for hit in hits}, indexes)
    hits = [hit for hit in hits if hit.entry_id in owners]  # others were replaced or deleted meanwhile
    scored = sorted(
        zip(fusion.fuse(hits, mode=wish.mode, alpha=wish.alpha), hits, strict=True),
        key=lambda pair: (-pair[0].total, pair[1].entry_id, pair[1].ordinal),
    )
    return [_passage(hit, scores, owners[hit.entry_id]) for scores, hit in scored[: min(wish.top_k, MOST_PASSAGES)]]


def _seen(index: Index, filters: Filters) -> frozenset[UUID] | None:
    """The entries whose documents the filters accept; None: all."""
    if filters.is_open:
        return None
    rows = Entry.objects.filter(index=index).values_list("pk", "document__tags", "document__metadata")
    return frozenset(pk for pk, tags, metadata in rows if filters.accept(tags, metadata))


def _owners(entries: set[UUID], indexes: Sequence[Index]) -> dict[UUID, _Owner]:
    """Entry → its document, for those that may be seen now. As plain values: rows cost more than the search."""
    names = {index.pk: index.collection.name for index in indexes}
    columns = ("pk", "index_id", "document_id", "document__name", "document__title")
    rows = Entry.objects.filter(pk__in=entries, index__in=list(names)).values_list(*columns)
    return {pk: _Owner(document_id, name, title, names[number]) for pk, number, document_id, name, title in rows}


def _passage(hit: Hit, scores: Scores, owner: _Owner) -> Passage:
    return Passage(
        text=hit.text,
        heading=hit.heading,
        page=hit.page,
        ordinal=hit.ordinal,
        collection=owner.collection,
        document_id=owner.document_id,
        document_name=owner.name,
        title=owner.title,
        scores=scores,
    )
