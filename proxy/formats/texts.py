"""Where a request or an answer holds people's text: the leaves that a step may read and change, and no others.

Everything else passes: names, ids, enums, signatures, thinking, encrypted content, metadata, cache markers; the keys
of objects too, but for those in a tool's input that are data: no tool declares them, no program spells its names so.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from proxy.formats.splice import Key, Path

# Anthropic reads this block of Claude Code's and takes it out again; its bytes are not ours.
BILLING = "x-anthropic-billing-header:"
"""What that block begins with."""

TOOL_CALLS = ("tool_use", "server_tool_use", "mcp_tool_use")
"""The blocks in which a model calls a tool. No set: a type that an upstream sends may be anything, a list too."""

# `file_path`, `oldString`: what programs call members. A value is longer, or has capitals, marks or only digits.
_IDENTIFIER = re.compile(r"[a-z_$][A-Za-z0-9_$]{0,31}").fullmatch
_CONTAINERS = frozenset((dict, list))
_OPAQUE_NAMES = frozenset(("type", "id", "name", "signature", "data", "url", "media_type", "cache_control", "$ref"))
_FIELDS = frozenset((
    *("model", "max_tokens", "messages", "system", "stream", "tools", "tool_choice", "metadata", "thinking"),
    *("output_config", "output_format", "context_management", "cache_control", "diagnostics", "thread", "mcp_servers"),
    *("stop_sequences", "temperature", "top_p", "top_k", "service_tier", "speed", "inference_geo", "container"),
    *("fallbacks", "fallback_credit_token", "billing_policy", "compaction", "safeguards"),
))  # fmt: skip


MAX_LEAVES = 30_000
"""Texts in one request: more than the longest conversation has, few enough to be read between two events."""


class TooManyTexts(ValueError):
    """A request holds more than MAX_LEAVES texts."""


class Leaf(NamedTuple):
    """One text, where it is, and what it is part of."""

    path: Path
    text: str
    place: str  # system | tools | user | assistant | tool_input | tool_result | document | citation | unknown


@dataclass(slots=True)
class Texts:
    """What was found, in the order in which an upstream caches it: tools, system, messages."""

    leaves: list[Leaf] = field(default_factory=list)
    attachments: list[str] = field(default_factory=list)  # what holds no text to read: image | document | file
    unknown: list[str] = field(default_factory=list)  # fields and block types of later versions


def of_request(body: Mapping[str, Any], *, scans_unknown: bool = False) -> Texts:
    """The texts of a checked request. With `scans_unknown` every string of unknown fields and blocks is one.

    Raises TooManyTexts.
    """
    reader = _Reader(scans_unknown)
    for position, tool in enumerate(_list(body.get("tools"))):
        reader.tool(tool, ("tools", position))
    reader.system(body.get("system"))
    for position, message in enumerate(_list(body.get("messages"))):
        role = message.get("role")
        reader.content(message.get("content"), ("messages", position, "content"), _PLACES.get(role, "user"))
    for name in [name for name in body if name not in _FIELDS]:
        reader.unknown(name, body[name], (name,))
    return reader.found


def of_block(block: Any, path: Path, *, scans_unknown: bool = False) -> Texts:
    """The texts of one content block of an answer."""
    reader = _Reader(scans_unknown)
    reader.block(block, path, "assistant")
    return reader.found


def of_citation(citation: Any, path: Path) -> Sequence[Leaf]:
    """The texts of one citation of an answer."""
    reader = _Reader(scans_unknown=False)
    reader.citation(citation, path)
    return reader.found.leaves


def strings(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Every string value inside, with its path. Keys are no values."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from strings(inner, (*path, key))
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from strings(inner, (*path, position))


def names(value: Any, path: Path, declared: Set[str] = frozenset()) -> Iterator[tuple[Path, str]]:
    """Every key of an object inside that may be data, with its path."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in declared and not _IDENTIFIER(key):
                yield (*path, Key(key)), key
            if type(inner) in _CONTAINERS:
                yield from names(inner, (*path, key), declared)
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            if type(inner) in _CONTAINERS:
                yield from names(inner, (*path, position), declared)


