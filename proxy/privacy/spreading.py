"""What was recognised once in a request is known wherever it stands later: a name needs its context only once.

Only forwards, in the order in which upstreams cache: what is found in a text never depends on what comes behind it,
so what was sent in one turn is sent again to the byte in the next.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate

from proxy.formats.texts import Leaf
from proxy.privacy.detection import BY_MODEL, overlaps
from proxy.privacy.detection.detector import Found
from proxy.privacy.findings import Finding

_MOST_VALUES = 100
_LEAST_CHARS = 6


def spread(leaves: Sequence[Leaf], found: Sequence[Found]) -> Sequence[Found]:
    """The findings, and with them each later occurrence of the same value as a word of its own."""
    values = _values(leaves, found)
    if not values:
        return found
    text = "\0".join([leaf.text for leaf in leaves])
    starts = list(accumulate((len(leaf.text) + 1 for leaf in leaves), initial=0))
    more: dict[int, list[Finding]] = {}
    for value, (place, first) in values.items():
        for at in _words(text, value, starts[place] + first.end):
            leaf = bisect_right(starts, at) - 1
            start = at - starts[leaf]
            more.setdefault(leaf, []).append(replace(first, start=start, end=start + len(value)))
    if not more:
        return found
    return [overlaps.resolve([*one, *more[place]]) if place in more else one for place, one in enumerate(found)]


def _values(leaves: Sequence[Leaf], found: Sequence[Found]) -> dict[str, tuple[int, Finding]]:
    """The first values that are distinctive enough, with the first finding of each. Single names are common words."""
    values: dict[str, tuple[int, Finding]] = {}
    for place, (leaf, findings) in enumerate(zip(leaves, found, strict=True)):
        for finding in findings:
            value = leaf.text[finding.start : finding.end]
            is_distinctive = " " in value if finding.entity_type in BY_MODEL else True
            if len(value) >= _LEAST_CHARS and is_distinctive and len(values) < _MOST_VALUES:
                values.setdefault(value, (place, finding))
    return values


def _words(text: str, value: str, start: int) -> Iterator[int]:
    """Where the value stands between characters that make it no part of a longer word."""
    at = text.find(value, start)
    while at >= 0:
        end = at + len(value)
        if not (_is_word(text[at - 1 : at]) or _is_word(text[end : end + 1])):
            yield at
        at = text.find(value, end)


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"
