"""Filter: values put back into an answer, in its texts, tool inputs and citations; never in thinking or ids."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from proxy.formats import texts
from proxy.formats.document import Document, Malformed
from proxy.formats.splice import Path
from proxy.formats.sse import Event
from proxy.privacy.restoring import Restorer, Stream
from proxy.stream import Filter

_PIECES = {"text_delta": "text", "input_json_delta": "partial_json"}


class Restore(Filter):
    """One answer. `tell` is called at its end with how many placeholders were met, and how."""

    def __init__(self, restorer: Restorer, tell: Callable[[dict[str, int]], None]) -> None:
        self._restorer = restorer
        self._tell = tell
        self._streams: dict[Any, Stream] = {}
        self._last: dict[Any, tuple[Event, Path]] = {}  # the form that what is held goes on in

    def feed(self, event: Event) -> Iterable[Event]:
        """The event with values in place of placeholders; nothing while all of it is held back."""
        try:
            if event.name == "content_block_delta":
                return self._delta(event, event.json())
            if event.name == "content_block_stop":
                return (*self._flush(event.json().get("index")), event)
            if event.name == "content_block_start":
                return self._start(event, event.json())
            if event.name == "error":  # nothing comes after it
                return (*self._flush_all(), event)
        except Malformed:
            return (event,)  # for the client to judge
        return (event,)

    def finish(self) -> Iterable[Event]:
        """What blocks that never ended still hold."""
        held = self._flush_all()
        self._tell(dict(self._restorer.counts))
        return held

    def document(self, body: Document) -> Document:
        """The whole answer with values in place of placeholders."""
        content = body.get("content")
        blocks = content if isinstance(content, list) else []
        changes: dict[Path, str] = {}
        for position, block in enumerate(blocks):
            changes |= self._block(block, ("content", position))
        restored = body.edit(changes)
        self._tell(dict(self._restorer.counts))
        return restored

    def _start(self, event: Event, payload: dict[str, Any]) -> Iterable[Event]:
        block, index = payload.get("content_block"), payload.get("index")
        kind = block.get("type") if isinstance(block, dict) else None
        if not isinstance(block, dict) or not isinstance(index, int):
            return (event,)
        if kind == "text" or kind in texts.TOOL_CALLS:
            self._streams[index] = self._restorer.stream(is_json=kind != "text")
        return (event.edit(self._block(block, ("content_block",))),)

    def _delta(self, event: Event, payload: dict[str, Any]) -> Iterable[Event]:
        delta = payload.get("delta")
        if not isinstance(delta, dict):
            return (event,)
        kind = delta.get("type")
        name = _PIECES.get(kind) if isinstance(kind, str) else None
        if name is None:
            return (self._cited(event, delta),) if kind == "citations_delta" else (event,)
        index, piece = payload.get("index"), delta.get(name)
        if not isinstance(piece, str) or not isinstance(index, int):
            return (event,)
        stream = self._streams.get(index)
        if stream is None:  # a block that was never begun
            stream = self._streams[index] = self._restorer.stream(is_json=name == "partial_json")
        shown = stream.feed(piece)
        if shown == piece and not stream.held:
            return (event,)
        path = ("delta", name)
        self._last[index] = (event, path)
        return (event.edit({path: shown}),) if shown else ()

    def _cited(self, event: Event, delta: dict[str, Any]) -> Event:
        leaves = texts.of_citation(delta.get("citation"), ("delta", "citation"))
        return event.edit({leaf.path: self._restorer.text(leaf.text) for leaf in leaves})

    def _flush(self, index: Any) -> Iterator[Event]:
        stream = self._streams.pop(index, None) if isinstance(index, int) else None
        if stream is not None and stream.held:
            event, path = self._last[index]
            yield event.edit({path: stream.flush()})
        self._last.pop(index, None)

    def _flush_all(self) -> list[Event]:
        return [event for index in list(self._streams) for event in self._flush(index)]

    def _block(self, block: Any, path: Path) -> dict[Path, str]:
        """The texts of a whole block, restored."""
        return {
            leaf.path: self._restorer.value(leaf.text) if leaf.place == "tool_input" else self._restorer.text(leaf.text)
            for leaf in texts.of_block(block, path).leaves
        }
