"""Many words and patterns at once: one pass says which of them occur at all, only those are looked for."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import re2

from matching import spelling

LONGEST = 200
"""How long a pattern's match may be, in characters, where it does not say otherwise: what a stream holds back."""

_MOST_MEMORY = 64 * 1024 * 1024
_WIDEST_GAP = 4
_SEPARATORS = r"[ ._*-]"
_UNSPACED = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")  # scripts without spaces


class BadPattern(ValueError):
    """A pattern that RE2 does not take, or that matches nothing or everything."""


@dataclass(frozen=True, slots=True)
class Keyword:
    """Words, found as whole words in any spelling that reads the same, also with a separator between all letters."""

    text: str

    @property
    def longest(self) -> int:
        """The longest match: a separator between all letters, or every gap at its widest."""
        return max(2 * len(self.text), len(self.text) + (_WIDEST_GAP - 1) * len(self.text.split()))


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression in RE2's syntax. A match longer than `longest` does not count."""

    regex: str
    longest: int = LONGEST


Needle = Keyword | Pattern


def compiled(regex: str) -> Any:
    """The compiled expression. Raises BadPattern in words for whoever wrote it."""
    if not regex.strip():
        raise BadPattern("give an expression.")
    try:
        made = re2.compile(regex, _options())
    except re2.error as wrong:
        said = wrong.args[0] if wrong.args else ""
        words = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        raise BadPattern(f"{words}. Patterns are in RE2's syntax: no look-around, no back-references.") from None
    if made.search("") is not None:
        raise BadPattern("it matches the empty text, so it would match everywhere.")
    return made


def _options() -> Any:
    options = re2.Options()
    options.max_mem = _MOST_MEMORY
    options.log_errors = False
    options.dot_nl = True
    return options


class Needles:
    """A set of needles, compiled once. Texts are cleaned (`spelling.clean`) by the caller; places are in them."""

    def __init__(self, needles: Sequence[Needle]) -> None:
        self._needles = tuple(needles)
        self._words = [place for place, needle in enumerate(needles) if isinstance(needle, Keyword)]
        self._regexes = [place for place, needle in enumerate(needles) if isinstance(needle, Pattern)]
        self._finders = [_finder(needle) for needle in needles]

    @cached_property
    def longest(self) -> int:
        """The longest match of any of them."""
        return max((needle.longest for needle in self._needles), default=0)

    def present(self, text: str) -> list[int]:
        """Which needles may occur in a text, by their place: none that does is left out."""
        found = []
        if self._words:
            found += [self._words[hit] for hit in self._word_set.Match(spelling.fold(text)) or ()]
        if self._regexes:
            found += [self._regexes[hit] for hit in self._regex_set.Match(text) or ()]
        return sorted(found)

    def spans(self, place: int, text: str, start: int = 0) -> Iterator[tuple[int, int]]:
        """Where one needle is from `start` on, from left to right, without overlaps."""
        found: Iterator[tuple[int, int]] = self._finders[place](text, start)
        return found

    @cached_property
    def _word_set(self) -> Any:
        return _set([_loosely(self._needles[place].text) for place in self._words])  # type: ignore[union-attr]

    @cached_property
    def _regex_set(self) -> Any:
        return _set([self._needles[place].regex for place in self._regexes])  # type: ignore[union-attr]


def _set(patterns: Sequence[str]) -> Any:
    made = re2.Set.SearchSet(_options())
    for pattern in patterns:
        made.Add(pattern)
    made.Compile()
    return made


def _loosely(text: str) -> str:
    folded = spelling.fold(spelling.clean(text))
    words = rf"\s{{1,{_WIDEST_GAP}}}".join(re2.escape(word) for word in folded.split())
    spaced = _SEPARATORS.join(re2.escape(character) for character in folded if not character.isspace())
    return f"{words}|{spaced}" if len(folded) > 3 else words


def _finder(needle: Needle) -> Any:
    return _word_finder(needle) if isinstance(needle, Keyword) else _regex_finder(needle)


def _word_finder(needle: Keyword) -> Any:
    expression = re2.compile(_loosely(needle.text), _options())
    is_spaced = not _UNSPACED.search(needle.text)

    def find(text: str, at: int) -> Iterator[tuple[int, int]]:
        folded = spelling.fold(text)
        while hit := expression.search(folded, at):
            start, end = hit.span()
            at = start + 1
            if not is_spaced or (_is_edge(text, start) and _is_edge(text, end)):
                at = end
                yield start, end

    return find


def _regex_finder(needle: Pattern) -> Any:
    expression = compiled(needle.regex)
    group = 1 if expression.groups else 0

    def find(text: str, at: int) -> Iterator[tuple[int, int]]:
        while at <= len(text) and (hit := expression.search(text, at)):
            start, end = hit.span(group) if hit.start(group) >= 0 else hit.span()
            at = max(hit.end(), hit.start() + 1)
            if end - start <= needle.longest and end > start:
                yield start, end

    return find


def _is_edge(text: str, place: int) -> bool:
    """Whether a word ends or begins here."""
    before, after = text[place - 1 : place], text[place : place + 1]
    return not (_is_word(before) and _is_word(after))


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"
