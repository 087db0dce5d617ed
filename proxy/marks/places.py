"""Where a prompt can be marked: at the end of what stands before the messages, and of each message of the user."""

import hmac
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson

from proxy.formats import estimate
from proxy.formats.splice import Path

_MARKABLE = frozenset(("text", "image", "document", "tool_result"))


@dataclass(frozen=True, slots=True)
class Place:
    """The end of a prefix: its keyed hash, about how long it is, and what is marked there (None: nothing can be)."""

    name: str  # "system" | "tools" | "messages.3"
    digest: bytes
    tokens: int
    path: Path | None


def of(body: Mapping[str, Any], bound: bytes) -> Iterator[Place]:
    """The places of a checked request, in the order in which the model reads. `bound` is the key of their hashes."""
    mac, tokens = hmac.new(bound, digestmod=sha256), 0.0
    for name in ("tools", "system"):
        if body.get(name):
            tokens += _add(mac, body[name])
    if tokens:
        name = "system" if body.get("system") else "tools"
        yield Place(name, mac.digest(), round(tokens), _end_of(body[name], (name,), is_tools=name == "tools"))
    for number, message in enumerate(body["messages"]):
        tokens += _add(mac, message)
        if message.get("role") == "user":
            path = _end_of(message.get("content"), ("messages", number, "content"))
            yield Place(f"messages.{number}", mac.digest(), round(tokens), path)


def _add(mac: "hmac.HMAC", value: Any) -> float:
    raw = orjson.dumps(value)
    mac.update(len(raw).to_bytes(8, "big") + raw)
    return estimate.of_text(raw.decode())


def _end_of(content: Any, path: Path, *, is_tools: bool = False) -> Path | None:
    """A text as a whole, or the last block of a list; what is empty cannot be marked."""
    if isinstance(content, str):
        return path if content.strip() else None
    if not isinstance(content, Sequence) or not content or not isinstance(content[-1], dict):
        return None
    last = content[-1]
    is_fit = is_tools or (last.get("type") in _MARKABLE and (last["type"] != "text" or str(last.get("text")).strip()))
    return (*path, len(content) - 1) if is_fit else None
