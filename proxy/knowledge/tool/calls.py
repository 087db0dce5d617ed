"""What a model calls `search_documents` with, and the result that it is given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proxy.knowledge.tool import offering

NOTHING = "Nothing was found."
NOTHING_NEW = "Nothing was found but what you were given before."


class BadCall(ValueError):
    """The model called with what cannot be searched. The message is for the model."""


@dataclass(frozen=True, slots=True)
class Sought:
    """One call, understood."""

    query: str
    collections: Sequence[str]


def of_message(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The blocks in which a message calls tools."""
    return [block for block in _blocks(message) if block.get("type") == "tool_use"]


def said(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """A message's blocks as they may be sent back: models begin texts that stay empty, and take none."""
    return [block for block in _blocks(message) if block.get("type") != "text" or block.get("text")]


def _blocks(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [block for block in message["content"] if isinstance(block, dict)]


def read(block: Mapping[str, Any], usable: Sequence[str]) -> Sought:
    """What a call is for. Raises BadCall."""
    if block.get("name") != offering.NAME:
        raise BadCall(f"There is no tool of this name. You have {offering.NAME}.")
    given = block.get("input")
    query = given.get("query") if isinstance(given, dict) else None
    if not isinstance(query, str) or not query.strip():
        raise BadCall("query: give a text to look for.")
    assert isinstance(given, dict)
    named = given.get("collections") or usable
    if not isinstance(named, list | tuple) or not all(isinstance(name, str) for name in named):
        raise BadCall("collections: give a list of names.")
    if unknown := [name for name in named if name not in usable]:
        raise BadCall(f"collections: there is no {unknown[0][:64]!r}. There are {', '.join(usable)}.")
    return Sought(query.strip(), tuple(dict.fromkeys(named)))


def result(block: Mapping[str, Any], content: str | list[dict[str, Any]], *, is_error: bool = False) -> dict[str, Any]:
    """The block that answers a call."""
    plain = {"type": "tool_result", "tool_use_id": block.get("id"), "content": content}
    return {**plain, "is_error": True} if is_error else plain
