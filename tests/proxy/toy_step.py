"""A step that edits text both ways: on its way up a word is swapped for a stand-in, on its way down swapped back."""

from collections.abc import Iterable, Iterator
from typing import Any

from proxy.formats.document import Document
from proxy.formats.splice import Path
from proxy.formats.sse import Event
from proxy.stream import Filter

WORD = "nightingale"
STAND_IN = "[bird]"  # does not overlap itself, so the first match is the only one
_TEXT = ("delta", "text")


def rewrite(document: Document) -> Document:
    """The request with the word replaced in the texts of its messages."""
    texts = {path: text for path, text in _texts(document.value["messages"], ("messages",)) if WORD in text}
    return document.edit({path: text.replace(WORD, STAND_IN) for path, text in texts.items()})


class Restore(Filter):
    """Puts the word back, also where the stand-in comes in pieces: what could become one is held back."""

    def __init__(self) -> None:
        self._held = ""
        self._last: Event | None = None

    def feed(self, event: Event) -> Iterable[Event]:
        if event.name == "content_block_stop":
            return (*self.finish(), event)
        if event.name != "content_block_delta" or event.json()["delta"]["type"] != "text_delta":
            return (event,)
        self._last = event
        *found, tail = (self._held + event.json()["delta"]["text"]).split(STAND_IN)
        keep = next(size for size in range(len(STAND_IN) - 1, -1, -1) if tail.endswith(STAND_IN[:size]))
        self._held = tail[len(tail) - keep :]
        shown = WORD.join([*found, tail[: len(tail) - keep]])
        return (event.edit({_TEXT: shown}),) if shown or not keep else ()

    def finish(self) -> Iterable[Event]:
        held, self._held = self._held, ""
        return (self._last.edit({_TEXT: held}),) if held and self._last else ()

    def document(self, body: Document) -> Document:
        texts = dict(_texts(body.value["content"], ("content",)))
        return body.edit({path: text.replace(STAND_IN, WORD) for path, text in texts.items()})


def _texts(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """The text of messages and of text blocks, with its place."""
    for position, item in enumerate(value):
        here = (*path, position)
        if isinstance(content := item.get("content"), str):
            yield (*here, "content"), content
        elif isinstance(content, list):
            yield from _texts(content, (*here, "content"))
        elif item.get("type") == "text":
            yield (*here, "text"), item["text"]
