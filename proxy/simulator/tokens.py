"""Tokens as the simulator counts them: the same text always gives the same number."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from proxy.formats import estimate
from proxy.formats.document import Document

_PIECE = re.compile(r"\s*\S{1,10}|\s+")
_MAX_FILE = 8000


def split(text: str) -> list[str]:
    """A text as the pieces it is streamed in, one token each; joined they are the text."""
    return _PIECE.findall(text)


def split_json(text: str) -> list[str]:
    """A tool input's JSON as pieces of eight characters: cut within words, numbers and escapes."""
    return [text[at : at + 8] for at in range(0, len(text), 8)]


@dataclass(frozen=True, slots=True)
class InputTokens:
    """A request's tokens: what is new, and what its cache marks cover."""

    uncached: int
    cached_5m: int
    cached_1h: int

    @property
    def cached(self) -> int:
        """Everything up to the last cache mark."""
        return self.cached_5m + self.cached_1h

    @property
    def total(self) -> int:
        """What count_tokens answers."""
        return self.uncached + self.cached


def of_request(document: Document) -> InputTokens:
    """The estimate for a checked request, shared out by its cache marks: each covers everything before it."""
    total = estimate.input_tokens(document)
    if b'"cache_control"' not in document.raw:
        return InputTokens(total, 0, 0)
    size = marked = marked_1h = 0
    for part in _in_cache_order(document.value):
        size += _size(part)
        if isinstance(part, dict) and isinstance(mark := part.get("cache_control"), dict):
            marked = size
            marked_1h = size if mark.get("ttl") == "1h" else marked_1h
    if isinstance(automatic := document.get("cache_control"), dict):
        marked = size
        marked_1h = size if automatic.get("ttl") == "1h" else marked_1h
    cached, cached_1h = (round(total * share / max(size, 1)) for share in (marked, marked_1h))
    return InputTokens(total - cached, cached - cached_1h, cached_1h)


def _in_cache_order(body: Mapping[str, Any]) -> Iterator[Any]:
    yield from _blocks(body.get("tools"))
    yield from _blocks(body.get("system"))
    for message in body["messages"]:
        yield from _blocks(message["content"])


def _blocks(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value else []


def _size(block: Any) -> int:
    """Characters, as a measure to share out by; of files no more than a page."""
    size = len(json.dumps(block, ensure_ascii=False))
    return min(size, _MAX_FILE) if isinstance(block, dict) and block.get("type") in ("image", "document") else size
