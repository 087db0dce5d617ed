"""A second reading of pairs of capitalised words that the model passed over, each in a sentence that suits a name.

In a row of a table or between quotes the model misses names it knows; of "… said that it works" it is nearly always
right about both names and what only looks like one.
"""

import re
from collections.abc import Callable, Iterable, Sequence

from proxy.privacy.detection.names import spelling

Found = tuple[int, int, float]
"""Start, end and score."""

_SENTENCE = "{} said that it works."
_LEAST_SCORE = 0.9
_MOST = 16  # in one window; more capitalised pairs are a table of something else

_WORD = r"[^\W\d_]+(?:[-'’][^\W\d_]+)*"
_PAIR = re.compile(rf"(?<![\w.@/\\$#-]){_WORD}(?:[ ]{_WORD}){{1,3}}(?![\w(\[@/\\=$-])")


def reading(
    text: str, taken: Iterable[Found], score: Callable[[Sequence[tuple[str, int, int]]], list[float]]
) -> list[Found]:
    """Start, end and score of the names that the first reading missed."""
    taken = list(taken)
    candidates = [
        (start, end)
        for start, end in _candidates(text)
        if all(end <= first or last <= start for first, last, _ in taken)
    ][:_MOST]
    if not candidates:
        return []
    scores = score([(_SENTENCE.format(text[start:end]), 0, end - start) for start, end in candidates])
    return [
        (start, end, round(sure, 3))
        for (start, end), sure in zip(candidates, scores, strict=True)
        if sure >= _LEAST_SCORE
    ]


def _candidates(text: str) -> Iterable[tuple[int, int]]:
    for run in _PAIR.finditer(text):
        yield from _capitalised(run)


def _capitalised(run: re.Match[str]) -> Iterable[tuple[int, int]]:
    """The longest stretches of two or three name-like words in a run of words."""
    words: list[tuple[int, int]] = []
    for word in re.finditer(_WORD, run[0]):
        if spelling.is_capitalised_name(word[0]):
            words.append((run.start() + word.start(), run.start() + word.end()))
            continue
        if len(words) in (2, 3):
            yield words[0][0], words[-1][1]
        words = []
    if len(words) in (2, 3):
        yield words[0][0], words[-1][1]
