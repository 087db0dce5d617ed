"""A request's input tokens, guessed from its text without a tokeniser.

Characters are counted by what they usually cost: 3.5 of ASCII to a token (prose takes more, code and JSON fewer), other
scripts by their UTF-8 bytes, which follow the tokens they make (Cyrillic 2, Chinese 3, emoji 4 bytes a character).
Tools and tool inputs count as the JSON they are; messages, tools and blocks have a fixed overhead. An image counts
what the largest costs, a file by its size: base64 is never text. Expect ±30 %: enough to show and to reserve by,
not to bill.
"""

import json
from typing import Any

from proxy.formats.document import Document

_ASCII_PER_TOKEN = 3.5
_TOKENS_PER_OTHER_BYTE = 0.35
_PER_MESSAGE = 4
_PER_BLOCK = 2
_PER_TOOL = 8
_TOOLS_PROMPT = 346  # what Anthropic states for the instructions that come with any tool
_IMAGE = 1600
_FILE = 3000
_BASE64_PER_PAGE = 70_000
_PAGE = 2000
# Signed or encrypted, or read by the API and not by the model.
_NO_TEXT = frozenset(("type", "cache_control", "signature", "id", "tool_use_id", "file_id", "media_type"))


def input_tokens(document: Document) -> int:
    """The estimate for a checked request; at least 1."""
    body = document.value
    tools = body.get("tools") or ()
    total = _of_value(body.get("system"))
    total += sum(_PER_MESSAGE + _of_value(message.get("content")) for message in body["messages"])
    total += sum(_of_tool(tool) for tool in tools) + (_TOOLS_PROMPT if tools else 0)
    return max(1, round(total))


def most_input_tokens(document: Document) -> int:
    """What the request hardly exceeds: to reserve by. Without files it costs a look at the length.

    Two bytes to a token are fewer than prose, code, digits or any script need; files are guessed, with a third on top.
    Text that the API itself adds while it answers (web searches, say) is not in it.
    """
    if b'"base64"' in document.raw:
        return input_tokens(document) * 4 // 3 + _TOOLS_PROMPT
    return len(document.raw) // 2 + _TOOLS_PROMPT


def of_text(text: str) -> float:
    """The estimate for one text."""
    if text.isascii():
        return len(text) / _ASCII_PER_TOKEN
    size = len(text.encode())
    ascii_size = len(text.encode("ascii", "ignore"))
    return ascii_size / _ASCII_PER_TOKEN + (size - ascii_size) * _TOKENS_PER_OTHER_BYTE


def _of_tool(tool: dict[str, Any]) -> float:
    return _PER_TOOL + _of_json({key: value for key, value in tool.items() if key != "cache_control"})


def _of_json(value: Any) -> float:
    return of_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def _of_value(value: Any) -> float:
    if isinstance(value, str):
        return of_text(value)
    if isinstance(value, list):
        return sum(_of_value(inner) for inner in value)
    if isinstance(value, dict):
        return _of_block(value)
    return 0.0 if value is None or isinstance(value, bool) else 1.0


def _of_block(block: dict[str, Any]) -> float:
    kind = block.get("type")
    if kind == "image":
        return _IMAGE
    if kind == "redacted_thinking":
        return _PER_BLOCK
    if kind in ("base64", "url", "file"):  # a document's source
        return max(_FILE, len(str(block.get("data", ""))) / _BASE64_PER_PAGE * _PAGE)
    total: float = _PER_BLOCK
    for key, value in block.items():
        if key == "input":
            total += _of_json(value)
        elif key not in _NO_TEXT and not key.startswith("encrypted_"):
            total += _of_value(value)
    return total
