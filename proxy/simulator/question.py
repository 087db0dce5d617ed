"""A request as the simulator reads it: checked as Anthropic does, with the directives of the user's latest turn."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proxy.simulator import directives, parts
from proxy.simulator.directives import Directives
from proxy.simulator.failures import Failure

_REMINDER = re.compile(r"<system-reminder>.*?</system-reminder>\s*", re.DOTALL)
_ROLES = ("user", "assistant", "system")
_NEWEST_VERSION = "2026-10-21"
_KINDS: Mapping[str, tuple[Any, str]] = {
    "model": (str, "string"),
    "messages": (list, "list"),
    "max_tokens": (int, "integer"),
    "stream": (bool, "boolean"),
    "system": (str | list, "string or list"),
    "tools": (list, "list"),
    "stop_sequences": (list, "list"),
    "metadata": (dict, "object"),
    "thinking": (dict, "object"),
    "tool_choice": (dict, "object"),
    "output_config": (dict, "object"),
}
_NO_THREADS = {"error_code": "thread_unsupported_request", "unsupported": []}
"""What makes an SDK send the whole conversation instead."""
_SAMPLING = ("temperature", "top_p", "top_k")


@dataclass(frozen=True, slots=True)
class Question:
    """What a client asked. `text` is the user's latest own text, without directives and system reminders."""

    body: Mapping[str, Any]
    model: str
    max_tokens: int
    is_streaming: bool
    text: str
    asked: Directives
    is_scripted: bool
    tool_results: Sequence[str]

    @property
    def tools(self) -> Sequence[Mapping[str, Any]]:
        """The tools that the client offers."""
        return [tool for tool in self.body.get("tools") or () if isinstance(tool, dict)]

    @property
    def stop_sequences(self) -> Sequence[str]:
        """Texts that end the answer."""
        return [text for text in self.body.get("stop_sequences") or () if isinstance(text, str) and text]

    def section(self, name: str) -> Mapping[str, Any]:
        """A field that is an object, or an empty one."""
        value = self.body.get(name)
        return value if isinstance(value, dict) else {}


def check(body: Any, version: str, *, needs_max_tokens: bool = True) -> Mapping[str, Any]:
    """The body of a request for an answer or a count, if Anthropic would take it. Raises Failure."""
    if not isinstance(body, dict):
        raise Failure(400, "The request body must be a JSON object.")
    for name in ("model", "messages", "max_tokens") if needs_max_tokens else ("model", "messages"):
        if name not in body:
            raise Failure(400, f"{name}: Field required")
    for name, (kind, called) in _KINDS.items():
        if name in body and (not isinstance(body[name], kind) or (kind is int and isinstance(body[name], bool))):
            raise Failure(400, f"{name}: Input should be a valid {called}")
    if needs_max_tokens and body["max_tokens"] < 0:
        raise Failure(400, "max_tokens: Input should be greater than or equal to 0")
    if body.get("thread") is not None:
        raise Failure(400, "thread: the simulator keeps no conversations", details=_NO_THREADS)
    _check_messages(body["messages"])
    if version == _NEWEST_VERSION:
        _check_newest(body)
    return body


def read(body: Mapping[str, Any]) -> Question:
    """A checked body as a question. Raises BadDirective."""
    turn = _latest_turn(body["messages"])
    text, answered = "", 0
    if turn is not None:
        text = _own_text(body["messages"][turn]["content"])
        answered = sum(message["role"] == "assistant" for message in body["messages"][turn:])
    asked, text = directives.parse(text)
    is_scripted = bool(asked.script)
    asked = asked.step(answered)
    return Question(
        body=body,
        model=body["model"],
        max_tokens=body.get("max_tokens", 0),
        is_streaming=body.get("stream") is True,
        text=text.strip() if not asked.echo else text,
        asked=asked,
        is_scripted=is_scripted,
        tool_results=_tool_results(body["messages"]),
    )


def _check_messages(messages: Sequence[Any]) -> None:
    if not messages:
        raise Failure(400, "messages: at least one message is required")
    for at, message in enumerate(messages):
        if not isinstance(message, dict):
            raise Failure(400, f"messages.{at}: Input should be an object")
        if message.get("role") not in _ROLES:
            raise Failure(400, f"messages.{at}.role: Input should be 'user', 'assistant' or 'system'")
        content = message.get("content")
        if not isinstance(content, str | list):
            raise Failure(400, f"messages.{at}.content: Input should be a valid string or list")
        for index, block in enumerate(content if isinstance(content, list) else ()):
            _check_block(block, f"messages.{at}.content.{index}")


def _check_block(block: Any, place: str) -> None:
    if not isinstance(block, dict) or not isinstance(block.get("type"), str):
        raise Failure(400, f"{place}.type: Field required")
    if block["type"] == "text" and not isinstance(block.get("text"), str):
        raise Failure(400, f"{place}.text: Input should be a valid string")
    if block["type"] == "thinking" and parts.is_altered(block):
        raise Failure(400, f"{place}: Invalid `signature` in `thinking` block")


def _check_newest(body: Mapping[str, Any]) -> None:
    """What the API version of 2026-10-21 no longer takes."""
    for name in _SAMPLING:
        if name in body:
            raise Failure(400, f"{name}: Extra inputs are not permitted")
    for at, message in enumerate(body["messages"]):
        for index, block in enumerate(blocks_of(message)):
            place = f"messages.{at}.content.{index}"
            if message["role"] == "assistant" and block["type"] == "document":
                raise Failure(400, f"{place}: document blocks are not permitted in assistant messages")
            if message["role"] == "user" and block["type"] == "text" and block.get("citations"):
                raise Failure(400, f"{place}.citations: Extra inputs are not permitted")


def blocks_of(message: Mapping[str, Any]) -> list[Any]:
    """A message's content blocks; none where it is a plain text."""
    content = message.get("content")
    return content if isinstance(content, list) else []


def _latest_turn(messages: Sequence[Mapping[str, Any]]) -> int | None:
    """Where the user last said something of their own: tool results and reminders are not theirs."""
    for at in range(len(messages) - 1, -1, -1):
        if messages[at]["role"] == "user" and _own_text(messages[at]["content"]).strip():
            return at
    return None


def _own_text(content: str | Sequence[Mapping[str, Any]]) -> str:
    texts = [content] if isinstance(content, str) else [part["text"] for part in content if part["type"] == "text"]
    kept = [_REMINDER.sub("", text) if "<system-reminder>" in text else text for text in texts]
    return "\n".join(text for text in kept if text.strip())


def _tool_results(messages: Sequence[Mapping[str, Any]]) -> list[str]:
    """The texts of the tool results that wait for an answer."""
    found: list[str] = []
    for message in reversed(messages):
        if message["role"] == "assistant":
            break
        if message["role"] == "user":
            results = (block for block in blocks_of(message) if block["type"] == "tool_result")
            found[:0] = [_result_text(block.get("content")) for block in results]
    return found


def _result_text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(_texts(content)) if isinstance(content, list) else ""


def _texts(content: Sequence[Any]) -> Iterator[str]:
    for block in content:
        if isinstance(block, dict) and isinstance(block.get("text"), str):
            yield block["text"]
