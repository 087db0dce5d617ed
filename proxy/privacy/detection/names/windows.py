"""Cuts a text into pieces the model reads one at a time. A pure function of the text: light, for the web process."""

import re
from collections.abc import Iterator

WINDOW_CHARS = 480  # the length at which the model finds most

_WORTH_READING = re.compile(r"[^\W\d_]{2}")


def cut(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of each window, in order, without the blank ones: whole lines where they fit, else at spaces."""
    start, size = 0, len(text)
    while start < size:
        end = _end(text, start, size)
        if _WORTH_READING.search(text, start, end):
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
