"""A kept message as the events of a stream, as Anthropic would have sent them."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from proxy.formats import texts
from proxy.formats.sse import Event

_PIECE = re.compile(r"\s*\S{1,48}\s*|\s+")  # about a word: what people see come in, and no more events than one token
_INPUT_CHARS = 48
_ENDING = ("stop_reason", "stop_sequence", "stop_details", "container", "context_management")


def events_of(message: Mapping[str, Any]) -> Iterator[Event]:
    """The events, in order. Put together again they are the message."""
    yield Event.build("message_start", {"type": "message_start", "message": _opening(message)})
    for index, block in enumerate(message["content"]):
        yield from _block(index, block)
    ending = {name: message[name] for name in _ENDING if name in message}
    yield Event.build("message_delta", {"type": "message_delta", "delta": ending, "usage": message["usage"]})
    yield Event.build("message_stop", {"type": "message_stop"})


def _opening(message: Mapping[str, Any]) -> dict[str, Any]:
    empty = {name: None for name in _ENDING if name in message}
    usage = message["usage"]
    begun = {**usage, "output_tokens": min(1, usage.get("output_tokens", 0))}
    return {**message, **empty, "content": [], "usage": begun}


def _block(index: int, block: Mapping[str, Any]) -> Iterator[Event]:
    start, deltas = _parts(block)
    yield _event("content_block_start", index, content_block=start)
    for delta in deltas:
        yield _event("content_block_delta", index, delta=delta)
    yield _event("content_block_stop", index)


def _parts(block: Mapping[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The block as it begins, and what is added to it. One of an unknown kind begins whole."""
    kind = block.get("type")
    if kind == "text":
        start = {**block, "text": ""}
        deltas = [{"type": "text_delta", "text": piece} for piece in _PIECE.findall(block["text"])]
        if block.get("citations"):
            start["citations"] = []
            deltas = [{"type": "citations_delta", "citation": one} for one in block["citations"]] + deltas
        return start, deltas
    if kind == "thinking":
        deltas = [{"type": "thinking_delta", "thinking": piece} for piece in _PIECE.findall(block["thinking"])]
        if "signature" in block:
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
        return {**block, "thinking": "", **({"signature": ""} if "signature" in block else {})}, deltas
    if kind in texts.TOOL_CALLS:
        text = orjson.dumps(block.get("input", {})).decode()
        pieces = [text[at : at + _INPUT_CHARS] for at in range(0, len(text), _INPUT_CHARS)]
        return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
    return dict(block), []


def _event(name: str, index: int, **more: Any) -> Event:
    return Event.build(name, {"type": name, "index": index, **more})
