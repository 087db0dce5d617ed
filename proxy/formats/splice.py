"""Replaces leaves inside JSON text that is known to be well formed, and leaves every other character alone.

The name of a member can be replaced like a leaf. A list or an object may grow at its end, too, and a text become the
first block of a list of blocks.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import orjson


class Key(NamedTuple):
    """The last step to a member's name; the name itself is the step to its value."""

    name: str


Step: TypeAlias = str | int | Key
Path: TypeAlias = tuple[Step, ...]
"""Where a leaf is, from the top: object keys and list positions."""

Leaf: TypeAlias = str | int
"""What can be replaced: texts and whole numbers."""


@dataclass(frozen=True, slots=True)
class More:
    """Blocks that are put behind what is there: a list of blocks, or the text that stands for one."""

    blocks: Sequence[Mapping[str, Any]]

    def behind(self, value: Any) -> list[Any]:
        """The value with them."""
        before = [{"type": "text", "text": value}] if type(value) is str else value
        return [*before, *self.blocks]

    def written_behind(self, text: str) -> str:
        """The same in JSON, the value's own characters kept."""
        added = ",".join(orjson.dumps(block).decode() for block in self.blocks)
        if text[0] == '"':
            return f'[{{"type":"text","text":{text}}},{added}]'
        is_empty = not text[1:-1].strip()
        return text[:-1] + ("" if is_empty else ",") + added + "]"


@dataclass(frozen=True, slots=True)
class Member:
    """One more member of an object that has none of this name, or of the block that a text stands for."""

    name: str
    value: Any

    def behind(self, value: Any) -> Any:
        """The value with it."""
        if type(value) is str:
            return [{"type": "text", "text": value, self.name: self.value}]
        return {**value, self.name: self.value}

    def written_behind(self, text: str) -> str:
        """The same in JSON, the value's own characters kept."""
        added = f"{orjson.dumps(self.name).decode()}:{orjson.dumps(self.value).decode()}"
        if text[0] == '"':
            return f'[{{"type":"text","text":{text},{added}}}]'
        is_empty = not text[1:-1].strip()
        return text[:-1] + ("" if is_empty else ",") + added + "}"


Change: TypeAlias = Leaf | More | Member

Tree: TypeAlias = dict[Step, "Change | Tree"]
"""Changes by step, so that only containers that hold one are entered."""

_scan = json.JSONDecoder().raw_decode
_space = re.compile(r"[ \t\n\r]*").match
_colon = re.compile(r"[ \t\n\r]*:[ \t\n\r]*").match
_comma = re.compile(r"[ \t\n\r]*,?[ \t\n\r]*").match


def tree(changes: Mapping[Path, Change]) -> Tree:
    """The changes of leaves, grouped by the containers they are in."""
    top: Tree = {}
    for path, text in changes.items():
        node = top
        for step in path[:-1]:
            inner = node.setdefault(step, {})
            assert isinstance(inner, dict)  # a leaf has no leaves inside
            node = inner
        node[path[-1]] = text
    return top


def replace(text: str, changes: Tree) -> str:
    """The text with the leaves replaced. All of them must be there, and be leaves."""
    splicer = _Splicer(text, _count(changes))
    splicer.enter(_end(_space(text)), changes)
    return splicer.joined()


def _count(changes: Tree) -> int:
    return sum(_count(change) if isinstance(change, dict) else 1 for change in changes.values())


def _end(match: re.Match[str] | None) -> int:
    assert match is not None  # the text is well formed
    return match.end()


def _written(change: Change, before: str) -> str:
    return change.written_behind(before) if isinstance(change, More | Member) else orjson.dumps(change).decode()


class _Splicer:
    """Walks to each leaf once, in the order of the text; stops behind the last."""

    __slots__ = ("_copied", "_left", "_pieces", "_text")

    def __init__(self, text: str, count: int) -> None:
        self._text = text
        self._left = count
        self._pieces: list[str] = []
        self._copied = 0

    def enter(self, at: int, changes: Tree) -> int:
        """Replace what is to be replaced in the object or list that begins here; the position after it."""
        text = self._text
        is_object = text[at] == "{"
        at = _end(_space(text, at + 1))
        position = -1
        step: str | int
        while text[at] not in "}]":
            if is_object:
                name, end = _scan(text, at)
                step = name
                renamed = changes.get(Key(name))
                if isinstance(renamed, str):
                    self._put(at, end, renamed)
                at = _end(_colon(text, end))
            else:
                step = position = position + 1
            change = changes.get(step)
            at = self.enter(at, change) if isinstance(change, dict) else self._pass(at, change)
            if not self._left:
                break
            at = _end(_comma(text, at))
        return at + 1

    def _pass(self, at: int, change: Change | None) -> int:
        end = int(_scan(self._text, at)[1])
        if change is not None:
            self._put(at, end, change)
        return end

    def _put(self, at: int, end: int, change: Change) -> None:
        self._pieces += self._text[self._copied : at], _written(change, self._text[at:end])
        self._copied = end
        self._left -= 1

    def joined(self) -> str:
        """The text as it is now."""
        return "".join([*self._pieces, self._text[self._copied :]])
