"""Postal addresses, from the words the model takes for parts of one."""

import re
from collections.abc import Iterator, Sequence

from proxy.privacy.detection.names import rampart
from proxy.privacy.detection.names.rampart import Word

_PARTS = frozenset({rampart.STREET, rampart.BUILDING, rampart.UNIT, rampart.CITY, rampart.STATE, rampart.ZIP})
_LEAST_SCORE = 0.5
_NUMBER_BEFORE = re.compile(r"(?<![\w.-])([0-9]{1,5}[A-Za-z]?),?[ ]$")
_NUMBER_AFTER = re.compile(r",?[ ][0-9]{1,5}[A-Za-z]?(?![\w.-])")
_LONGEST_GAP = 3
_CODE = frozenset("#_/\\$@=([{<>+*&|~%`")


def addresses(text: str, words: Sequence[Word]) -> Iterator[tuple[int, int, float]]:
    """Start, end and score of each address: a street with its number, and what of town and postcode adjoins."""
    for run in _runs(text, words):
        run = _without_a_name_above(text, run)
        kinds = {word.kind for word in run}
        start, end = _with_number(text, run[0].start, run[-1].end)
        has_number = any(map(str.isdigit, text[start:end]))
        if rampart.STREET not in kinds or not has_number or (kinds & _PARTS) == {rampart.STREET} and end - start < 8:
            continue
        if (
            not text[start].isalnum()
            or text[start - 1 : start] in _CODE
            and start
            or text[end : end + 1] in _CODE
            and end < len(text)
        ):
            continue
        scores = [word.score for word in run if word.kind == rampart.STREET]
        yield start, end, round(max(scores), 3)


def _runs(text: str, words: Sequence[Word]) -> Iterator[list[Word]]:
    run: list[Word] = []
    for word in words:
        if word.kind not in _PARTS or word.score < _LEAST_SCORE:
            continue
        if run and not _adjoins(text, run[-1].end, word.start):
            yield run
            run = []
        run.append(word)
    if run:
        yield run


def _with_number(text: str, start: int, end: int) -> tuple[int, int]:
    """With the house number beside it that the model left out."""
    if any(map(str.isdigit, text[start:end])):
        return start, end
    before, after = _NUMBER_BEFORE.search(text, max(0, start - 10), start), _NUMBER_AFTER.match(text, end)
    if before:
        return before.start(1), end
    return start, after.end() if after else end


def _without_a_name_above(text: str, run: list[Word]) -> list[Word]:
    """The model takes the name on an envelope for a street: an address begins with a line that has a number."""
    for at, word in enumerate(run):
        if at and "\n" in text[run[at - 1].end : word.start]:
            above = text[run[0].start : run[at - 1].end]
            return run if any(map(str.isdigit, above)) else run[at:]
    return run


def _adjoins(text: str, end: int, start: int) -> bool:
    gap = text[end:start]
    return len(gap) <= _LONGEST_GAP and not any(c.isalnum() or c in _CODE for c in gap)
