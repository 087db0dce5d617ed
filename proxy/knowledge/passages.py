"""The values that searching deals in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
Mode = Literal["hybrid", "vectors", "words"]


@dataclass(frozen=True, slots=True)
class Piece:
    """A passage with its vector, on its way into a store or out of it."""

    ordinal: int
    text: str
    heading: str
    page: int | None
    vector: Vectors = field(repr=False)
    is_suspicious: bool = False  # reads like orders to a model


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that a store found."""

    entry_id: UUID
    ordinal: int
    text: str
    heading: str
    page: int | None
    vector_score: float  # cosine, -1 to 1
    words_score: float  # BM25 or alike: 0 without a common word, and no upper bound
    is_suspicious: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """What a store is asked. `entries`: only these are looked at; None: all."""

    text: str
    vector: Vectors | None
    entries: frozenset[UUID] | None
    limit: int
    alpha: float


@dataclass(frozen=True, slots=True)
class Filters:
    """Which documents are looked at: those with all the tags and all the metadata."""

    tags: Sequence[str] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def accept(self, tags: Sequence[str], metadata: Mapping[str, Any]) -> bool:
        """Whether a document with these is looked at."""
        return set(self.tags) <= set(tags) and all(metadata.get(name) == value for name, value in self.metadata.items())

    @property
    def is_open(self) -> bool:
        """Whether every document is looked at."""
        return not self.tags and not self.metadata


@dataclass(frozen=True, slots=True)
class Scores:
    """Why a passage is where it is. `total`, 0 to 1, orders the passages of one search and compares to no other's."""

    total: float
    vector: float
    words: float
    reranked: float | None = None  # where something ranked them again; in units of its own


@dataclass(frozen=True, slots=True)
class Passage:
    """An answer of a search: text, and where it stands."""

    text: str
    heading: str
    page: int | None
    ordinal: int
    collection: str
    document_id: UUID
    document_name: str
    title: str
    scores: Scores
    is_suspicious: bool = False

    @property
    def place(self) -> str:
        """`Handbook, page 12, Leave › Parental leave`."""
        page = f"page {self.page}" if self.page else ""
        return ", ".join(filter(None, (self.title or self.document_name, page, self.heading)))
