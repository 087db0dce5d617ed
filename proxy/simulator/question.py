"""A checked request as the simulator reads it: with the directives of the user's latest turn."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proxy.formats.document import Document
from proxy.simulator import directives
from proxy.simulator.checks import blocks_of
from proxy.simulator.directives import Directives

_REMINDER = re.compile(r"<system-reminder>.*?</system-reminder>\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Question:
    """What a client asked. `text` is the user's latest own text, without directives and system reminders."""

    document: Document
    model: str
    max_tokens: int
    is_streaming: bool
    text: str
    asked: Directives
    is_scripted: bool
    tool_results: Sequence[str]

    @property
    def body(self) -> Mapping[str, Any]:
        """What the request's JSON says."""
        return self.document.value

    @property
    def tools(self) -> Sequence[Mapping[str, Any]]:
        """The tools that the client offers."""
        return self.body.get("tools") or ()

    @property
    def stop_sequences(self) -> Sequence[str]:
        """Texts that end the answer."""
        return [text for text in self.body.get("stop_sequences") or () if isinstance(text, str) and text]

    def section(self, name: str) -> Mapping[str, Any]:
        """A field that is an object, or an empty one."""
        value = self.body.get(name)
        return value if isinstance(value, dict) else {}


def read(document: Document) -> Question:
    """A checked body as a question. Raises BadDirective."""
    body = document.value
    turn = _latest_turn(body["messages"])
    text, answered = "", 0
    if turn is not None:
        text = _own_text(body["messages"][turn]["content"])
        answered = sum(message["role"] == "assistant" for message in body["messages"][turn:])
    asked, text = directives.parse(text)
    is_scripted = bool(asked.script)
    asked = asked.step(answered)
    return Question(
        document=document,
        model=body["model"],
        max_tokens=body.get("max_tokens", 0),
        is_streaming=body.get("stream") is True,
        text=text.strip() if not asked.echo else text,
        asked=asked,
        is_scripted=is_scripted,
        tool_results=_tool_results(body["messages"]),
    )


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
