"""What goes in and out, as the API page describes it."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from ninja import Field, Schema
from pydantic import ConfigDict

from proxy.knowledge.models import Document
from proxy.knowledge.passages import Passage, Piece


class Collection(Schema):
    """A collection that the key may use."""

    name: str
    description: str
    embedding: str
    chunk_tokens: int
    chunk_overlap: int
    reranking: str
    personal_data: Literal["keep", "scrub"]
    suspicious: Literal["mark", "leave_out"]
    required: bool = Field(alias="is_required")
    keys: list[str] = Field(alias="key_globs")
    roles: list[str]


class CollectionState(Collection):
    """A collection, and how far its documents have come."""

    documents: dict[str, int] = Field(description="How many, by their status.")
    passages: int
    suspicious_passages: int = Field(description="Those that read like orders to a model.")
    is_rebuilt: bool = Field(description="Whether its documents are being indexed anew.")


class CollectionOptions(Schema):
    """What may be set of a collection."""

    model_config = ConfigDict(extra="forbid")

    description: str | None = None
    embedding: str | None = Field(None, description="`default`, or `UPSTREAM/MODEL`.")
    chunk_tokens: int | None = Field(None, description="Longest passage.")
    chunk_overlap: int | None = Field(None, description="What a passage repeats of the one before it.")
    reranking: str | None = Field(None, description="`none`, `default`, or `UPSTREAM/MODEL`.")
    personal_data: Literal["keep", "scrub"] | None = None
    suspicious: Literal["mark", "leave_out"] | None = None
    required: bool | None = Field(None, description="Refuse a request that cannot be searched for.")
    keys: list[str] | None = Field(None, description="Globs of the names of the keys that may use it.")
    roles: list[str] | None = Field(None, description="Roles of the members who may search it.")

    def options(self) -> dict[str, Any]:
        """What was given, by the names of the columns."""
        given = self.dict(exclude_unset=True, exclude={"name"})
        return {_COLUMNS.get(name, name): value for name, value in given.items()}


_COLUMNS = {"required": "is_required", "keys": "key_globs"}


class NewCollection(CollectionOptions):
    """A collection that is to be."""

    name: str = Field(description="Lower-case letters, digits, - and _.")


class DocumentShape(Schema):
    """A document, and how far it has come."""

    id: UUID
    collection: str
    name: str
    title: str
    tags: list[str]
    metadata: dict[str, Any]
    size: int
    checksum: str
    revision: int
    status: Literal["queued", "parsing", "chunking", "embedding", "indexed", "failed", "cancelled"]
    reason: str
    progress: int
    pages: int | None
    chunks: int
    suspicious: int = Field(description="How many of its passages read like orders to a model.")
    created_at: datetime
    indexed_at: datetime | None

    @classmethod
    def of(cls, row: Document) -> "DocumentShape":
        """The document with what its newest entry says."""
        entry = max(row.entries.all(), key=lambda entry: entry.index_id, default=None)
        own = (
            *("id", "name", "title", "tags", "metadata", "size", "checksum", "revision"),
            *("status", "reason", "progress", "created_at", "indexed_at"),
        )
        return cls(
            **{name: getattr(row, name) for name in own},
            collection=row.collection.name,
            pages=entry.pages if entry else None,
            chunks=entry.chunk_count if entry else 0,
            suspicious=entry.suspicious_count if entry else 0,
        )


class Documents(Schema):
    """One page of a list."""

    documents: list[DocumentShape]
    next: str | None = Field(description="Give it as `after` for the next page.")


class Loaded(Schema):
    """What became of an upload."""

    change: Literal["created", "replaced", "unchanged"]
    document: DocumentShape


class Changes(Schema):
    """What may be changed of a document; what is left out stays."""

    title: str | None = None
    tags: list[str] | None = None
    metadata: dict[str, str] | None = None


class Chunk(Schema):
    """A passage of a document."""

    ordinal: int
    text: str
    heading: str
    page: int | None
    suspicious: bool = Field(description="Whether it reads like orders to a model.")

    @classmethod
    def of(cls, piece: Piece) -> "Chunk":
        """Without its vector."""
        return cls(
            ordinal=piece.ordinal,
            text=piece.text,
            heading=piece.heading,
            page=piece.page,
            suspicious=piece.is_suspicious,
        )


class Search(Schema):
    """A question, and how it is searched for."""

    query: str = Field(min_length=1, max_length=4000)
    collections: list[str] = Field(min_length=1, max_length=20)
    top_k: int = Field(5, ge=1, le=50)
    min_score: float = Field(0.0, ge=-1, le=1, description="Least cosine between question and passage.")
    mode: Literal["hybrid", "vectors", "words"] = "hybrid"
    tags: list[str] = Field([], max_length=50, description="Documents must have all of them.")
    metadata: dict[str, str] = Field({}, description="Documents must have all of them.")
    rerank: bool = Field(True, description="Rank again, where the collections say by what.")


class PassageShape(Schema):
    """A passage, where it stands, and why it was found."""

    text: str
    heading: str
    page: int | None
    ordinal: int
    collection: str
    document_id: UUID
    document: str
    title: str
    score: float = Field(description="From 0 to 1, within this search.")
    vector_score: float = Field(description="Cosine of question and passage.")
    words_score: float = Field(description="BM25, or what the store has for it.")
    rerank_score: float | None = Field(description="What ranked it again says; null where nothing did.")
    suspicious: bool = Field(description="Whether it reads like orders to a model.")

    @classmethod
    def of(cls, passage: Passage) -> "PassageShape":
        """The passage, flat."""
        return cls(
            text=passage.text,
            heading=passage.heading,
            page=passage.page,
            ordinal=passage.ordinal,
            collection=passage.collection,
            document_id=passage.document_id,
            document=passage.document_name,
            title=passage.title,
            score=passage.scores.total,
            vector_score=passage.scores.vector,
            words_score=passage.scores.words,
            rerank_score=passage.scores.reranked,
            suspicious=passage.is_suspicious,
        )


class Passages(Schema):
    """What a question finds, the best first."""

    passages: list[PassageShape]
