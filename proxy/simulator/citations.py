"""Citations of a request's documents and search results, in the shapes Anthropic gives each kind of source."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proxy.simulator.checks import blocks_of

_MAX_CITED_CHARS = 200


@dataclass(frozen=True, slots=True)
class Cited:
    """One source with the citation of its first passage."""

    title: str
    text: str
    citation: Mapping[str, Any]


def of_messages(messages: Sequence[Mapping[str, Any]]) -> list[Cited]:
    """One citation for each source that has citations enabled, in the request's order."""
    cited: list[Cited] = []
    documents = results = 0
    for block in _sources(messages):
        is_enabled = isinstance(settings := block.get("citations"), dict) and settings.get("enabled") is True
        if block["type"] == "document":
            found = _document(block, documents) if is_enabled else None
            documents += 1
        else:
            found = _search_result(block, results) if is_enabled else None
            results += 1
        if found is not None:
            cited.append(found)
    return cited


def _sources(messages: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for message in messages:
        for block in blocks_of(message):
            inner = block.get("content") if block["type"] == "tool_result" else None
            for source in inner if isinstance(inner, list) else [block]:
                if isinstance(source, dict) and source.get("type") in ("document", "search_result"):
                    yield source


def _document(block: Mapping[str, Any], index: int) -> Cited | None:
    source = block.get("source")
    if not isinstance(source, dict):
        return None
    title = _text(block.get("title"))
    place = {"document_index": index, "document_title": title, "file_id": _text(source.get("file_id"))}
    kind, passages = source.get("type"), _passages(source.get("content"))
    if kind == "text" and isinstance(source.get("data"), str):
        text = _first_sentence(source["data"])
        where = {"type": "char_location", "start_char_index": 0, "end_char_index": len(text)}
    elif kind == "content" and passages:
        text = passages[0]
        where = {"type": "content_block_location", "start_block_index": 0, "end_block_index": 1}
    else:
        text = "(the first page, which the simulator does not read)"
        where = {"type": "page_location", "start_page_number": 1, "end_page_number": 2}
    return Cited(title or f"document {index + 1}", text, {**where, "cited_text": text, **place})


def _search_result(block: Mapping[str, Any], index: int) -> Cited | None:
    passages = _passages(block.get("content"))
    if not passages:
        return None
    title, source = _text(block.get("title")), _text(block.get("source")) or ""
    citation = {
        "type": "search_result_location",
        "cited_text": passages[0],
        "search_result_index": index,
        "source": source,
        "title": title,
        "start_block_index": 0,
        "end_block_index": 1,
    }
    return Cited(title or source, passages[0], citation)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _passages(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    blocks = content if isinstance(content, list) else []
    return [block["text"] for block in blocks if isinstance(block, dict) and isinstance(block.get("text"), str)]


def _first_sentence(text: str) -> str:
    end = min((at + 1 for at in (text.find(mark) for mark in (".", "!", "?", "\n")) if at >= 0), default=len(text))
    return text[: min(end, _MAX_CITED_CHARS)]
