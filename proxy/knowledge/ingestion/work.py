"""One document's way: parse, cut, embed, index. Every step may be done twice, and a killed worker leaves no trace."""

import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

import structlog
from asgiref.sync import async_to_sync
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from proxy.knowledge import documents, embedding, indexes, parsing, removal, stores
from proxy.knowledge.embedding import EmbeddingDown
from proxy.knowledge.ingestion import cleaning, queue
from proxy.knowledge.ingestion.queue import Claim, Lost
from proxy.knowledge.models import Document, Entry, Index
from proxy.knowledge.parsing import Chunk, Cut, Parsed, Unreadable
from proxy.knowledge.passages import Piece, Vectors
from proxy.knowledge.scrubbing import ScrubbingDown
from proxy.knowledge.stores import StoreDown
from proxy.rules import detectors

_BATCH = 32

log = structlog.get_logger(__name__)


def ingest(claim: Claim) -> None:
    """Take the claimed document as far as it goes. What it came to stands in its row."""
    document = claim.document
    index = indexes.newest(document.collection)
    try:
        parsed = _parse(claim, index)
        pieces = _embed(claim, index, parsed)
        _index(claim, index, parsed, pieces)
    except Unreadable as wrong:
        _end(claim.fail, str(wrong))
    except (EmbeddingDown, ScrubbingDown) as down:
        _end(claim.give_back, str(down))
    except StoreDown as down:
        _end(partial(claim.give_back, most=queue.MOST_OF_STORE), str(down))
    except Lost:
        log.info("a document was taken back while it was read", document=str(document.pk))
    indexes.settle(index)


def _end(end: Callable[[str], None], reason: str) -> None:
    """Write what came of it, unless it is somebody else's by now."""
    with suppress(Lost):
        end(reason)


def _parse(claim: Claim, index: Index) -> Parsed:
    def on_read() -> None:
        claim.keep(status=Document.Status.CHUNKING)

    document = claim.document
    path = documents.file_of(document)
    if not path.is_file():
        raise Unreadable("The file is no longer in the documents' folder. Upload it again.")
    cut = Cut(index.chunk_tokens, index.chunk_overlap)
    parsed = parsing.parse(path, document.name, cut, on_read)
    parsed = replace(parsed, title=async_to_sync(cleaning.title)(index, parsed.title))
    claim.keep(status=Document.Status.EMBEDDING, progress=0)
    return parsed


def _embed(claim: Claim, index: Index, parsed: Parsed) -> list[Piece]:
    """The passages with their vectors, some at a time, so that progress is seen and a cancelled one stops."""
    embedder = embedding.of(index)
    title = claim.document.title or parsed.title
    pieces: list[Piece] = []
    for start in range(0, len(parsed.chunks), _BATCH):
        read = parsed.chunks[start : start + _BATCH]
        some = async_to_sync(cleaning.kept)(index, read)
        texts = async_to_sync(cleaning.sent)(index, [context(title, chunk) for chunk in some])
        vectors = async_to_sync(embedder.embed)(texts)
        judged = [detectors.reads_like_orders(f"{chunk.heading}\n{chunk.text}") for chunk in read]
        pieces += [_piece(start + place, chunk, vectors[place], judged[place]) for place, chunk in enumerate(some)]
        claim.keep(progress=100 * len(pieces) // len(parsed.chunks))
    return pieces


def context(title: str, chunk: Chunk) -> str:
    """What is embedded: a passage alone may not say what it is about."""
    return "\n".join(filter(None, (title if title not in chunk.heading else "", chunk.heading, chunk.text)))


def _piece(ordinal: int, chunk: Chunk, vector: Vectors, is_suspicious: bool) -> Piece:
    return Piece(ordinal, chunk.text, chunk.heading, chunk.page, vector, is_suspicious)


def _index(claim: Claim, index: Index, parsed: Parsed, pieces: Sequence[Piece]) -> None:
    """Let searches see the new passages in the place of the old ones, in one moment."""
    store, entry_id = stores.of(index), uuid.uuid4()
    if not store.is_transactional:
        removal.note_pending(index, entry_id)
        store.add(index, entry_id, pieces)
    with transaction.atomic():
        row = _locked(claim, index, len(pieces[0].vector))
        old = Entry.objects.filter(index=index, document=row).first()
        if old is not None:
            if store.is_transactional:
                store.remove(index.tenant_id, index.pk, old.pk)
            removal.note_entry(index, old.pk)
            old.delete()
        Entry.objects.create(
            id=entry_id,
            index=index,
            document=row,
            revision=row.revision,
            pages=parsed.pages,
            characters=parsed.characters,
            chunk_count=len(pieces),
            suspicious_count=sum(piece.is_suspicious for piece in pieces),
        )
        if store.is_transactional:
            store.add(index, entry_id, pieces)
        else:
            removal.forget_pending(entry_id)
        Index.objects.filter(pk=index.pk).update(version=F("version") + 1)
        claim.keep(
            status=Document.Status.INDEXED,
            reason="",
            progress=100,
            claim="",
            indexed_at=timezone.now(),
            title=row.title or parsed.title,
        )


def _locked(claim: Claim, index: Index, dimensions: int) -> Document:
    """The document, if it is still the worker's and the index still there. Raises Lost, EmbeddingDown."""
    kept = Index.objects.select_for_update().filter(pk=index.pk).first()
    row = Document.objects.select_for_update().filter(pk=claim.document.pk, claim=claim.token).first()
    if row is None or kept is None or row.revision != claim.document.revision:
        raise Lost
    if kept.dimensions not in (0, dimensions):
        raise EmbeddingDown(
            "The embedding model gives vectors of another length than before. Index all documents anew."
        )
    if not kept.dimensions:
        model = embedding.of(index).model
        Index.objects.filter(pk=index.pk).update(dimensions=dimensions, model=model)
    return row
