"""What a model writes by itself, where it may not be shown unread: held back until it was searched."""

import re
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from proxy.call import Headers, Privacy
from proxy.errors import Refused, Unavailable
from proxy.formats import texts
from proxy.formats.document import Document, Malformed
from proxy.formats.splice import Path
from proxy.formats.sse import MAX_EVENT_BYTES, Event, Reader
from proxy.formats.texts import Leaf
from proxy.privacy import replacing
from proxy.privacy.detection.detector import DetectionTimedOut, DetectionUnavailable, Detector, Found
from proxy.privacy.placeholders import Placeholders
from proxy.privacy.replacing import Tally
from proxy.privacy.rules import Mode

_WINDOW = 400  # characters that are held back before a part of them is searched and shown
_AHEAD = 120  # of these: what may belong to a value that has not come whole
_KEY_BEGINS, _KEY_ENDS, _LONGEST_KEY = "-----BEGIN ", "-----END ", 16_000
_INPUT = b'{"input":'
PIECES = {"text_delta": "text", "input_json_delta": "partial_json"}
"""The deltas that hold a piece of a text, and its name in them."""
_CODE = "[0-9A-HJKMNP-TV-Z]"  # what placeholders are made of; keys of providers have other letters
_PLACEHOLDER = re.compile(rf"\[[A-Z][A-Z0-9_]*_{_CODE}{{8}}(?:{_CODE}{{4}}){{0,6}}\]")


class PersonalDataInAnswer(Refused):
    """The model wrote types that the tenant lets nobody read. Their names are told, never their values."""

    status = 451
    type = "invalid_request_error"
    headers = {"x-should-retry": "false"}


class AnswerNotSearched(Unavailable):
    """The answer could not be searched, and what was not searched is not shown."""


class Source(Protocol):
    """An answer to read from: an upstream's, or a kept one."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Headers: ...
    @property
    def is_stream(self) -> bool: ...
    @property
    def request_id(self) -> str: ...

    async def read(self) -> bytes: ...
    async def piece(self, patience_seconds: float, /) -> bytes | None: ...


class Search:
    """Searches the texts of one answer, and counts. Placeholders in it are no findings: they stand for the client's."""

    def __init__(self, privacy: Privacy, detector: Detector) -> None:
        self._key = privacy.key or b""
        self._detector = detector
        self.rules = privacy.rules
        modes = {privacy.rules.output_default_mode, *privacy.rules.output_modes.values()}
        self.changes_text = bool(modes - {Mode.OFF, Mode.MONITOR})
        self.tally = Tally()
        self.has_failed = False

    async def find(self, given: Sequence[str]) -> Sequence[Found]:
        """What is in each text. Raises AnswerNotSearched where the tenant wants nothing shown unread."""
        try:
            found = await self._detector.find(given, self.rules, self._key)
        except (DetectionTimedOut, DetectionUnavailable) as failed:
            if self.changes_text and self.rules.on_failure == "closed":
                raise AnswerNotSearched(f"The answer could not be searched for personal data. {failed}") from None
            self.has_failed = True
            return [()] * len(given)
        return [_outside_placeholders(text, one) for text, one in zip(given, found, strict=True)]

    def replaced(self, leaves: Iterable[Leaf], found: Iterable[Found]) -> dict[Path, str]:
        """The texts that change. Raises PersonalDataInAnswer."""
        changes = replacing.replaced(leaves, found, self._mode_of, Placeholders(self._key), self.tally)
        if blocked := self.tally.types_of(Mode.BLOCK):
            raise PersonalDataInAnswer(
                f"The model's answer holds {', '.join(blocked)}, which your organisation does not let through."
            )
        return changes

    def _mode_of(self, entity_type: str) -> Mode:
        """Nobody sent these values, so there is nothing to put back: what hides them hides them for good."""
        mode = self.rules.output_mode_of(entity_type)
        return Mode.REDACT if mode is Mode.PSEUDONYMIZE else mode