class _Reader:
    def __init__(self, scans_unknown: bool) -> None:
        self.found = Texts()
        self._scans_unknown = scans_unknown
        self._declared: set[str] = set()  # what the request's tools call the members of their inputs

    def system(self, system: Any) -> None:
        if isinstance(system, str):
            self._add(("system",), system, "system")
        for position, block in enumerate(_list(system)):
            if not _is_billing(block):
                self.block(block, ("system", position), "system")

    def tool(self, tool: Any, path: Path) -> None:
        """What describes a tool. Its names, enums and references are the program's, not a person's."""
        if not isinstance(tool, dict):
            return
        self._named(tool, path, ("description",), "tools")
        self._schema(tool.get("input_schema"), (*path, "input_schema"))
        self._every(tool.get("input_examples"), (*path, "input_examples"), "tools")

    def _schema(self, schema: Any, path: Path) -> None:
        if isinstance(schema, list):
            for position, inner in enumerate(schema):
                self._schema(inner, (*path, position))
        elif isinstance(schema, dict):
            self._named(schema, path, ("description",), "tools")
            self._every(schema.get("examples"), (*path, "examples"), "tools")
            for key, inner in schema.items():
                if key in _SCHEMAS_BY_NAME and isinstance(inner, dict):
                    if key == "properties":
                        self._declared.update(inner)
                    for name, one in inner.items():
                        self._schema(one, (*path, key, name))
                elif key in _SCHEMAS:
                    self._schema(inner, (*path, key))

    def content(self, content: Any, path: Path, place: str) -> None:
        if isinstance(content, str):
            self._add(path, content, place)
        for position, block in enumerate(_list(content)):
            self.block(block, (*path, position), place)

    def block(self, block: Any, path: Path, place: str) -> None:
        if not isinstance(block, dict):
            return
        kind = block.get("type")
        known = _BLOCKS.get(kind) if isinstance(kind, str) else None
        if known is None:
            self.unknown(str(kind), block, path)
            return
        known(self, block, path, place)
        fields = _BLOCK_FIELDS.get(kind)  # type: ignore[arg-type]  # a text, else it were unknown
        if fields is not None:
            for name in [name for name in block if name not in fields]:  # in their order, in every process
                self.unknown(name, block[name], (*path, name))

    def unknown(self, name: str, value: Any, path: Path) -> None:
        self.found.unknown.append(name)
        if self._scans_unknown:
            for where, text in strings(value, path):
                last = str(where[-1])
                if last not in _OPAQUE_NAMES and not last.endswith("_id") and not last.startswith("encrypted_"):
                    self._add(where, text, "unknown")

    def text(self, block: dict[str, Any], path: Path, place: str) -> None:
        self._named(block, path, ("text",), place)
        for position, citation in enumerate(_list(block.get("citations"))):
            self.citation(citation, (*path, "citations", position))

    def citation(self, citation: Any, path: Path) -> None:
        self._named(citation, path, _CITED, "citation")

    def document(self, block: dict[str, Any], path: Path, place: str) -> None:
        self._named(block, path, ("title", "context"), "document")
        source = block.get("source")
        if not isinstance(source, dict):
            return
        if source.get("type") == "text":
            self._named(source, (*path, "source"), ("data",), "document")
        elif source.get("type") == "content":
            self.content(source.get("content"), (*path, "source", "content"), "document")
        else:
            self.found.attachments.append("document")

    def image(self, _block: dict[str, Any], _path: Path, _place: str) -> None:
        self.found.attachments.append("image")

    def upload(self, _block: dict[str, Any], _path: Path, _place: str) -> None:
        self.found.attachments.append("file")

    def search_result(self, block: dict[str, Any], path: Path, _place: str) -> None:
        self._named(block, path, ("title", "source"), "document")
        self.content(block.get("content"), (*path, "content"), "document")

    def tool_use(self, block: dict[str, Any], path: Path, _place: str) -> None:
        here = (*path, "input")
        for where, name in names(block.get("input"), here, self._declared):
            self._add(where, name, "tool_input")
        self._every(block.get("input"), here, "tool_input")

    def tool_result(self, block: dict[str, Any], path: Path, _place: str) -> None:
        self.content(block.get("content"), (*path, "content"), "tool_result")

    def browser_state(self, block: dict[str, Any], path: Path, place: str) -> None:
        for position, tab in enumerate(_list(block.get("tabs"))):
            self._named(tab, (*path, "tabs", position), ("title", "url"), place)

    def fetched(self, block: dict[str, Any], path: Path, place: str) -> None:
        content = block.get("content")
        if isinstance(content, dict) and isinstance(content.get("content"), dict):
            self.block(content["content"], (*path, "content", "content"), place)

    def executed(self, block: dict[str, Any], path: Path, _place: str) -> None:
        content = block.get("content")
        if isinstance(content, dict):
            here = (*path, "content")
            self._named(content, here, ("stdout", "stderr", "content", "text"), "tool_result")
            self._every(content.get("lines"), (*here, "lines"), "tool_result")

    def whole(self, _block: dict[str, Any], _path: Path, _place: str) -> None:
        """Signed, encrypted or without a person's text: not a byte of it may change."""

    def _named(self, holder: Any, path: Path, names: Sequence[str], place: str) -> None:
        if isinstance(holder, dict):
            for name in names:
                if isinstance(text := holder.get(name), str):
                    self._add((*path, name), text, place)

    def _every(self, value: Any, path: Path, place: str) -> None:
        for where, text in strings(value, path):
            self._add(where, text, place)

    def _add(self, path: Path, text: str, place: str) -> None:
        if text:
            if len(self.found.leaves) == MAX_LEAVES:
                raise TooManyTexts
            self.found.leaves.append(Leaf(path, text, place))


