"""Puts values back where their placeholders are, in a text that comes in pieces cut anywhere."""

import re
from collections import Counter
from collections.abc import Callable, Collection

import orjson

from proxy.privacy import spelling
from proxy.privacy.placeholders import Placeholders

_LONGEST = 160  # of what may be held back: the longest type, every character of it escaped, and a code
_SEEN_BEFORE = 2  # what decides whether a word begins here


class Restorer:
    """The texts of one answer. `counts`: exact, altered (and restored), kept, unknown.

    Values of the types `kept_in_text` stay away from what people read, `kept_in_inputs` from what tools are given.
    """

    def __init__(
        self,
        placeholders: Placeholders,
        *,
        kept_in_text: Collection[str] = (),
        kept_in_inputs: Collection[str] = (),
    ) -> None:
        self._placeholders = placeholders
        self._kept_in_text = kept_in_text
        self._kept_in_inputs = kept_in_inputs
        self._find = spelling.pattern(placeholders.types)
        self._begins = spelling.beginning(placeholders.types)
        self.counts: Counter[str] = Counter()

    def text(self, text: str) -> str:
        """A whole text, as people read it."""
        return self._put_back(text, 0, self._plain)

    def escaped(self, text: str) -> str:
        """A whole piece of JSON, as a program reads it."""
        return self._put_back(text, 0, self._in_json)

    def value(self, text: str) -> str:
        """A whole text of what a tool is given."""
        return self._put_back(text, 0, self._raw)

    def stream(self, *, is_json: bool) -> "Stream":
        """The same for one text that comes in pieces."""
        return Stream(self, self._in_json if is_json else self._plain)

    def held_from(self, text: str, start: int) -> int:
        """Where in the text begins what may still become a placeholder; its length if nothing does."""
        at = max(start, len(text) - _LONGEST)
        while match := self._begins.search(text, at):
            code = match.group(match.lastindex) if match.lastindex else ""
            if not code or code.upper() in self._placeholders.beginnings:
                return match.start()
            at = match.start() + 1
        return len(text)

    def _put_back(self, text: str, start: int, say: Callable[[re.Match[str]], str]) -> str:
        pieces: list[str] = []
        copied = start
        for match in self._find.finditer(text, start):
            pieces += text[copied : match.start()], say(match)
            copied = match.end()
        return "".join([*pieces, text[copied:]]) if pieces else text[start:]

    def _plain(self, match: re.Match[str]) -> str:
        return self._found(match, self._kept_in_text) or match.group()

    def _raw(self, match: re.Match[str]) -> str:
        return self._found(match, self._kept_in_inputs) or match.group()

    def _in_json(self, match: re.Match[str]) -> str:
        value = self._found(match, self._kept_in_inputs)
        return match.group() if value is None else orjson.dumps(value)[1:-1].decode()

    def _found(self, match: re.Match[str], kept: Collection[str]) -> str | None:
        assert match.lastindex is not None
        code = match.group(match.lastindex).upper()
        behind = self._placeholders.behind(code)
        if behind is None:
            self.counts["unknown"] += match.lastindex == 1
            return None
        entity_type, value = behind
        if entity_type in kept:
            self.counts["kept"] += 1
            return None
        self.counts["exact" if match.group() == f"[{entity_type}_{code}]" else "altered"] += 1
        return value


class Stream:
    """One text in pieces. What it gave and what it holds are, in order, what it was fed."""

    def __init__(self, restorer: Restorer, say: Callable[[re.Match[str]], str]) -> None:
        self._restorer = restorer
        self._say = say
        self._before = ""  # the end of what was given, as it was before anything was put back
        self.held = ""

    def feed(self, piece: str) -> str:
        """What can be shown now."""
        text = self._before + self.held + piece
        start = len(self._before)
        end = self._restorer.held_from(text, start)
        self.held = text[end:]
        self._before = text[max(end - _SEEN_BEFORE, 0) : end]
        return self._restorer._put_back(text[:end], start, self._say)

    def flush(self) -> str:
        """The rest: nothing more comes."""
        text, start = self._before + self.held, len(self._before)
        self._before = self.held = ""
        return self._restorer._put_back(text, start, self._say)
