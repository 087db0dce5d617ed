"""A text that a regular expression matches, for the plain expressions that people write; None for others."""

import re
from collections.abc import Callable, Mapping
from re import _constants as kinds  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

_MOST_REPEATS = 200
_OF_CATEGORY: Mapping[Any, str] = {
    kinds.CATEGORY_DIGIT: "7",
    kinds.CATEGORY_WORD: "a",
    kinds.CATEGORY_SPACE: " ",
    kinds.CATEGORY_NOT_DIGIT: "a",
    kinds.CATEGORY_NOT_WORD: "-",
    kinds.CATEGORY_NOT_SPACE: "a",
}
_TRIED = "a7A -_.,/x"


def sample(regex: str) -> str | None:
    """The shortest text on the first of all branches. Whether it matches is the caller's to check."""
    try:
        parsed = parser.parse(regex)
    except (re.error, OverflowError):  # RE2 takes what Python does not, such as \\pL
        return None
    try:
        return "".join(_of(kind, given) for kind, given in parsed)
    except KeyError:
        return None


def _of(kind: Any, given: Any) -> str:
    return _OF[kind](given)


def _repeated(given: Any) -> str:
    least, _most, inner = given
    return "".join(_of(kind, part) for kind, part in inner) * min(int(least), _MOST_REPEATS)


def _one_of(given: Any) -> str:
    kind, value = given[0]
    if kind is kinds.NEGATE:
        unwanted = {_of(kinds.IN, [one]) for one in given[1:]}
        return next((character for character in _TRIED if character not in unwanted), "~")
    return _of(kind, value)


def _group(given: Any) -> str:
    return "".join(_of(kind, part) for kind, part in given[-1])


_OF: Mapping[Any, Callable[[Any], str]] = {
    kinds.LITERAL: chr,
    kinds.NOT_LITERAL: lambda code: "a" if code != ord("a") else "b",
    kinds.ANY: lambda _given: "a",
    kinds.AT: lambda _given: "",
    kinds.RANGE: lambda ends: chr(ends[0]),
    kinds.CATEGORY: lambda category: _OF_CATEGORY[category],
    kinds.MAX_REPEAT: _repeated,
    kinds.MIN_REPEAT: _repeated,
    kinds.IN: _one_of,
    kinds.SUBPATTERN: _group,
    kinds.BRANCH: lambda given: "".join(_of(kind, part) for kind, part in given[1][0]),
}
