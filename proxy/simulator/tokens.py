"""Tokens as the simulator counts them: the same text always gives the same number."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from proxy.simulator.failures import Failure

_PIECE = re.compile(r"\s*\S{1,10}|\s+")
_BYTES_PER_TOKEN = 4
_IMAGE_TOKENS = 1600
_PDF_TOKENS = 3000


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


def of_request(body: Mapping[str, Any]) -> InputTokens:
    """Counts tools, system and messages in the order the prompt cache takes them; marks split the sum."""
    total = marked = marked_1h = 0
    for tokens, mark in _units(body):
        total += tokens
        if mark is not None:
            marked = total
            marked_1h = total if mark.get("ttl") == "1h" else marked_1h
    if isinstance(automatic := body.get("cache_control"), dict):
        marked = total
        marked_1h = total if automatic.get("ttl") == "1h" else marked_1h
    return InputTokens(total - marked, marked - marked_1h, marked_1h)


def _units(body: Mapping[str, Any]) -> Iterator[tuple[int, dict[str, Any] | None]]:
    for tool in _blocks(body.get("tools")):
        yield _unit(tool)
    for block in _blocks(body.get("system")):
        yield _unit(block)
    for name in ("output_config", "output_format"):
        if name in body:
            yield _size(body[name]), None
    for message in _blocks(body.get("messages")):
        yield 3, None
        if isinstance(message, dict):
            for block in _blocks(message.get("content")):
                yield _unit(block)


def _blocks(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value else []


def _unit(block: Any) -> tuple[int, dict[str, Any] | None]:
    if not isinstance(block, dict):
        return _size(block), None
    mark = block.get("cache_control")
    inner = block.get("content") if block.get("type") == "tool_result" else None
    tokens = 5 + sum(map(_content, inner)) if isinstance(inner, list) else _content(block)
    return tokens, mark if isinstance(mark, dict) else None


def _content(block: Any) -> int:
    kind = block.get("type") if isinstance(block, dict) else None
    if kind == "text":
        return _size(block.get("text"))
    if kind == "image":
        return _IMAGE_TOKENS
    if kind == "document" and _is_file(block.get("source")):
        return _PDF_TOKENS
    return _size({key: value for key, value in block.items() if key != "cache_control"} if kind else block)


def _is_file(source: Any) -> bool:
    return isinstance(source, dict) and source.get("type") in ("base64", "url", "file")


def _size(value: Any) -> int:
    try:
        size = len(value.encode()) if isinstance(value, str) else len(orjson.dumps(value))
    except orjson.JSONEncodeError as too_deep:
        raise Failure(400, f"The request body is nested too deeply: {too_deep}") from None
    return -(-size // _BYTES_PER_TOKEN)
