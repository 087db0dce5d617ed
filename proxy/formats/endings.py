"""Ends a stream before its upstream does, in the events that clients know from an answer that got too long."""

from collections.abc import Iterator

from proxy.formats.document import Malformed
from proxy.formats.sse import Event


class Progress:
    """How far a stream is: whether its message began, which block is open, whether it ended by itself."""

    def __init__(self) -> None:
        self.has_begun = False
        self.is_ending = False
        self._open: int | None = None

    def note(self, event: Event) -> None:
        """Take in one event of the stream."""
        if event.name == "message_start":
            self.has_begun = True
        elif event.name == "content_block_start":
            self._open = _index(event)
        elif event.name == "content_block_stop":
            self._open = None
        elif event.name in ("message_delta", "message_stop", "error"):
            self.is_ending = True

    def closing(self, *, stop_reason: str, output_tokens: int) -> Iterator[Event]:
        """The events that end the message here: the open block's, then the message's."""
        if self._open is not None:
            yield Event.build("content_block_stop", {"type": "content_block_stop", "index": self._open})
        delta = {"stop_reason": stop_reason, "stop_sequence": None}
        usage = {"output_tokens": output_tokens}
        yield Event.build("message_delta", {"type": "message_delta", "delta": delta, "usage": usage})
        yield Event.build("message_stop", {"type": "message_stop"})


def _index(event: Event) -> int | None:
    try:
        index = event.json().get("index")
    except Malformed:
        return None
    return index if type(index) is int else None