_CITED = ("cited_text", "document_title", "title", "source")
"""The texts of a citation, which quote their source word for word."""

_PLACES = {"assistant": "assistant", "system": "system"}
_SCHEMAS = frozenset(("items", "prefixItems", "additionalProperties", "anyOf", "oneOf", "allOf", "not", "if", "then"))
_SCHEMAS_BY_NAME = frozenset(("properties", "patternProperties", "$defs", "definitions"))
_BLOCKS: Mapping[str, Callable[[_Reader, dict[str, Any], Path, str], None]] = {
    "text": _Reader.text,
    "document": _Reader.document,
    "image": _Reader.image,
    "search_result": _Reader.search_result,
    "tool_use": _Reader.tool_use,
    "server_tool_use": _Reader.tool_use,
    "mcp_tool_use": _Reader.tool_use,
    "tool_result": _Reader.tool_result,
    "mcp_tool_result": _Reader.tool_result,
    "browser_state": _Reader.browser_state,
    "web_fetch_tool_result": _Reader.fetched,
    "code_execution_tool_result": _Reader.executed,
    "bash_code_execution_tool_result": _Reader.executed,
    "text_editor_code_execution_tool_result": _Reader.executed,
    "advisor_tool_result": _Reader.executed,
    "container_upload": _Reader.upload,
    **dict.fromkeys(
        (
            *("thinking", "redacted_thinking", "compaction", "fallback", "tool_reference", "tool_search_tool_result"),
            *("mcp_tool_listing", "web_search_tool_result", "tool_addition", "tool_removal"),
        ),
        _Reader.whole,
    ),
}


_COMMON = ("type", "cache_control")
_BLOCK_FIELDS: Mapping[str, frozenset[str]] = {
    "text": frozenset((*_COMMON, "text", "citations")),
    "image": frozenset((*_COMMON, "source")),
    "document": frozenset((*_COMMON, "source", "title", "context", "citations")),
    "search_result": frozenset((*_COMMON, "source", "title", "content", "citations")),
    "tool_use": frozenset((*_COMMON, "id", "name", "input", "caller", "toolset_name")),
    "tool_result": frozenset((*_COMMON, "tool_use_id", "content", "is_error")),
}
"""What the blocks that people's programs make may hold; those of servers change with them."""


def _is_billing(block: Any) -> bool:
    text = block.get("text") if isinstance(block, dict) else None
    return isinstance(text, str) and text.startswith(BILLING)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
