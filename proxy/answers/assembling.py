"""Filter: an answer as one message, also where it comes as a stream."""

import json
from collections.abc import Iterable
from typing import Any

import orjson

from proxy.formats.document import Document, Malformed
from proxy.formats.sse import Event
from proxy.stream import Filter

_TEXTS = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}
_MOST_BYTES = 4 * 1024 * 1024


class _Unknown(Exception):
    """An event, a delta or an order of them that this version does not know: the answer is not kept."""


class Assemble(Filter):
    """Passes everything on. `message` and `raw`, its JSON, are there once it has ended, if all of it is understood."""

    def __init__(self) -> None:
        self.message: dict[str, Any] | None = None
        self.raw = b""
        self._draft: dict[str, Any] = {}
        self._inputs: dict[int, list[str]] = {}
        self._bytes = 0
        self._is_given_up = False

    def feed(self, event: Event) -> Iterable[Event]:
        """The same event."""
        if not self._is_given_up and event.data:
            self._bytes += len(event.data)
            try:
                self._take(event)
            except (_Unknown, Malformed, KeyError, TypeError, IndexError, orjson.JSONDecodeError):
                self._is_given_up = True
                self._draft, self._inputs = {}, {}
        return (event,)

    def document(self, body: Document) -> Document:
        """The same document."""
        if body.get("type") == "message" and len(body.raw) <= _MOST_BYTES:
            self.message, self.raw = body.value, body.raw
        return body

    def so_far(self) -> dict[str, Any] | None:
        """The message, or as much of one that did not end as was understood; None if there is nothing of it."""
        if self.message is None and self._draft:
            for index, pieces in self._inputs.items():
                self._draft["content"][index]["input"] = "".join(pieces)
        return self.message or self._draft or None

    def _take(self, event: Event) -> None:
        if self._bytes > _MOST_BYTES:
            raise _Unknown
        payload = event.json()
        match event.name:
            case "message_start":
                self._draft = {**payload["message"], "content": []}
            case "content_block_start":
                self._start(payload["index"], payload["content_block"])
            case "content_block_delta":
                self._delta(payload["index"], payload["delta"])
            case "content_block_stop":
                self._stop(payload["index"])
            case "message_delta":
                self._draft |= payload["delta"]
                self._draft["usage"] = {**self._draft["usage"], **payload["usage"]}
            case "message_stop":
                self.message, self.raw = self._draft, orjson.dumps(self._draft)
            case "ping":
                pass
            case _:
                raise _Unknown

    def _start(self, index: int, block: dict[str, Any]) -> None:
        if index != len(self._draft["content"]):
            raise _Unknown
        self._draft["content"].append(dict(block))

    def _delta(self, index: int, delta: dict[str, Any]) -> None:
        block, kind = self._draft["content"][index], delta["type"]
        if kind == "input_json_delta":
            self._inputs.setdefault(index, []).append(delta["partial_json"])
        elif kind == "citations_delta":
            block["citations"] = [*(block.get("citations") or []), delta["citation"]]
        elif kind in _TEXTS:
            name = _TEXTS[kind]
            block[name] = block.get(name, "") + delta[name]
        else:
            raise _Unknown

    def _stop(self, index: int) -> None:
        if (pieces := self._inputs.pop(index, None)) is not None:
            self._draft["content"][index]["input"] = _input("".join(pieces) or "{}")


def _input(text: str) -> Any:
    value = orjson.loads(text)
    if json.loads(text) != value:  # a number that would not come out as it went in
        raise _Unknown
    return value
