"""Cuts a text into pieces the model reads one at a time. A pure function of the text: light, for the web process."""

import re
from collections.abc import Iterator

from proxy.privacy.detection.names import words

WINDOW_CHARS = 480  # the length at which the model finds most

_WORD = re.compile(r"(?<![\w.$@/\\-])[^\W\d_]{2,}(?:['’-][^\W\d_]+)*(?![\w(]|\.\w)")
_ADJOINING = re.compile(r"[ \t]{1,2}|[ \t]?\n[ \t]*")


def cut(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of each window in which a name can be, in order: whole lines where they fit, else at spaces."""
    start, size = 0, len(text)
    while start < size:
        end = _end(text, start, size)
        if _may_hold_names(text, start, end):
            yield start, end
        start = end


def _end(text: str, start: int, size: int) -> int:
    limit = start + WINDOW_CHARS
    if limit >= size:
        return size
    for border in ("\n\n", "\n", ". ", " "):
        found = text.rfind(border, start + WINDOW_CHARS // (4 if border == "\n\n" else 2), limit)
        if found >= 0:
            return found + len(border)
    return limit


def _may_hold_names(text: str, start: int, end: int) -> bool:
    """Whether there is a word that is not a common one where a name could be: most windows of code have none."""
    last_unknown = -1
    for match in _WORD.finditer(text, start, end):
        word = match[0]
        if words.is_common(word) or words.CAMEL_CASE.search(word):
            continue
        if word[0].isupper() and not word.isupper():
            return True
        if last_unknown >= 0 and _ADJOINING.fullmatch(text, last_unknown, match.start()):
            return True
        if words.PERSON_CUE.search(text, max(start, match.start() - 20), match.start()):
            return True
        last_unknown = match.end()
    return False
