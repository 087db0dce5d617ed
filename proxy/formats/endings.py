"""Ends a stream before its upstream does, in the events that clients know from an answer that got too long."""

from collections.abc import Iterator, Mapping
from typing import Any

from proxy.formats.document import Malformed
from proxy.formats.sse import Event


class Progress:
    """How far a stream is: whether its message began, which blocks are open, whether it ended by itself."""

    def __init__(self) -> None:
        self.has_begun = False
        self.is_ending = False
        self._open: list[int] = []
        self._next_index = 0

    def note(self, event: Event) -> None:
        """Take in one event of the stream."""
        if event.name == "message_start":
            self.has_begun = True
        elif event.name == "content_block_start" and (index := _index(event)) is not None:
            self._open.append(index)
            self._next_index = index + 1
        elif event.name == "content_block_stop" and (index := _index(event)) in self._open:
            self._open.remove(index)
        elif event.name in ("message_delta", "message_stop", "error"):
            self.is_ending = True

    def closing(self, *, stop_reason: str, usage: Mapping[str, Any], last_words: str = "") -> Iterator[Event]:
        """The events that end the message here: the open blocks', a text to end with, then the message's."""
        for index in self._open:
            yield Event.build("content_block_stop", {"type": "content_block_stop", "index": index})
        if last_words:
            yield from _text(self._next_index, last_words)
        delta = {"stop_reason": stop_reason, "stop_sequence": None}
        yield Event.build("message_delta", {"type": "message_delta", "delta": delta, "usage": usage})
        yield Event.build("message_stop", {"type": "message_stop"})


def _text(index: int, words: str) -> Iterator[Event]:
    block = {"type": "text", "text": ""}
    delta = {"type": "text_delta", "text": words}
    yield Event.build("content_block_start", {"type": "content_block_start", "index": index, "content_block": block})
    yield Event.build("content_block_delta", {"type": "content_block_delta", "index": index, "delta": delta})
    yield Event.build("content_block_stop", {"type": "content_block_stop", "index": index})


def _index(event: Event) -> int | None:
    try:
        index = event.json().get("index")
    except Malformed:
        return None
    return index if type(index) is int else None
