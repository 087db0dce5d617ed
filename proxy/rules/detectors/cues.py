"""Cues (cues.toml) and what they weigh (weights.toml): the score of a text is that of its most suspicious stretch.

A stretch is a few hundred characters: cues that stand far apart in a long file have nothing to do with one another.
Its score is logistic: 1 / (1 + exp(-(bias + the weights of the cues in it))). Every expression is RE2's, so a text
costs a time that grows with its length alone.
"""

import math
import tomllib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from matching.needles import Needles, Pattern

STRETCH_CHARS = 600
CALMING = frozenset(("quoted", "mentioned", "programmed", "operated"))
"""Cues of texts that only talk about such things, or that those who run a model write."""

_PIECE_CHARS = 16_384
_AT_ONCE = 12  # expressions in one automaton: with all of them in one it outgrows its memory and is slow
_LONGEST_CUE = 160  # characters
_WORDS = r"(?:[^\w.!?;|{{}}<>]*[\w'’-]+){{0,{}}}?[^\w.!?;|{{}}<>]*"
_GAPS = str.maketrans({"‥": _WORDS.format(3), "…": _WORDS.format(6), "⋯": r"[^!?\n]*?"})
_MOST_OF_ONE = 40  # places of one expression in one piece
_FOLDER = Path(__file__).parent

Place = tuple[int, str]
"""Where a cue begins, and its name."""


def places(text: str) -> list[Place]:
    """Every cue of a text, in order."""
    suspicious = _found(text, _compiled(False))
    if not suspicious:
        return []
    begin, end = suspicious[0][0] - STRETCH_CHARS, suspicious[-1][0] + STRETCH_CHARS
    shift = max(begin, 0)
    calming = _found(text[shift:end], _compiled(True))
    return sorted([*suspicious, *((shift + start, name) for start, name in calming)])


def _found(text: str, groups: Sequence[tuple[Needles, Sequence[str]]]) -> list[Place]:
    found: set[Place] = set()
    for begin in range(0, len(text), _PIECE_CHARS):
        piece = text[begin : begin + _PIECE_CHARS + _LONGEST_CUE]
        for needles, names in groups:
            for number in needles.present(piece):
                for _nth, (start, _end) in zip(range(_MOST_OF_ONE), needles.spans(number, piece), strict=False):
                    found.add((begin + start, names[number]))
    return sorted(found)


def score(found: Sequence[Place], weights: Mapping[str, float]) -> float:
    """How suspicious the worst stretch is, 0 to 1. Nothing found is nothing suspected."""
    sums = (sum(weights.get(name, 0.0) for name in names) for names in stretches(found))
    worst = max(sums, default=None)
    return 0.0 if worst is None else 1.0 / (1.0 + math.exp(-(weights["bias"] + worst)))


def stretches(found: Sequence[Place]) -> Iterator[Collection[str]]:
    """The cues of each stretch that ends with one."""
    inside: Counter[str] = Counter()
    oldest = 0
    for start, name in found:
        inside[name] += 1
        while found[oldest][0] < start - STRETCH_CHARS:
            inside[found[oldest][1]] -= 1
            oldest += 1
        yield [one for one, times in inside.items() if times]


def names() -> Collection[str]:
    """Every cue there is, with the two of readings.py."""
    return {"hidden", "decoded", *(name for group in (False, True) for _n, names in _compiled(group) for name in names)}


@cache
def weights(detector: str) -> Mapping[str, float]:
    """What each cue weighs for a detector, and `bias`."""
    found: Mapping[str, float] = tomllib.loads((_FOLDER / "weights.toml").read_text(encoding="utf-8"))[detector]
    return found


@cache
def _compiled(calming: bool) -> Sequence[tuple[Needles, Sequence[str]]]:
    """Those that speak for a text are looked for only around those that speak against it."""
    cues = tomllib.loads((_FOLDER / "cues.toml").read_text(encoding="utf-8"))
    pairs = [
        (Pattern(_widened(regex), _LONGEST_CUE), name)
        for name, regexes in cues.items()
        if (name in CALMING) == calming
        for regex in regexes
    ]
    groups = [pairs[begin : begin + _AT_ONCE] for begin in range(0, len(pairs), _AT_ONCE)]
    return [(Needles([pattern for pattern, _name in group]), [name for _pattern, name in group]) for group in groups]


def _widened(regex: str) -> str:
    """With any white space for each blank outside of brackets, and with the gaps."""
    pieces: list[str] = []
    in_class = False
    for at, character in enumerate(regex):
        is_escaped = at > 0 and regex[at - 1] == "\\"
        if character in "[]" and not is_escaped:
            in_class = character == "["
        pieces.append(r"\s{1,3}" if character == " " and not in_class else character)
    return "".join(pieces).replace(r"\s{1,3}?", r"\s{0,3}").translate(_GAPS)
