"""The content blocks of an answer, each whole for JSON and in pieces for a stream."""

import base64
import hashlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from proxy.simulator import ids, tokens

_FILLER = tokens.split(" these words fill the answer up to the length that was asked for, no more;")

SIGNATURE_PREFIX = "U0lN"
"""Base64 of `SIM`: how the simulator knows its own signatures."""


@dataclass(slots=True)
class Text:
    """A text block; `citations` come before its text, as Anthropic streams them."""

    pieces: list[str]
    citations: Sequence[Mapping[str, Any]] = ()

    def whole(self) -> dict[str, Any]:
        cited = {"citations": list(self.citations)} if self.citations else {}
        return {"type": "text", "text": "".join(self.pieces), **cited}

    def start(self) -> dict[str, Any]:
        return {"type": "text", "text": "", **({"citations": []} if self.citations else {})}

    def deltas(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Each delta with the tokens it stands for."""
        for citation in self.citations:
            yield 0, {"type": "citations_delta", "citation": citation}
        for piece in self.pieces:
            yield 1, {"type": "text_delta", "text": piece}


@dataclass(slots=True)
class Thinking:
    """A thinking block; with `is_omitted` its tokens count but its text is not shown."""

    pieces: list[str]
    is_omitted: bool

    def whole(self) -> dict[str, Any]:
        text = "" if self.is_omitted else "".join(self.pieces)
        return {"type": "thinking", "thinking": text, "signature": sign(text)}

    def start(self) -> dict[str, Any]:
        return {"type": "thinking", "thinking": "", "signature": ""}

    def deltas(self) -> Iterator[tuple[int, dict[str, Any]]]:
        whole = self.whole()
        if self.is_omitted:
            yield len(self.pieces), {"type": "thinking_delta", "thinking": ""}
        else:
            for piece in self.pieces:
                yield 1, {"type": "thinking_delta", "thinking": piece}
        yield 0, {"type": "signature_delta", "signature": whole["signature"]}


@dataclass(slots=True)
class Redacted:
    """A redacted_thinking block: opaque, and in one piece."""

    pieces: list[str] = field(default_factory=lambda: [""])

    def whole(self) -> dict[str, Any]:
        return {"type": "redacted_thinking", "data": sign("redacted")}

    def start(self) -> dict[str, Any]:
        return self.whole()

    def deltas(self) -> Iterator[tuple[int, dict[str, Any]]]:
        yield from ()


@dataclass(slots=True)
class ToolUse:
    """A call of one of the client's tools."""

    name: str
    input: Mapping[str, Any]
    id: str = field(default_factory=lambda: ids.new("toolu"))
    pieces: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.pieces = tokens.split_json(orjson.dumps(self.input).decode())

    def whole(self) -> dict[str, Any]:
        return {"type": "tool_use", "id": self.id, "name": self.name, "input": self.input}

    def start(self) -> dict[str, Any]:
        return {"type": "tool_use", "id": self.id, "name": self.name, "input": {}}

    def deltas(self) -> Iterator[tuple[int, dict[str, Any]]]:
        yield 0, {"type": "input_json_delta", "partial_json": ""}
        for piece in self.pieces:
            yield 1, {"type": "input_json_delta", "partial_json": piece}


Part = Text | Thinking | Redacted | ToolUse


def shorten(parts: Sequence[Part], limit: int) -> tuple[list[Part], bool]:
    """What fits into `limit` tokens, and whether anything had to go: texts are cut, other blocks left out."""
    kept: list[Part] = []
    for part in parts:
        if len(part.pieces) <= limit:
            kept.append(part)
            limit -= len(part.pieces)
            continue
        if isinstance(part, Text | Thinking) and limit:
            part.pieces = part.pieces[:limit]
            kept.append(part)
        return kept, True
    return kept, False


def sign(text: str) -> str:
    """The signature of a thinking text: anyone can compute it, so that a changed block is noticed without memory."""
    return SIGNATURE_PREFIX + base64.b64encode(hashlib.sha512(text.encode()).digest() * 2).decode()


def is_altered(block: Mapping[str, Any]) -> bool:
    """Whether a thinking block that came back was the simulator's own and is no longer what it sent."""
    signature = block.get("signature")
    if not isinstance(signature, str) or not signature.startswith(SIGNATURE_PREFIX):
        return False
    thinking = block.get("thinking")
    return not isinstance(thinking, str) or sign(thinking) != signature


def filler(count: int) -> Iterator[str]:
    """Words of one token each."""
    return itertools.islice(itertools.cycle(_FILLER), max(count, 0))
