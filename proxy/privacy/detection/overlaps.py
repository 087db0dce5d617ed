"""One finding for each stretch of text, whatever order they were found in."""

import bisect
from collections.abc import Iterable

from proxy.privacy.findings import Finding


def resolve(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings without overlaps, by place. The surer wins, then the longer, the earlier, the type's name."""
    ranked = sorted(findings, key=lambda found: (-found.score, found.start - found.end, found.start, found.entity_type))
    kept: list[Finding] = []
    taken = _Stretches()
    for found in ranked:
        if taken.take(found.start, found.end):
            kept.append(found)
    return tuple(sorted(kept, key=lambda found: found.start))


class _Stretches:
    """Which stretches are taken: a sorted list of borders, so that a thousand findings cost no million looks."""

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
