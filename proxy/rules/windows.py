"""A text that comes in pieces, judged in windows that depend on the whole text only: any cut of it comes to the same.

The text is taken in steps of a few characters. A step is decided once as much of what follows it is known as the
longest match can have; until then it is held back. What is decided is let go, replaced, or the reason to stop.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matching import spelling
from matching.needles import Needles

STEP_CHARS = 16
REPLACEMENT = "[REDACTED]"
_MOST_INVISIBLE = 10_000


@dataclass(frozen=True, slots=True)
class Hit:
    """A needle, and where it is, in characters of the cleaned text from its beginning."""

    needle: int
    start: int
    end: int


class Stopped(Exception):
    """Raised by `decide`: nothing more of the text may be let go."""


class Windows:
    """`decide` is told of every hit, in order of where they begin; True: cover it up, False: let it pass."""

    def __init__(self, needles: Needles, decide: Callable[[Hit], bool]) -> None:
        self._needles = needles
        self._decide = decide
        self._ahead = needles.longest + 1
        self._raw = ""  # not let go
        self._before = ""  # the last character that was
        self._at = 0  # of the cleaned text, how much is decided
        self._covered_to = 0

    def feed(self, piece: str) -> str:
        """What can be let go now. Raises Stopped."""
        self._raw += piece
        return self._go(is_last=False)

    def finish(self) -> str:
        """The rest. Raises Stopped."""
        return self._go(is_last=True)

    def _go(self, *, is_last: bool) -> str:
        seen = spelling.clean(self._raw)
        steps = self._steps(len(seen), is_last)
        if not steps and is_last:
            rest, self._raw = self._raw, ""
            return rest
        if not steps:
            self._forget_invisible(seen)
            return ""
        end = len(seen) if is_last else steps * STEP_CHARS
        hits = self._hits(seen, end) if self._needles.present(self._before + seen) else []
        places = spelling.offsets(self._raw) if len(seen) != len(self._raw) else range(len(self._raw) + 1)
        shown = self._shown(places, end, hits)
        self._raw = "" if is_last else self._raw[places[end] :]
        self._before = seen[end - 1 : end]
        self._at += end
        return shown

    def _steps(self, length: int, is_last: bool) -> int:
        if is_last:
            return -(-length // STEP_CHARS)
        return max((length - self._ahead) // STEP_CHARS, 0)

    def _hits(self, seen: str, end: int) -> list[Hit]:
        """Every match that begins before `end`, looked for step by step."""
        text, shift = self._before + seen, len(self._before)
        hits = []
        for step in range(0, end, STEP_CHARS):
            begin = step + shift
            left = 1 if begin else 0  # the character before says whether a word begins here
            window = text[begin - left : begin + STEP_CHARS + self._ahead]
            for needle in self._needles.present(window):
                for start, stop in self._needles.spans(needle, window, left):
                    if start - left < STEP_CHARS and step + start - left < end:
                        hits.append(Hit(needle, self._at + step + start - left, self._at + step + stop - left))
        return sorted(hits, key=lambda hit: (hit.start, hit.needle))

    def _shown(self, places: Sequence[int], end: int, hits: Sequence[Hit]) -> str:
        """What was decided, as it came, with a word in the place of each stretch that is covered up."""
        pieces: list[str] = []
        at = max(self._covered_to - self._at, 0)
        for hit in hits:
            if not self._decide(hit):
                continue
            start = hit.start - self._at
            if start >= at:
                pieces += self._stretch(places, at, start), REPLACEMENT
            at = max(at, hit.end - self._at)
        self._covered_to = self._at + at
        return "".join([*pieces, self._stretch(places, at, end)])

    def _stretch(self, places: Sequence[int], start: int, end: int) -> str:
        """Characters that cannot be seen go with the visible one before them."""
        return self._raw[places[start] if start else 0 : places[end]] if start < end else ""

    def _forget_invisible(self, seen: str) -> None:
        if len(self._raw) - len(seen) > _MOST_INVISIBLE:
            self._raw = seen
