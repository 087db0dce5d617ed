"""A shelf in memory, and a passage to put on it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid5

from proxy.call import Passages, Privacy, Wanted
from proxy.knowledge.passages import Passage, Scores
from proxy.knowledge.shelf import ShelfDown
from proxy.knowledge.turns.memory import Given

HANDBOOK = Wanted(collections=("handbook",))
"""Settings of a tenant with one collection."""


def usable(default: Wanted = HANDBOOK, **collections: bool) -> Passages:
    """A key that may use these collections (name: whether it is required), or the handbook."""
    return Passages(collections or {"handbook": False}, default, b"secret")


def passage(text: str, *, name: str = "rules.pdf", page: int | None = 12, total: float = 1.0) -> Passage:
    return Passage(
        text=text,
        heading="",
        page=page,
        ordinal=0,
        collection="handbook",
        document_id=uuid5(UUID(int=0), name),
        document_name=name,
        title="",
        scores=Scores(total, 0.61234567, 2.5),
    )


@dataclass
class FakeShelf:
    """Answers by the first word of the question that it knows."""

    answers: Mapping[str, Sequence[Passage]] = field(default_factory=dict)
    is_down: bool = False
    asked: list[tuple[UUID, Wanted, str]] = field(default_factory=list)
    known: dict[tuple[UUID, bytes], Given] = field(default_factory=dict)

    async def find(self, tenant_id: UUID, wanted: Wanted, question: str, asker: Privacy | None = None) -> list[Passage]:
        if self.is_down:
            raise ShelfDown("the store rests")
        self.asked.append((tenant_id, wanted, question))
        return [one for word in question.split() for one in self.answers.get(word.lower().strip("?.!,"), ())]

    async def recall(self, tenant_id: UUID, digests: Sequence[bytes]) -> Mapping[bytes, Given]:
        if self.is_down:
            raise ShelfDown("the store rests")
        return {digest: self.known[tenant_id, digest] for digest in digests if (tenant_id, digest) in self.known}

    async def remember(self, tenant_id: UUID, digest: bytes, given: Given) -> None:
        self.known[tenant_id, digest] = given
