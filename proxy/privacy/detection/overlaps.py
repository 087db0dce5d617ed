"""One finding for each stretch of text, whatever order they were found in."""

import bisect
from collections.abc import Iterable
from itertools import groupby

from proxy.privacy.findings import Finding


def resolve(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings without overlaps, by place. Of one type they become one; of two the longer wins, then the surer.

    The longer, because what it covers beyond the other would else be left in the text.
    """
    joined = [
        one
        for _, same in groupby(sorted(findings, key=_by_type), key=lambda one: one.entity_type)
        for one in _joined(same)
    ]
    ranked = sorted(joined, key=lambda one: (one.start - one.end, -one.score, one.start, one.entity_type))
    taken = _Stretches()
    kept = [one for one in ranked if taken.take(one.start, one.end)]
    return tuple(sorted(kept, key=lambda one: one.start))


def _by_type(one: Finding) -> tuple[str, int, int]:
    return one.entity_type, one.start, one.end


def _joined(findings: Iterable[Finding]) -> list[Finding]:
    """Findings of one type, by place: those that overlap as one, as sure as the surest of them."""
    joined: list[Finding] = []
    for one in findings:
        if joined and one.start < joined[-1].end:
            last = joined.pop()
            one = Finding(last.start, max(last.end, one.end), one.entity_type, max(last.score, one.score))
        joined.append(one)
    return joined


class _Stretches:
    """Which stretches are taken: sorted borders, so that a thousand findings cost no million looks."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def take(self, start: int, end: int) -> bool:
        at = bisect.bisect_right(self._starts, start)
        if at and self._ends[at - 1] > start:
            return False
        if at < len(self._starts) and self._starts[at] < end:
            return False
        self._starts.insert(at, start)
        self._ends.insert(at, end)
        return True
