"""Server-sent events, read from bytes cut anywhere and kept as they came."""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from proxy.formats.document import Document
from proxy.formats.splice import Leaf, Path

MAX_EVENT_BYTES = 32 * 1024 * 1024
_MAX_DEPTH = 512
_BOM = b"\xef\xbb\xbf"
# What upstreams send: fields and end of an event at one glance. Anything else takes the long way.
_plain = re.compile(rb"event: ([^\r\n]*+)\ndata: ([^\r\n]*+)\n\n").match
# Two line ends in a row. The possessive `?+` keeps the halves of one CR LF from counting as two.
_blank_line = re.compile(rb"[\r\n](?:(?<=\r)\n)?+(?:\r\n?|\n)").search
_line_end = re.compile(rb"\r\n?|\n").match


class EventTooLarge(ValueError):
    """An event is longer than the reader accepts."""


class Event:
    """One event: `raw`, its bytes with the blank line that ends it; `name`, its `event` field; `data`, its data lines.

    What is no event but part of the stream (comments, stray line ends) comes as one without name and data.
    """

    __slots__ = ("_document", "data", "name", "raw")

    def __init__(self, raw: bytes, name: str = "", data: bytes = b"") -> None:
        self.raw = raw
        self.name = name
        self.data = data
        self._document: Document | None = None

    @classmethod
    def parse(cls, raw: bytes) -> "Event":
        """The event in a block of lines."""
        name, data = b"", []
        for line in raw.splitlines():
            field, _, value = line.partition(b":")
            if field == b"data":
                data.append(value.removeprefix(b" "))
            elif field == b"event":
                name = value.removeprefix(b" ")
        return cls(raw, name.decode("utf-8", "replace"), b"\n".join(data))

    @classmethod
    def build(cls, name: str, payload: Mapping[str, Any]) -> "Event":
        """An event of our own."""
        data = orjson.dumps(payload)
        return cls(b"event: %b\ndata: %b\n\n" % (name.encode(), data), name, data)

    def json(self) -> dict[str, Any]:
        """What the data says, parsed when first asked for. Raises document.Malformed."""
        return self._parsed().value

    def edit(self, changes: Mapping[Path, Leaf]) -> "Event":
        """An event with leaves of its JSON replaced and every other byte as it was: see Document.edit."""
        before = self._parsed()
        after = before.edit(changes)
        if after is before:
            return self
        event = Event(_with_data(self.raw, after.raw), self.name, after.raw)
        event._document = after
        return event

    def _parsed(self) -> Document:
        if self._document is None:
            self._document = Document.parse(self.data, max_depth=_MAX_DEPTH)
        return self._document

    def __repr__(self) -> str:
        return f"Event({self.name!r}, {len(self.raw)} bytes)"


def _with_data(raw: bytes, data: bytes) -> bytes:
    # An edit touches no line end between JSON tokens, so old and new data have the same number of lines.
    parts = iter(data.split(b"\n"))
    lines = []
    for line in raw.splitlines(keepends=True):
        content = line.rstrip(b"\r\n")
        field, colon, value = content.partition(b":")
        if field == b"data":
            space = value[:1] if value.startswith(b" ") else b""
            line = field + colon + space + next(parts) + line[len(content) :]
        lines.append(line)
    return b"".join(lines)


class Reader:
    """Bytes in, whole events out. What it has given and what `rest` holds are together, in order, what it was fed."""

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max_event_bytes = max_event_bytes
        self._rest = bytearray()
        self._is_start = True

    @property
    def rest(self) -> bytes:
        """What has come of an event that is not complete."""
        return bytes(self._rest)

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that are now complete. Raises EventTooLarge, after which the reader is of no more use."""
        events: list[Event] = []
        if self._is_start:
            chunk = self._pass_bom(chunk, events)
        elif self._rest:
            chunk = self._continue(chunk)
        at = self._read(chunk, events)
        if at < len(chunk):
            self._rest += chunk[at:]
            self._limit(len(self._rest))
        return events

    def _read(self, chunk: bytes, events: list[Event]) -> int:
        at, length = 0, len(chunk)
        while at < length:
            if plain := _plain(chunk, at):
                end = plain.end()
                raw, name, data = plain.group(0, 1, 2)
                event = Event(raw, name.decode("utf-8", "replace"), data)
            # An event that ends in a CR is given at once. The LF that may belong to it is a line of its own then.
            elif block := _line_end(chunk, at) or _blank_line(chunk, at):
                end = block.end()
                event = Event.parse(chunk[at:end])
            else:
                break
            self._limit(end - at)
            events.append(event)
            at = end
        return at

    def _pass_bom(self, chunk: bytes, events: list[Event]) -> bytes:
        chunk = bytes(self._rest) + chunk
        self._rest.clear()
        if len(chunk) < len(_BOM) and _BOM.startswith(chunk):
            self._rest += chunk
            return b""
        self._is_start = False
        if not chunk.startswith(_BOM):
            return chunk
        events.append(Event(_BOM))
        return chunk[len(_BOM) :]

    def _continue(self, chunk: bytes) -> bytes:
        # Only what is new is searched, with the byte before it: a line end that it may make a blank line.
        begin = len(self._rest) - 1
        self._rest += chunk
        if not _blank_line(self._rest, begin):
            self._limit(len(self._rest))
            return b""
        chunk = bytes(self._rest)
        self._rest.clear()
        return chunk

    def _limit(self, size: int) -> None:
        if size > self._max_event_bytes:
            raise EventTooLarge(f"an event is longer than {self._max_event_bytes} bytes")
