"""Sections as passages of so many tokens, cut where the text has its own borders."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from semantic_text_splitter import MarkdownSplitter, TextSplitter

from proxy.knowledge import tokens
from proxy.knowledge.parsing.sections import MAX_CHARACTERS, Section, Unreadable, clean

MAX_CHUNKS = 20_000


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage, and where it stands."""

    text: str
    heading: str = ""
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Cut:
    """How long a passage is, and how much of the one before it repeats, in tokens."""

    tokens: int
    overlap: int


def chunks(sections: Iterable[Section], kind: str, cut: Cut) -> Iterator[Chunk]:
    """The passages of a document of this kind, in their order. Raises Unreadable."""
    splitter = _splitter(kind == "markdown", cut)
    characters = count = 0
    for section in sections:
        text = clean(section.text)
        characters += len(text)
        if characters > MAX_CHARACTERS:
            raise Unreadable(f"The file has more than {MAX_CHARACTERS:,} characters. Split it and upload the parts.")
        for piece in splitter.chunks(text):
            count += 1
            if count > MAX_CHUNKS:
                raise Unreadable(f"The file has more than {MAX_CHUNKS:,} passages. Split it and upload the parts.")
            if any(character.isalnum() for character in piece):
                yield Chunk(piece, section.heading, section.page)


@lru_cache(maxsize=8)
def _splitter(is_markdown: bool, cut: Cut) -> MarkdownSplitter | TextSplitter:
    """Made once: taking the tokenizer over costs more than cutting a page."""
    kind = MarkdownSplitter if is_markdown else TextSplitter
    return kind.from_huggingface_tokenizer(tokens.tokenizer(), cut.tokens, cut.overlap)
