"""Model names against lists of globs, compiled once."""

import re
from collections.abc import Iterable
from fnmatch import translate


class Globs:
    """`*`, `?` and `[…]` patterns of model names; case counts, as it does for model names."""

    __slots__ = ("_match", "patterns")

    def __init__(self, patterns: Iterable[str]) -> None:
        self.patterns = tuple(patterns)
        joined = "|".join(translate(pattern) for pattern in self.patterns)
        self._match = re.compile(joined).match if joined else None

    def match(self, name: str) -> bool:
        """Whether any of the patterns matches the whole name. An empty list matches nothing."""
        return self._match is not None and self._match(name) is not None

    def __repr__(self) -> str:
        return f"Globs({list(self.patterns)!r})"
