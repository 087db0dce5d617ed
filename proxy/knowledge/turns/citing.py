"""Citations: whether a request's sources are to be cited, and a filter that counts which of its passages are."""

import time
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from proxy.call import Trace
from proxy.formats.document import Document, Malformed
from proxy.formats.sse import Event
from proxy.knowledge import uses
from proxy.knowledge.turns.rendering import Extract
from proxy.stream import Filter

_MARK = b"citations_delta"
_SOURCES = frozenset(("document", "search_result"))


def is_asked(body: Mapping[str, Any], *, wanted: bool) -> bool:
    """Citations are of all sources of a request or of none, and of none where the answer is to be JSON."""
    output = body.get("output_config")
    if body.get("output_format") or (isinstance(output, dict) and output.get("format")):
        return False
    for message in body["messages"]:
        for block in message["content"] if isinstance(message["content"], list) else ():
            for source in (block, *_results(block)):
                if source.get("type") in _SOURCES:
                    settings = source.get("citations")
                    return isinstance(settings, dict) and settings.get("enabled") is True
    return wanted


def _results(block: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    content = block.get("content") if block.get("type") == "tool_result" else None
    return [inner for inner in content if isinstance(inner, dict)] if isinstance(content, list) else []


class Cited(Filter):
    """Changes nothing. The trace has the counts from the first citation on, also of an answer that breaks off."""

    def __init__(self, trace: Trace, extracts: Iterable[Extract]) -> None:
        self._trace = trace
        self._known: dict[str, UUID] = {}
        self._counts: dict[str, int] = {}
        self.add(extracts)

    def add(self, extracts: Iterable[Extract]) -> None:
        """Passages that are given from now on, too."""
        for one in extracts:
            self._known |= {one.title: one.document_id, one.source: one.document_id}

    def feed(self, event: Event) -> Iterable[Event]:
        """The same event."""
        if event.name == "content_block_delta" and _MARK in event.data:
            try:
                delta = event.json().get("delta")
            except Malformed:
                return (event,)
            if isinstance(delta, dict):
                self._count(delta.get("citation"))
        return (event,)

    def document(self, body: Document) -> Document:
        """The same document."""
        content = body.get("content")
        for block in content if isinstance(content, list) else ():
            citations = block.get("citations") if isinstance(block, dict) else None
            for citation in citations if isinstance(citations, list) else ():
                self._count(citation)
        return body

    def _count(self, citation: Any) -> None:
        document = self._document_of(citation) if isinstance(citation, dict) else None
        if document is None:
            return
        if not self._counts:
            self._trace.note(uses.CITED, time.perf_counter(), documents=self._counts)
        self._counts[str(document)] = self._counts.get(str(document), 0) + 1

    def _document_of(self, citation: Mapping[str, Any]) -> UUID | None:
        """By its source, which is one document's own, else by its title."""
        for name in ("source", "document_title"):
            if isinstance(value := citation.get(name), str) and value in self._known:
                return self._known[value]
        return None
