"""Reads usage and endings off the answer on its way up, and changes nothing."""

import time
from collections.abc import Callable, Iterable
from typing import Any

import orjson

from proxy.formats.document import Document, Malformed
from proxy.formats.sse import Event
from proxy.formats.usage import Usage
from proxy.stream import Filter

PROGRESS_SECONDS = 1.0
_CHARS_PER_TOKEN = 3.5
# An event's envelope around its delta, measured on Anthropic's streams; only the estimate of a broken stream uses it.
_ENVELOPE_BYTES = 110


class Meter(Filter):
    """What the answer has told so far: usage, why it stopped, whether it ended.

    A call may take several rounds, each with an answer of the upstream's own: their usage adds up.

    Parses `message_start`, `message_delta` and `error` only; other events cost a look at their name.
    `progress` is called with the usage so far, at most once a second while a stream runs.
    """

    def __init__(self, progress: Callable[[Usage], None]) -> None:
        self.rounds = 1
        self.stop_reason = ""
        self.error_type = ""
        self.error_message = ""
        self.is_complete = False
        self.bytes = 0
        self._progress = progress
        self._before = Usage()  # of the rounds that are over
        self._own = Usage()
        self._delta_bytes = 0
        self._told_at = time.monotonic()
        self._counts = True

    def count_nothing(self) -> None:
        """From now on read endings only: the answer was paid for when it was first given."""
        self._counts = False

    def go_on(self) -> None:
        """The upstream is about to be asked once more."""
        self._before, self._own = self.usage, Usage()
        self.rounds += 1
        self.is_complete, self.stop_reason, self._delta_bytes = False, "", 0
        self._tell()

    @property
    def usage(self) -> Usage:
        """Of all rounds, as far as they told."""
        return self._sum(self._own)

    @property
    def is_told(self) -> bool:
        """Whether the answer of this round told of any usage yet."""
        return self._own != Usage()

    @property
    def has_ended(self) -> bool:
        """Whether the stream came to an end of its own: the message's, or an error that it told."""
        return self.is_complete or bool(self.error_type)

    def feed(self, event: Event) -> Iterable[Event]:
        """The same event."""
        self.bytes += len(event.raw)
        name = event.name
        if name == "content_block_delta":
            self._delta_bytes += max(len(event.raw) - _ENVELOPE_BYTES, 1)
            if time.monotonic() - self._told_at >= PROGRESS_SECONDS:
                self._tell()
        elif name == "message_start":
            self._note(_object(_payload(event), "message"))
            self._tell()
        elif name == "message_delta":
            self._end(_payload(event))
        elif name == "message_stop":
            self.is_complete = True
        elif name == "error":
            self._error(_payload(event))
        return (event,)

    def document(self, body: Document) -> Document:
        """The same document, a whole answer."""
        self.bytes += len(body.raw)
        self._note(body.value)  # told to nobody: its record is settled before a byte of it is sent
        self.is_complete = True
        return body

    def failure(self, raw: bytes) -> None:
        """Read an upstream's error body, as far as it can be read."""
        self.bytes += len(raw)
        try:
            self._error(orjson.loads(raw))
        except orjson.JSONDecodeError:
            self.error_type = "api_error"

    def final_usage(self) -> Usage:
        """The upstream's own numbers, or for a stream that broke what was delivered, estimated from its length."""
        if self.is_complete or self.stop_reason or not self._counts:
            return self.usage
        return self._sum(self._delivered())

    def cut(self, stop_reason: str) -> Usage:
        """The answer is ended here by ourselves: what was delivered is what was used, in this round."""
        if not (self.is_complete or self.stop_reason or not self._counts):
            self._own = self._delivered()
        self.stop_reason = stop_reason
        return self._own

    def _delivered(self) -> Usage:
        tokens = int(self._delta_bytes / _CHARS_PER_TOKEN)
        return self._own.with_output(max(self._own.output_tokens, tokens))

    def _sum(self, own: Usage) -> Usage:
        return own if self.rounds == 1 else self._before.plus(own)

    def _note(self, message: dict[str, Any]) -> None:
        self._merge(message.get("usage"))
        self.stop_reason = _text(message.get("stop_reason"))

    def _end(self, payload: Any) -> None:
        if isinstance(payload, dict):
            self._merge(payload.get("usage"))
            self.stop_reason = _text(_object(payload, "delta").get("stop_reason")) or self.stop_reason

    def _error(self, payload: Any) -> None:
        error = _object(payload, "error")
        self.error_type = _text(error.get("type")) or "api_error"
        self.error_message = _text(error.get("message"))

    def _merge(self, usage: Any) -> None:
        if self._counts:
            self._own = self._own.merge(usage)

    def _tell(self) -> None:
        self._told_at = time.monotonic()
        if self._counts:
            self._progress(self.final_usage())


def _payload(event: Event) -> Any:
    """What the event says; None where that is no JSON, which is the client's to judge, not the meter's."""
    try:
        return event.json()
    except Malformed:
        return None


def _object(value: Any, key: str) -> dict[str, Any]:
    inner = value.get(key) if isinstance(value, dict) else None
    return inner if isinstance(inner, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
