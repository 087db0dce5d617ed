"""JSON: each value beside the path that leads to it. Notebooks: their cells."""

import json
from collections.abc import Iterator
from typing import Any

from proxy.knowledge.parsing import encodings
from proxy.knowledge.parsing.sections import Found, Section, Unreadable

_MAX_DEPTH = 100


def sections(path: str, _found: Found) -> Iterator[Section]:
    """A section for each item of a list, else one for each entry."""
    text = encodings.read(path)
    try:
        value = _value(text)
    except (ValueError, RecursionError):
        raise Unreadable("The file is not valid JSON, or is nested too deeply.") from None
    if isinstance(value, dict) and isinstance(value.get("cells"), list):
        yield from _cells(value["cells"])
        return
    parts = enumerate(value, start=1) if isinstance(value, list) else value.items() if isinstance(value, dict) else ()
    for name, part in parts:
        yield Section("\n".join(_lines("", part, 0)), str(name)[:200])
    if not isinstance(value, list | dict):
        yield Section(str(value))


def _value(text: str) -> Any:
    """One JSON value, or one in each line."""
    try:
        return json.loads(text)
    except ValueError:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2:
            raise
        return [json.loads(line) for line in lines]


def _lines(path: str, value: Any, depth: int) -> Iterator[str]:
    if depth > _MAX_DEPTH:
        raise Unreadable("The file is nested too deeply.")
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _lines(f"{path}.{name}" if path else str(name), part, depth + 1)
    elif isinstance(value, list):
        for part in value:
            yield from _lines(path, part, depth + 1)
    elif value not in (None, ""):
        yield f"{path}: {value}" if path else str(value)


def _cells(cells: list[Any]) -> Iterator[Section]:
    for number, cell in enumerate(cells, start=1):
        source = cell.get("source", "") if isinstance(cell, dict) else ""
        text = "".join(map(str, source)) if isinstance(source, list) else str(source)
        yield Section(text, f"cell {number}")
