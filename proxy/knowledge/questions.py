"""A question as each index is asked it: its words, and its vector by the index's own model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from proxy.call import Privacy
from proxy.knowledge import embedding, scrubbing
from proxy.knowledge.embedding import EmbeddingDown
from proxy.knowledge.models import Index
from proxy.knowledge.passages import Mode, Vectors
from proxy.knowledge.scrubbing import Blocked, ScrubbingDown
from tenants.models import Collection
from tenants.models.collections import BUILT_IN

MOST_CHARS = 4000


class SearchDown(Exception):
    """The search cannot be made now: the store or the embedding model does not answer."""


class QuestionRefused(SearchDown):
    """The question holds what may not leave. The message names the types."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What one index is asked."""

    words: str
    vector: Vectors | None


async def asked(
    tenant_id: UUID, indexes: Sequence[Index], question: str, mode: Mode, asker: Privacy | None
) -> Mapping[int, Asked]:
    """By the index's number. What leaves, or is compared with what was scrubbed, is scrubbed alike.

    Raises SearchDown, QuestionRefused.
    """
    question = question[:MOST_CHARS]
    clean = await _clean(tenant_id, question, asker) if any(_is_scrubbed(index, mode) for index in indexes) else ""
    vectors: dict[tuple[str, str], Vectors] = {}
    found = {}
    for index in indexes:
        text = clean if _is_scrubbed(index, mode) else question
        words = clean if _keeps_none(index) else question
        if mode == "words":
            found[index.pk] = Asked(words, None)
            continue
        if (index.embedding, text) not in vectors:
            vectors[index.embedding, text] = await _vector(index, text)
        found[index.pk] = Asked("" if mode == "vectors" else words, vectors[index.embedding, text])
    return found


def _keeps_none(index: Index) -> bool:
    return index.personal_data == Collection.PersonalData.SCRUB


def _is_scrubbed(index: Index, mode: Mode) -> bool:
    return _keeps_none(index) or (index.embedding != BUILT_IN and mode != "words")


async def _clean(tenant_id: UUID, question: str, asker: Privacy | None) -> str:
    try:
        return (await scrubbing.scrubbed(tenant_id, [question], asker))[0]
    except Blocked as blocked:
        words = f"The question holds personal data that your organisation does not let out ({blocked}). Take it out."
        raise QuestionRefused(words) from None
    except ScrubbingDown as down:
        raise SearchDown(str(down)) from down


async def _vector(index: Index, text: str) -> Vectors:
    try:
        found: Vectors = (await embedding.of(index).embed([text]))[0]
        return found
    except EmbeddingDown as down:
        raise SearchDown(str(down)) from down
