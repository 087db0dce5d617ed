"""Hostile but valid JSON: odd whitespace, escapes and spellings of numbers; and ways to cut bytes."""

import json
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""For tests that must not fail because the machine is busy."""

_space = st.sampled_from(["", "", " ", "\n", "\r\n\t "])
_number = st.sampled_from(
    [
        "0",
        "-0",
        "-0.0",
        "1",
        "1.0",
        "1e0",
        "1E+2",
        "12345678901234567890123",
        "-9007199254740993",
        "0.1",
        "1e-400",
        "5e-324",
    ]
)
_special = st.sampled_from(['"', "\\", "/", "\n", "\x00", "\x7f", "é", "\u2028", "\ufeff", "😀", "{", "]", ",", ":"])
_character = _special | st.characters(exclude_categories=["Cs", "Co"])
text = st.lists(_character, max_size=5).map("".join)


def _spell(character: str, way: int) -> str:
    """A character in one of the ways a JSON string has for it."""
    if way == 0:
        return json.dumps(character)[1:-1]
    if way == 1:
        return json.dumps(character, ensure_ascii=False)[1:-1]
    if way == 2 and character == "/":
        return "\\/"
    units = character.encode("utf-16-be").hex()
    return "".join("\\u" + units[at : at + 4].upper() for at in range(0, len(units), 4))


def _join(*parts: str) -> str:
    return "".join(parts)


_string = st.lists(st.builds(_spell, _character, st.integers(0, 3)), max_size=5).map(lambda parts: f'"{_join(*parts)}"')
_scalar = st.sampled_from(["true", "false", "null"]) | _number | _string


def _members(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    members = st.lists(
        st.tuples(_space, _string, _space, values), max_size=4, unique_by=lambda member: json.loads(member[1])
    )
    return members.map(lambda drawn: "{" + ",".join(f"{a}{key}{b}:{value}" for a, key, b, value in drawn) + "}")


def _items(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(values, max_size=4).map(lambda drawn: "[" + ",".join(drawn) + "]")


def _padded(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(_join, _space, values, _space)


_values = st.recursive(_padded(_scalar), lambda inner: _padded(_members(inner) | _items(inner)), max_leaves=10)
documents = _padded(_members(_values))
"""The text of a JSON object in which no key occurs twice."""


def string_leaves(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The paths of all strings in a JSON value."""
    if isinstance(value, str):
        return [path]
    if isinstance(value, dict):
        return [found for key, inner in value.items() for found in string_leaves(inner, (*path, key))]
    if isinstance(value, list):
        return [found for place, inner in enumerate(value) for found in string_leaves(inner, (*path, place))]
    return []


@st.composite
def cuts(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """The data in pieces, some of them empty."""
    places = sorted(draw(st.lists(st.integers(0, len(data)), max_size=12)))
    return [data[begin:end] for begin, end in zip([0, *places], [*places, len(data)], strict=True)]