class Scanned:
    """An answer whose texts are searched before they are shown."""

    def __init__(self, answer: Source, search: Search, tell: Callable[[], None]) -> None:
        self._answer = answer
        self._search = search
        self._tell = tell
        self._reader = Reader(2 * MAX_EVENT_BYTES)
        self._held: dict[Any, str] = {}
        self._due: dict[int, int] = {}  # at which length what is held is searched
        self._last: dict[Any, tuple[Event, str]] = {}
        self.status = answer.status
        self.headers = answer.headers
        self.is_stream = answer.is_stream
        self.request_id = answer.request_id

    async def read(self) -> bytes:
        """The whole answer, searched."""
        raw = await self._answer.read()
        if self.status >= 400:
            return raw
        try:
            body = Document.parse(raw, max_depth=512)
        except Malformed:
            return raw  # its reader says what is wrong
        content = body.get("content")
        blocks = content if isinstance(content, list) else []
        leaves = [
            leaf for place, block in enumerate(blocks) for leaf in texts.of_block(block, ("content", place)).leaves
        ]
        leaves = [leaf._replace(place="answer") for leaf in leaves]
        changes = self._search.replaced(leaves, await self._search.find([leaf.text for leaf in leaves]))
        self._tell()
        return body.edit(changes).raw

    async def piece(self, patience_seconds: float) -> bytes | None:
        """The next bytes that may be shown; b"" at the end; None where there were none for that long."""
        until = time.monotonic() + patience_seconds
        while True:
            piece = await self._answer.piece(max(until - time.monotonic(), 0.001))
            if piece is None:
                return None
            if not piece:
                return await self._end()
            out = b"".join([event.raw for one in self._reader.feed(piece) for event in await self._event(one)])
            if len(self._reader.rest) > MAX_EVENT_BYTES:
                out += await self._end()  # its reader refuses it
            if out:
                return out
            if time.monotonic() >= until:
                return None

    async def _end(self) -> bytes:
        if rest := self._reader.rest:  # half an event: its reader says what is wrong
            self._reader = Reader()
            return rest
        self._tell()
        return b""

    async def _event(self, event: Event) -> Sequence[Event]:
        if event.name not in ("content_block_start", "content_block_delta", "content_block_stop"):
            return (event,)
        try:
            payload = event.json()
        except Malformed:
            return (event,)
        index = payload.get("index")
        if not isinstance(index, int):
            return (event,)
        if event.name == "content_block_start":
            return (await self._whole(event, texts.of_block(payload.get("content_block"), ("content_block",)).leaves),)
        if event.name == "content_block_stop":
            return (*await self._stop(index), event)
        return await self._delta(event, index, payload.get("delta"))

    async def _delta(self, event: Event, index: int, delta: Any) -> Sequence[Event]:
        kind = delta.get("type") if isinstance(delta, dict) else None
        if kind == "citations_delta":
            return (await self._whole(event, texts.of_citation(delta.get("citation"), ("delta", "citation"))),)
        name = PIECES.get(kind) if isinstance(kind, str) else None
        if name is None or not isinstance(delta.get(name), str):
            return (event,)
        held = self._held[index] = self._held.get(index, "") + delta[name]
        self._last[index] = (event, name)
        if name != "text" or len(held) < self._due.get(index, _WINDOW):
            return ()
        out = await self._show(index, held)
        # What cannot be shown yet is searched again when it has doubled, so that it costs no more than its length.
        self._due[index] = max(_WINDOW, 2 * len(self._held[index]))
        return out

    async def _whole(self, event: Event, leaves: Sequence[Leaf]) -> Event:
        """What comes in one piece: the results of tools that run at the upstream, quotations."""
        if not leaves:
            return event
        leaves = [leaf._replace(place="answer") for leaf in leaves]
        found = await self._search.find([leaf.text for leaf in leaves])
        return event.edit(self._search.replaced(leaves, found))

    async def _show(self, index: int, held: str) -> Sequence[Event]:
        """The beginning of what is held, up to a space that no finding spans."""
        [found] = await self._search.find([held])
        end = held.rfind(" ", 0, len(held) - _AHEAD) + 1
        end = min([end, _unfinished_key(held), *(one.start for one in found if one.start < end < one.end)])
        if end <= 0:
            return ()
        shown, self._held[index] = held[:end], held[end:]
        return (self._changed(index, shown, [one for one in found if one.end <= end]),)

    async def _stop(self, index: int) -> Sequence[Event]:
        held = self._held.pop(index, "")
        if not held:
            return ()
        if self._last[index][1] == "partial_json":
            return (await self._whole_input(index, held),)
        [found] = await self._search.find([held])
        return (self._changed(index, held, found),)

    async def _whole_input(self, index: int, held: str) -> Event:
        """A tool's input is searched value by value, once all of it is there."""
        event, name = self._last.pop(index)
        try:
            body = Document.parse(_INPUT + held.encode() + b"}", max_depth=512)
        except Malformed:
            return event.edit({("delta", name): held})  # for the client to judge
        inside = [*texts.names(body.value, ()), *texts.strings(body.value, ())]
        leaves = [Leaf(path, text, "answer") for path, text in inside if text]
        changes = self._search.replaced(leaves, await self._search.find([leaf.text for leaf in leaves]))
        shown = body.edit(changes).raw.removeprefix(_INPUT).removesuffix(b"}").decode()
        return event.edit({("delta", name): shown})

    def _changed(self, index: int, text: str, found: Found | Sequence[Any]) -> Event:
        event, name = self._last[index]
        changes = self._search.replaced([Leaf((), text, "answer")], [tuple(found)])
        return event.edit({("delta", name): changes.get((), text)})


def _unfinished_key(held: str) -> int:
    """Where a private key begins that has not ended: it is longer than what is usually held back."""
    begin = held.rfind(_KEY_BEGINS)
    is_open = begin >= 0 and _KEY_ENDS not in held[begin:] and len(held) - begin < _LONGEST_KEY
    return begin if is_open else len(held)


def _outside_placeholders(text: str, found: Found) -> Found:
    taken = [match.span() for match in _PLACEHOLDER.finditer(text)] if found else []
    return tuple(one for one in found if not any(begin < one.end and one.start < end for begin, end in taken))
