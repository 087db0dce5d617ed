"""The store that needs no server: the product's own database.

Passages are rows, written in the transaction that makes them seen. Words are found by the database's own text
search, vectors by looking at all of them: exact, and fast to some 100,000 passages a collection (docs/rag.md).
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

import numpy as np
from django.db import DatabaseError, connection

from proxy.knowledge.models import Chunk, Index
from proxy.knowledge.passages import Hit, Piece, Question, Vectors
from proxy.knowledge.stores import StoreDown
from proxy.knowledge.stores.embedded import postgres, sqlite
from proxy.knowledge.stores.embedded.matrices import Held, Matrices

_TRIES = 3
_BATCH = 500


class Embedded:
    """Passages as rows of the database."""

    is_transactional = True

    def __init__(self) -> None:
        self._matrices = Matrices()

    def add(self, index: Index, entry_id: UUID, pieces: Sequence[Piece]) -> None:
        Chunk.objects.filter(entry_id=entry_id).delete()
        Chunk.objects.bulk_create(
            (
                Chunk(
                    entry_id=entry_id,
                    ordinal=piece.ordinal,
                    text=piece.text,
                    heading=piece.heading,
                    page=piece.page,
                    is_suspicious=piece.is_suspicious,
                    vector=piece.vector.astype("<f2").tobytes(),
                )
                for piece in pieces
            ),
            batch_size=_BATCH,
        )
        _words().add(index.pk, entry_id)

    def remove(self, tenant_id: UUID, index_number: int, entry_id: UUID) -> None:
        _words().remove(index_number, entry_id)
        Chunk.objects.filter(entry_id=entry_id, entry__index_id=index_number).delete()

    def drop(self, tenant_id: UUID, index_number: int) -> None:
        _words().drop(index_number)
        self._matrices.forget(index_number)

    def drop_tenant(self, tenant_id: UUID) -> None:
        for number in Index.objects.filter(tenant_id=tenant_id).values_list("pk", flat=True):
            self.drop(tenant_id, number)

    def search(self, index: Index, question: Question) -> list[Hit]:
        try:
            for _ in range(_TRIES):
                found = self._search(index, question)
                if found is not None:
                    return found
                index = Index.objects.get(pk=index.pk)
            return []
        except (DatabaseError, Index.DoesNotExist) as broken:
            raise StoreDown(f"The database cannot be searched: {broken}") from broken

    def read(self, index: Index, entry_id: UUID) -> list[Piece]:
        rows = Chunk.objects.filter(entry_id=entry_id, entry__index=index).order_by("ordinal")
        return [
            Piece(row.ordinal, row.text, row.heading, row.page, _vector(bytes(row.vector)), row.is_suspicious)
            for row in rows.iterator()
        ]

    def count(self, index: Index, entries: Iterable[UUID]) -> int:
        return Chunk.objects.filter(entry__in=list(entries), entry__index=index).count()

    def close(self) -> None:
        self._matrices = Matrices()

    def _search(self, index: Index, question: Question) -> list[Hit] | None:
        """The hits; None where a document was replaced between two looks."""
        held = self._matrices.of(index)
        seen = held.mask(question.entries)
        words = _words().search(index.pk, question.text, None if seen is not None else question.limit)
        rows, scores = held.rows_of(words)
        if seen is not None:
            rows, scores = rows[seen[rows]], scores[seen[rows]]
        order = np.argsort(-scores, kind="stable")[: question.limit]
        by_words = dict(zip(rows[order].tolist(), scores[order].tolist(), strict=True))
        similar = held.similarities(question.vector)
        nearest = _best(similar, seen, question.limit) if question.vector is not None else []
        return _hits(held, dict.fromkeys([*by_words, *nearest]), similar, by_words)


def _best(similar: Vectors, seen: "np.ndarray[tuple[int], np.dtype[np.bool_]] | None", limit: int) -> list[int]:
    """The rows that are most alike."""
    values = similar if seen is None else np.where(seen, similar, -np.inf)
    limit = min(limit, len(values))
    if not limit:
        return []
    rows = np.argpartition(-values, limit - 1)[:limit]
    return [row for row in rows.tolist() if values[row] > -np.inf]


def _hits(held: Held, rows: Iterable[int], similar: Vectors, by_words: dict[int, float]) -> list[Hit] | None:
    wanted = {int(held.ids[row]): row for row in rows}
    columns = ("pk", "entry_id", "ordinal", "text", "heading", "page", "is_suspicious")
    kept = Chunk.objects.filter(pk__in=wanted).order_by().values_list(*columns)
    hits = [
        Hit(entry, ordinal, text, heading, page, float(similar[wanted[pk]]), by_words.get(wanted[pk], 0.0), suspicious)
        for pk, entry, ordinal, text, heading, page, suspicious in kept
    ]
    return hits if len(hits) == len(wanted) else None


def _vector(raw: bytes) -> Vectors:
    return np.frombuffer(raw, "<f2").astype(np.float32)


def _words() -> "type[sqlite.Words] | type[postgres.Words]":
    return postgres.Words if connection.vendor == "postgresql" else sqlite.Words
