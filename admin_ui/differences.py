"""What an audit entry changed, as lines before and after."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

_MOST_LINES = 400


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a field: kept, taken away or added."""

    mark: str  # " ", "-" or "+"
    text: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One field. Short values are `old` and `new`; long ones are `lines`."""

    field: str
    old: str
    new: str
    lines: Sequence[Line]


def of(changes: Mapping[str, Any]) -> list[Difference]:
    """Each field of a change."""
    return [_one(str(name), *_pair(change)) for name, change in changes.items()]


def _pair(change: Any) -> tuple[Any, Any]:
    return (change[0], change[1]) if isinstance(change, list) and len(change) == 2 else (None, change)


def _one(name: str, old: Any, new: Any) -> Difference:
    before, after = _text(old), _text(new)
    if "\n" not in before + after:
        return Difference(name, before, after, ())
    return Difference(name, "", "", _lines(before.split("\n"), after.split("\n")))


def _text(value: Any) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, dict | list) and value:
        return json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True)
    return json.dumps(value, ensure_ascii=False)


def _lines(before: list[str], after: list[str]) -> list[Line]:
    before, after = before[:_MOST_LINES], after[:_MOST_LINES]
    lines: list[Line] = []
    for _kind, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if before[a:b] == after[c:d]:
            lines += [Line(" ", text) for text in before[a:b]]
        else:
            lines += [Line("-", text) for text in before[a:b]] + [Line("+", text) for text in after[c:d]]
    return lines
