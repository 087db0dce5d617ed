"""Requests are checked as Anthropic checks them, and refused in its words."""

from collections.abc import Mapping, Sequence
from typing import Any

from proxy.formats.document import Document, Malformed
from proxy.simulator import parts
from proxy.simulator.failures import Failure

_ROLES = ("user", "assistant", "system")
_NEWEST_VERSION = "2026-10-21"
_KINDS: Mapping[str, tuple[Any, str]] = {
    "model": (str, "string"),
    "messages": (list, "list"),
    "max_tokens": (int, "integer"),
    "stream": (bool, "boolean"),
    "system": (str | list, "string or list"),
    "tools": (list, "list"),
    "stop_sequences": (list, "list"),
    "metadata": (dict, "object"),
    "thinking": (dict, "object"),
    "tool_choice": (dict, "object"),
    "output_config": (dict, "object"),
}
_NO_THREADS = {"error_code": "thread_unsupported_request", "unsupported": []}
"""What makes an SDK send the whole conversation instead."""
_SAMPLING = ("temperature", "top_p", "top_k")


def parse(raw: bytes, version: str, *, needs_max_tokens: bool = True) -> Document:
    """The body of a request for an answer or a count, if Anthropic would take it. Raises Failure."""
    try:
        document = Document.parse(raw)
    except Malformed as broken:
        raise Failure(400, str(broken)) from None
    _check_fields(document.value, ("model", "messages", "max_tokens") if needs_max_tokens else ("model", "messages"))
    _check_messages(document.value["messages"])
    if version == _NEWEST_VERSION:
        _check_newest(document.value)
    return document


def _check_fields(body: Mapping[str, Any], required: Sequence[str]) -> None:
    for name in required:
        if name not in body:
            raise Failure(400, f"{name}: Field required")
    for name, (kind, called) in _KINDS.items():
        if name in body and (not isinstance(body[name], kind) or (kind is int and isinstance(body[name], bool))):
            raise Failure(400, f"{name}: Input should be a valid {called}")
    if body.get("max_tokens", 0) < 0:
        raise Failure(400, "max_tokens: Input should be greater than or equal to 0")
    if body.get("thread") is not None:
        raise Failure(400, "thread: the simulator keeps no conversations", details=_NO_THREADS)
    for at, tool in enumerate(body.get("tools", ())):
        if not isinstance(tool, dict):
            raise Failure(400, f"tools.{at}: Input should be an object")


def _check_messages(messages: Sequence[Any]) -> None:
    if not messages:
        raise Failure(400, "messages: at least one message is required")
    for at, message in enumerate(messages):
        if not isinstance(message, dict):
            raise Failure(400, f"messages.{at}: Input should be an object")
        if message.get("role") not in _ROLES:
            raise Failure(400, f"messages.{at}.role: Input should be 'user', 'assistant' or 'system'")
        content = message.get("content")
        if not isinstance(content, str | list):
            raise Failure(400, f"messages.{at}.content: Input should be a valid string or list")
        for index, block in enumerate(content if isinstance(content, list) else ()):
            _check_block(block, f"messages.{at}.content.{index}")


def _check_block(block: Any, place: str) -> None:
    if not isinstance(block, dict) or not isinstance(block.get("type"), str):
        raise Failure(400, f"{place}.type: Field required")
    if block["type"] == "text" and not isinstance(block.get("text"), str):
        raise Failure(400, f"{place}.text: Input should be a valid string")
    if block["type"] == "thinking" and parts.is_altered(block):
        raise Failure(400, f"{place}: Invalid `signature` in `thinking` block")


def _check_newest(body: Mapping[str, Any]) -> None:
    """What the API version of 2026-10-21 no longer takes."""
    for name in _SAMPLING:
        if name in body:
            raise Failure(400, f"{name}: Extra inputs are not permitted")
    for at, message in enumerate(body["messages"]):
        for index, block in enumerate(blocks_of(message)):
            place = f"messages.{at}.content.{index}"
            if message["role"] == "assistant" and block["type"] == "document":
                raise Failure(400, f"{place}: document blocks are not permitted in assistant messages")
            if message["role"] == "user" and block["type"] == "text" and block.get("citations"):
                raise Failure(400, f"{place}.citations: Extra inputs are not permitted")


def blocks_of(message: Mapping[str, Any]) -> list[Any]:
    """A message's content blocks; none where it is a plain text."""
    content = message.get("content")
    return content if isinstance(content, list) else []
