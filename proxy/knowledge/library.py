"""What the rest of the product asks of documents: the passages that answer a question."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from asgiref.sync import async_to_sync
from django.db import close_old_connections

from proxy.call import Privacy
from proxy.knowledge import fusion, questions, ranking, stores
from proxy.knowledge.models import Entry, Index
from proxy.knowledge.passages import Filters, Hit, Mode, Passage, Question, Scores
from proxy.knowledge.questions import Asked, QuestionRefused, SearchDown
from proxy.knowledge.ranking import Ranker
from proxy.knowledge.stores import StoreDown
from tenants.models import Collection

__all__ = ["MOST_PASSAGES", "QuestionRefused", "SearchDown", "UnknownCollection", "Wish", "search", "search_blocking"]

MOST_PASSAGES = 50
_CANDIDATES = 60
_THREADS = 4

Result = TypeVar("Result")
_threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="knowledge")


class UnknownCollection(LookupError):
    """The tenant has no collection of this name."""


@dataclass(frozen=True, slots=True)
class Wish:
    """How a search is made."""

    top_k: int = 5
    min_score: float = 0.0
    """Least cosine between question and passage; asks nothing of a search by words alone."""
    filters: Filters = field(default_factory=Filters)
    mode: Mode = "hybrid"
    alpha: float | None = None
    """What vectors count, 0 to 1; None: as the question is."""
    rerank: bool = True
    """Whether passages are ranked again, where the collections say by what."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """How one search is made: the wish, what vectors count, and how many passages come of it before they are ranked."""

    wish: Wish
    alpha: float
    most: int

    @classmethod
    def of(cls, question: str, wish: Wish, ranker: Ranker | None) -> "_Plan":
        alpha = fusion.alpha_of(question) if wish.alpha is None else wish.alpha
        return cls(wish, alpha, min(max(wish.top_k, ranker.most if ranker else 0), MOST_PASSAGES))


@dataclass(frozen=True, slots=True)
class _Owner:
    """The document that a passage is of."""

    document_id: UUID
    name: str
    title: str
    collection: str


async def search(
    tenant_id: UUID,
    collections: Sequence[str],
    question: str,
    wish: Wish | None = None,
    asker: Privacy | None = None,
) -> list[Passage]:
    """The passages of the tenant's collections that answer the question, the best first.

    Whether the asker may use these collections is the caller's to decide (`Collection.admits_key`, `admits_role`).
    `asker`: what is done with personal data in a question that leaves; None: as the tenant says.
    Raises UnknownCollection, SearchDown, QuestionRefused.
    """
    wish = wish or Wish()
    indexes = await _in_thread(lambda: _indexes(tenant_id, collections))
    asked = await questions.asked(tenant_id, indexes, question, wish.mode, asker)
    ranker = _ranker(tenant_id, indexes, wish)
    found = await _in_thread(lambda: _find(indexes, asked, _Plan.of(question, wish, ranker)))
    if ranker is not None:
        found = await ranking.ranked(ranker, tenant_id, question[: questions.MOST_CHARS], found, asker)
    return found[: wish.top_k]


def search_blocking(
    tenant_id: UUID,
    collections: Sequence[str],
    question: str,
    wish: Wish | None = None,
    asker: Privacy | None = None,
) -> list[Passage]:
    """`search` for pages and commands."""
    wish = wish or Wish()
    indexes = _indexes(tenant_id, collections)
    asked = async_to_sync(questions.asked)(tenant_id, indexes, question, wish.mode, asker)
    ranker = _ranker(tenant_id, indexes, wish)
    found = _find(indexes, asked, _Plan.of(question, wish, ranker))
    if ranker is not None:
        found = async_to_sync(ranking.ranked)(ranker, tenant_id, question[: questions.MOST_CHARS], found, asker)
    return found[: wish.top_k]


def _ranker(tenant_id: UUID, indexes: Sequence[Index], wish: Wish) -> Ranker | None:
    """What ranks the passages again; nothing where the collections asked name different ones."""
    named = {index.collection.reranking for index in indexes}
    return ranking.named(tenant_id, named.pop()) if wish.rerank and len(named) == 1 else None


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


def _find(indexes: Sequence[Index], asked: Mapping[int, Asked], plan: _Plan) -> list[Passage]:
    wish = plan.wish
    hits = [hit for index in indexes for hit in _hits(index, asked[index.pk], plan)]
    if wish.mode != "words":
        hits = [hit for hit in hits if hit.vector_score >= wish.min_score]
    owners = _owners({hit.entry_id for hit in hits}, indexes)
    hits = [hit for hit in hits if hit.entry_id in owners]  # others were replaced or deleted meanwhile
    scored = sorted(
        zip(fusion.fuse(hits, mode=wish.mode, alpha=plan.alpha), hits, strict=True),
        key=lambda pair: (-pair[0].total, pair[1].entry_id, pair[1].ordinal),
    )
    return [_passage(hit, scores, owners[hit.entry_id]) for scores, hit in scored[: plan.most]]


def _hits(index: Index, asked: Asked, plan: _Plan) -> list[Hit]:
    entries = _seen(index, plan.wish.filters)
    if entries is not None and not entries:
        return []
    limit = max(_CANDIDATES, 4 * plan.wish.top_k)
    try:
        found = stores.of(index).search(index, Question(asked.words, asked.vector, entries, limit, plan.alpha))
    except StoreDown as down:
        raise SearchDown(str(down)) from down
    is_open = index.collection.suspicious != Collection.Suspicious.LEAVE_OUT
    return [hit for hit in found if is_open or not hit.is_suspicious]


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
        is_suspicious=hit.is_suspicious,
    )
