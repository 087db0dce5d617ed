"""The text of a call as turns that people read, cut to what a page can hold. All of it is other people's: data."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from proxy.formats import texts
from proxy.transcripts.sealing import Said

_MOST_CHARS = 20_000
_MOST_TURNS = 200
_WHO = {
    "system": "System",
    "user": "User",
    "assistant": "Model, before",
    "tool_input": "Tool, called before",
    "tool_result": "Result of a tool",
    "document": "Document",
    "citation": "Quotation",
    "unknown": "Unknown field",
}


@dataclass(frozen=True, slots=True)
class Turn:
    """One text, whose it is, and how much of it is left out."""

    who: str
    text: str
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Read:
    """A call's text: the latest turns of the request, how many are before them, its tools, and the answer."""

    asked: Sequence[Turn]
    earlier: int
    tools: Sequence[str]
    answered: Sequence[Turn]
    is_whole: bool
    has_answer: bool


def read(said: Said) -> Read:
    """What the page shows."""
    body = orjson.loads(said.request)
    leaves = texts.of_request(body, scans_unknown=True).leaves
    asked = [_turn(_WHO[leaf.place], leaf.text) for leaf in leaves if leaf.place != "tools" and leaf.text.strip()]
    return Read(
        asked=asked[-_MOST_TURNS:],
        earlier=max(len(asked) - _MOST_TURNS, 0),
        tools=[str(tool.get("name", "?"))[:100] for tool in body.get("tools") or () if isinstance(tool, dict)],
        answered=list(_answer(said.answer or {})),
        is_whole=said.is_whole,
        has_answer=said.answer is not None,
    )


def _answer(message: Mapping[str, Any]) -> Iterator[Turn]:
    content = message.get("content")
    for block in content if isinstance(content, list) else ():
        kind = block.get("type")
        if kind == "text":
            yield _turn("Model", str(block.get("text", "")))
        elif kind == "thinking":
            yield _turn("Model, thinking", str(block.get("thinking", "")))
        elif kind in texts.TOOL_CALLS:
            given = block.get("input")
            written = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False, indent=1)
            yield _turn(f"Model calls {str(block.get('name', '?'))[:100]}", written)


def _turn(who: str, text: str) -> Turn:
    return Turn(who, text[:_MOST_CHARS], max(len(text) - _MOST_CHARS, 0))
