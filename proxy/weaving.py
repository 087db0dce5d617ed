"""Filter: what a model says in several rounds, as the one answer that a client expects.

One beginning, blocks that are numbered through, usage that adds up, one end. Calls of tools are left out: the client
brought no tools, and nobody but the proxy answers them. Everything else goes on as it comes.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from proxy.answers.assembling import Assemble
from proxy.formats import usage
from proxy.formats.document import Document, Malformed
from proxy.formats.sse import Event
from proxy.stream import Filter
from proxy.upstreams.answer import UpstreamFailed

_CALL = "tool_use"
_ANSWER_DEPTH = 512
_OF_BLOCKS = frozenset(("content_block_start", "content_block_delta", "content_block_stop"))


class Weave(Filter):
    """All rounds of one call. `why_end` says with which stop reason an answer ends that calls tools; "": it goes on."""

    def __init__(self, why_end: Callable[[], str]) -> None:
        self._why_end = why_end
        self._first: dict[str, Any] | None = None  # the first round's message, where answers come whole
        self._shown: list[Any] = []  # the blocks of earlier rounds, where answers come whole
        self._is_first = True
        self._next = 0
        self._before: dict[str, Any] = {}
        self._begin_round()

    def _begin_round(self) -> None:
        self._usage: dict[str, Any] = {}
        self._numbers: dict[int, int] = {}
        self._calls: set[int] = set()
        self._whole = Assemble()
        self._asks: Mapping[str, Any] | None = None
        self.is_asking = False

    def take(self) -> Mapping[str, Any]:
        """The message of this round, which calls tools; the next round begins. Raises UpstreamFailed."""
        message = self._asks if self._asks is not None else self._whole.message
        if message is None:
            raise UpstreamFailed("The upstream's answer calls a tool, and holds what this gateway does not know.")
        self._before = usage.summed(self._before, self._usage)
        self._begin_round()
        self._is_first = False
        return message

    def feed(self, event: Event) -> Iterable[Event]:
        """The event as a part of the one answer; nothing where that has no place for it."""
        self._whole.feed(event)
        try:
            if event.name in _OF_BLOCKS:
                return self._block(event)
            if event.name == "message_start":
                self._note(event.json().get("message"))
                return (event,) if self._is_first else ()
            if event.name == "message_delta":
                return self._end(event, event.json())
        except Malformed:
            return (event,)  # for the client to judge
        return () if self.is_asking and event.name == "message_stop" else (event,)

    def document(self, body: Document) -> Document:
        """The whole answer of all rounds so far."""
        message = body.value
        if message.get("type") != "message" or not isinstance(message.get("content"), list):
            return body
        self._note(message)
        shown = [block for block in message["content"] if not _is_call(block)]
        stop_reason = message.get("stop_reason")
        if stop_reason == _CALL and len(shown) < len(message["content"]):
            stop_reason = self._why_end()
            self.is_asking, self._asks = not stop_reason, message
        elif self._is_first and len(shown) == len(message["content"]):
            return body
        self._first = self._first or message
        self._shown += shown
        counts = usage.summed(self._before, self._usage)
        whole = {**self._first, **_ending(message), "stop_reason": stop_reason, "content": self._shown, "usage": counts}
        raw = json.dumps(whole, ensure_ascii=False, separators=(",", ":"))  # any integer
        return Document.parse(raw.encode(), max_depth=_ANSWER_DEPTH)

    def _block(self, event: Event) -> Iterable[Event]:
        payload = event.json()
        index = payload.get("index")
        if type(index) is not int:
            return (event,)
        if event.name == "content_block_start":
            if _is_call(payload.get("content_block")):
                self._calls.add(index)
            else:
                self._numbers[index] = self._next
                self._next += 1
        if index in self._calls:
            return ()
        number = self._numbers.get(index, index)
        return (event if number == index else event.edit({("index",): number}),)

    def _end(self, event: Event, payload: dict[str, Any]) -> Iterable[Event]:
        self._note(payload)
        delta = payload.get("delta")
        if not isinstance(delta, dict) or (self._is_first and not self._calls):
            return (event,)
        if delta.get("stop_reason") == _CALL and self._calls:
            stop_reason = self._why_end()
            self.is_asking = not stop_reason
            if self.is_asking:
                return ()
            delta = {**delta, "stop_reason": stop_reason}
        total = usage.summed(self._before, self._usage)
        counts = {name: value for name, value in total.items() if type(value) in (int, dict)}
        return (Event.build("message_delta", {**payload, "delta": delta, "usage": counts}),)

    def _note(self, told: Any) -> None:
        """A stream's counts are cumulative: the later ones hold."""
        counts = told.get("usage") if isinstance(told, dict) else None
        if isinstance(counts, dict):
            self._usage |= {name: value for name, value in counts.items() if value is not None}


def _is_call(block: Any) -> bool:
    return isinstance(block, dict) and block.get("type") == _CALL


def _ending(message: Mapping[str, Any]) -> dict[str, Any]:
    """What a message says of its end."""
    return {name: value for name, value in message.items() if name.startswith("stop_")}
