"""A second reading of capitalised words that the model passed over: pairs, those after "ask" or "dear", those in a list
with a name.

Each is read in a sentence that suits a name. In a row of a table or between quotes the model misses names it knows;
of "… said that it works" it is nearly always right about both names and what only looks like one.
"""

import re
from collections.abc import Callable, Iterable, Sequence

from proxy.privacy.detection.names import spelling, words

Found = tuple[int, int, float]
"""Start, end and score."""

_SENTENCE = "{} said that it works."
_LEAST_SCORE = 0.9
_LEAST_SCORE_ADDRESSED = 0.6
_MOST = 16  # in one window; more capitalised pairs are a table of something else

_WORD = r"[^\W\d_]+(?:[-'’][^\W\d_]+)*"
_PAIR = re.compile(rf"(?<![\w.@/\\$#-]){_WORD}(?:[ ]{_WORD}){{1,3}}(?![\w(\[@/\\=$-])")
_LIST = re.compile(
    rf"(?<![\w.@/\\$#-]){_WORD}(?:(?:, (?:and |und |et |e |y |i )?| (?:and|und|et|e|y|i|&) ){_WORD})+(?![\w(])"
)
_SINGLE = re.compile(rf"(?<![\w.@/\\$#-]){_WORD}(?![\w(\[@/\\=$-])")


def reading(
    text: str, taken: Iterable[Found], score: Callable[[Sequence[tuple[str, int, int]]], list[float]]
) -> list[Found]:
    """Start, end and score of the names that the first reading missed."""
    taken = list(taken)
    candidates = [
        (start, end, least)
        for start, end, least in (*_candidates(text), *_listed(text, taken))
        if all(end <= first or last <= start for first, last, _ in taken)
    ][:_MOST]
    if not candidates:
        return []
    scores = score([(_SENTENCE.format(text[start:end]), 0, end - start) for start, end, _ in candidates])
    return [
        (start, end, round(sure, 3))
        for (start, end, least), sure in zip(candidates, scores, strict=True)
        if sure >= least
    ]


def _candidates(text: str) -> Iterable[Found]:
    """Start and end of what is read again, and how sure the model has to be of it."""
    for run in _PAIR.finditer(text):
        for start, end in _capitalised(run):
            yield start, end, _LEAST_SCORE
    for single in _SINGLE.finditer(text):
        is_addressed = words.PERSON_CUE.search(text, max(0, single.start() - 20), single.start())
        if is_addressed and spelling.is_capitalised_name(single[0]) and not words.is_common(single[0]):
            yield *single.span(), _LEAST_SCORE_ADDRESSED


def _listed(text: str, taken: Sequence[Found]) -> Iterable[Found]:
    """Single words in a list, one of whose members is a name: "Róża, Mikołaj and Jan"."""
    for listed in _LIST.finditer(text):
        if any(listed.start() <= start and end <= listed.end() for start, end, _ in taken):
            for single in _SINGLE.finditer(text, *listed.span()):
                if spelling.is_capitalised_name(single[0]) and not words.is_common(single[0]):
                    yield *single.span(), _LEAST_SCORE_ADDRESSED


def _capitalised(run: re.Match[str]) -> Iterable[tuple[int, int]]:
    """The longest stretches of two or three name-like words in a run of words."""
    names: list[tuple[int, int]] = []
    for word in re.finditer(_WORD, run[0]):
        if spelling.is_capitalised_name(word[0]):
            names.append((run.start() + word.start(), run.start() + word.end()))
            continue
        if len(names) in (2, 3):
            yield names[0][0], names[-1][1]
        names = []
    if len(names) in (2, 3):
        yield names[0][0], names[-1][1]
