"""Regular expressions that cost linear time whatever the text: RE2, on a text that is encoded once."""

from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from typing import Any

import re2

# What the automaton of all patterns may take: with RE2's usual 8 MB it is thrown away and built anew all the time,
# which makes it 25 times slower. It grows with what it meets.
_PREFILTER_BYTES = 32 * 1024 * 1024


class RegexRefused(ValueError):
    """A pattern that is not in RE2's syntax. Those of tenants are checked when they are set (tenants/privacy.py)."""


class Subject:
    """A text and its UTF-8, with offsets in characters. A lone surrogate counts as one unknown character."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._is_ascii = text.isascii()

    @cached_property
    def encoded(self) -> bytes:
        return self.text.encode("utf-8", "replace")

    def spans(self, pattern: Any) -> Iterator[tuple[int, int]]:
        """Where the pattern matches: its first group if it has one, else all of it."""
        group = 1 if pattern.groups else 0
        found = (match.span(group) for match in pattern.finditer(self.encoded))
        present = (span for span in found if span[0] >= 0)
        return present if self._is_ascii else self._in_characters(present)

    def _in_characters(self, spans: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        seen_bytes = seen_characters = 0
        for start, end in spans:
            first = seen_characters + len(self.encoded[seen_bytes:start].decode("utf-8", "replace"))
            last = first + len(self.encoded[start:end].decode("utf-8", "replace"))
            seen_bytes, seen_characters = end, last
            yield first, last


@lru_cache(maxsize=1024)
def compiled(regex: str) -> Any:
    """The pattern, ready to run. Raises RegexRefused."""
    try:
        return re2.compile(regex, _options())
    except re2.error as error:
        raise RegexRefused(f"The pattern {regex[:80]!r} is not one of RE2's.") from error


def literal(text: str) -> str:
    """A regex that matches this text and no other, for RE2 and for Python."""
    return "".join(c if c.isalnum() or c in "_ " or ord(c) > 127 else f"\\{c}" for c in text)


class Prefilter:
    """Tells in one pass which of many patterns occur in a text."""

    def __init__(self, regexes: Sequence[str]) -> None:
        options = _options()
        options.max_mem = _PREFILTER_BYTES
        self._set = re2.Set.SearchSet(options)
        for regex in regexes:
            self._set.Add(regex)
        # RE2 says "none" when it runs out of memory; then this one is missing too.
        self._sentinel = self._set.Add("")
        self._set.Compile()
        self._all = range(len(regexes))

    def __call__(self, subject: Subject) -> Sequence[int]:
        """The indexes of the patterns that occur, in order; all of them if it cannot be told."""
        found = self._set.Match(subject.encoded)
        if self._sentinel not in found:
            return self._all
        return sorted(index for index in found if index != self._sentinel)


def _options() -> re2.Options:
    options = re2.Options()
    options.log_errors = False
    options.dot_nl = True
    return options
