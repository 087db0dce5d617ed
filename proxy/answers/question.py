"""When two requests are the same question: a key that changes with everything that could change the answer.

Of the body everything counts but the fields in `_SILENT` and Claude Code's billing header; inside a field every byte
does, the order of members too, since the model reads it. Values behind placeholders do not: they are numbered by
their first appearance, so that two requests that differ in names only are one question.
"""

import hmac
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson

from proxy.formats import texts

MOST_CHARS = 1000
"""Of a text that is compared with like ones: what is longer is cut by the model that compares."""
_SILENT = frozenset(("metadata", "stream"))
_PLACEHOLDER = re.compile(rb"\[([A-Z][A-Z0-9_]*)_([0-9A-HJKMNP-TV-Z]{8,32})\]")
_OWN_STATE = ("thread", "container", "mcp_servers", "context_management", "fallback_credit_token")


class NotComparable(ValueError):
    """The request holds a number that cannot be written down exactly."""


IsPlaceholder = Callable[[str, str], bool]
"""(entity type, code) → whether it is one of this request's own placeholders."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a kept answer is found by, and the request's placeholders in the order of their numbers."""

    key: bytes  # 32 bytes
    placeholders: Sequence[bytes] = field(repr=False, default=())
    rest: bytes = b""  # the same for all questions that differ in their last text only; b"": that is not compared
    text: str = field(repr=False, default="")  # that last text


@dataclass(frozen=True, slots=True)
class Setting:
    """What stands around the body: two calls that differ in any of it have different answers."""

    tenant_id: UUID
    upstream_kind: str
    upstream_id: UUID
    model: str
    version: str
    betas: Sequence[str]
    query: bytes = b""
    policy: bytes = b""  # the version of the rules that a kept answer has passed


def of(body: Mapping[str, Any], setting: Setting, secret: bytes, is_placeholder: IsPlaceholder) -> Question:
    """The question that a request asks. `secret` keeps what is asked from being guessed by its key.

    Raises NotComparable.
    """
    spoken = {name: value for name, value in sorted(body.items()) if name not in _SILENT}
    if "system" in spoken:
        spoken["system"] = _without_billing(spoken["system"])
    numbering = Numbering(is_placeholder)
    try:
        written = numbering.write(orjson.dumps(spoken))
    except orjson.JSONEncodeError:
        raise NotComparable from None
    around = _around(setting)
    placeholders = tuple(numbering.known)
    text = _last_text(spoken)
    rest = b""
    if text and len(text) <= MOST_CHARS:
        # The placeholders as they are, not their numbers: like questions are about the same people.
        said = orjson.dumps({**spoken, "messages": _without_last_text(spoken["messages"])})
        rest = _digest(secret, [b"rest", *around, b"".join(placeholders), said])
    return Question(_digest(secret, [*around, written]), placeholders, rest, text)


def _around(setting: Setting) -> list[bytes]:
    return [
        setting.tenant_id.bytes,
        setting.upstream_kind.encode(),
        setting.upstream_id.bytes,
        setting.model.encode(),
        setting.version.encode(),
        *(beta.encode() for beta in sorted(set(setting.betas))),
        b"",
        setting.query,
        setting.policy,
    ]


def _digest(secret: bytes, parts: Iterable[bytes]) -> bytes:
    mac = hmac.new(secret, digestmod=sha256)
    for part in parts:
        mac.update(len(part).to_bytes(8, "big"))
        mac.update(part)
    return mac.digest()


def _last_text(body: Mapping[str, Any]) -> str:
    """The text that a user said last, where nothing comes behind it; else ""."""
    *_before, message = [None, *_list(body.get("messages"))]
    content = message.get("content") if isinstance(message, dict) and message.get("role") == "user" else None
    if isinstance(content, list) and content and isinstance(content[-1], dict) and content[-1].get("type") == "text":
        content = content[-1].get("text")
    return content if isinstance(content, str) else ""


def _without_last_text(messages: Sequence[Mapping[str, Any]]) -> list[Any]:
    last = messages[-1]
    content = last["content"]
    content = "" if isinstance(content, str) else [*content[:-1], {**content[-1], "text": ""}]
    return [*messages[:-1], {**last, "content": content}]


class Numbering:
    """Placeholders as numbers between NUL bytes, which no JSON text contains."""

    def __init__(self, is_placeholder: IsPlaceholder, known: Iterable[bytes] = ()) -> None:
        self._is_placeholder = is_placeholder
        self.known = {name: number for number, name in enumerate(known)}

    def write(self, raw: bytes) -> bytes:
        """JSON with each placeholder's type and number in its place. New ones are numbered as they appear."""
        return _PLACEHOLDER.sub(self._number, raw)

    def _number(self, match: re.Match[bytes]) -> bytes:
        kind, code = match.groups()
        if not self._is_placeholder(kind.decode(), code.decode()):
            return match[0]
        number = self.known.setdefault(match[0], len(self.known))
        return b"\0%b:%d\0" % (kind, number)


def why_not(body: Mapping[str, Any], *, keeps_tool_results: bool, keeps_sampled: bool) -> str:
    """Why an answer to this request is not kept, in a word or two; "" where it may be."""
    if any(body.get(name) for name in _OWN_STATE):
        return "state of its own"
    if any(isinstance(tool, dict) and tool.get("type", "custom") != "custom" for tool in _list(body.get("tools"))):
        return "server tools"
    if not keeps_sampled and body.get("temperature") != 0:
        return "sampled"
    if not keeps_tool_results and any(_has_tool_result(message) for message in _list(body.get("messages"))):
        return "tool results"
    return ""


def _has_tool_result(message: Any) -> bool:
    content = message.get("content") if isinstance(message, dict) else None
    return any(
        isinstance(block, dict) and str(block.get("type", "")).endswith("tool_result") for block in _list(content)
    )


def _without_billing(system: Any) -> Any:
    if not isinstance(system, list):
        return system
    return [
        block
        for block in system
        if not (isinstance(block, dict) and str(block.get("text", "")).startswith(texts.BILLING))
    ]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
