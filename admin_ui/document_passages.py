"""The passages of a document as searches see them, and those that a question finds, with why."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from proxy.knowledge import library, stores
from proxy.knowledge.library import Wish
from proxy.knowledge.models import Document, Entry, Index
from proxy.knowledge.passages import Passage, Piece
from proxy.knowledge.stores import StoreDown

_WORD = re.compile(r"\w+")
_LEAST_LETTERS = 3


@dataclass(frozen=True, slots=True)
class Passages:
    """What the serving index holds of a document; `down` says why it cannot be had now."""

    pieces: Sequence[Piece] = ()
    entry: Entry | None = None
    down: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """Some of a passage's text, and whether the question says it too."""

    text: str
    is_marked: bool


@dataclass(frozen=True, slots=True)
class Found:
    """A passage that a question found, its scores, and whether requests would leave it out."""

    passage: Passage
    parts: list[Part]
    words_share: float
    is_left_out: bool

    @property
    def meaning(self) -> float:
        """What a bar can show of the cosine."""
        return max(0.0, self.passage.scores.vector)

    @property
    def words(self) -> str:
        """BM25, which is next to nothing where every passage has the word."""
        score = self.passage.scores.words
        return "< 0.1" if 0 < score < 0.05 else f"{score:.1f}"


def of(document: Document) -> Passages:
    """The document's passages in their order."""
    serving = Entry.objects.select_related("index").filter(document=document, index__state=Index.State.SERVING)
    entry = serving.first()
    if entry is None:
        return Passages()
    try:
        return Passages(stores.of(entry.index).read(entry.index, entry.pk), entry)
    except StoreDown as down:
        return Passages((), entry, str(down))


def search(tenant_id: UUID, collection: str, question: str, wish: Wish, *, least: float) -> list[Found]:
    """What the question finds in the collection, the best first. `least`: what requests ask of the cosine.

    Raises library.SearchDown, library.UnknownCollection.
    """
    passages = library.search_blocking(tenant_id, [collection], question, wish)
    most = max((passage.scores.words for passage in passages), default=0.0)
    words = {word.casefold() for word in _WORD.findall(question) if len(word) >= _LEAST_LETTERS}
    return [
        Found(
            passage,
            _parts(passage.text, words),
            passage.scores.words / most if most > 0 else 0.0,
            wish.mode != "words" and passage.scores.vector < least,
        )
        for passage in passages
    ]


def _parts(text: str, words: set[str]) -> list[Part]:
    parts, end = [], 0
    for found in _WORD.finditer(text):
        if found[0].casefold() in words:
            parts += [Part(text[end : found.start()], False), Part(found[0], True)]
            end = found.end()
    return [part for part in (*parts, Part(text[end:], False)) if part.text]
