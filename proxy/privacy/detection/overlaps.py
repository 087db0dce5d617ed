"""One finding for each stretch of text, whatever order they were found in."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from proxy.privacy.findings import Finding


def resolve(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings without overlaps, by place: what overlaps becomes one finding that covers all of it.

    Its type is that of the longest stretch, then of the surest; the others are `within` it. Nothing that was found is
    left in the text, and what is done with the stretch can go by the strictest of its types.
    """
    return tuple(_one(overlapping) for overlapping in _touching(sorted(_joined(findings), key=_place)))


def _joined(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Findings of one type that overlap as one, as sure as the surest of them."""
    by_type = sorted(findings, key=lambda one: (one.entity_type, *_place(one)))
    for _, same in groupby(by_type, key=lambda one: one.entity_type):
        for overlapping in _touching(same):
            surest = max(overlapping, key=lambda one: one.score)
            yield surest if len(overlapping) == 1 else _covering(overlapping, surest)


def _touching(findings: Iterable[Finding]) -> Iterator[list[Finding]]:
    """Findings by place, in groups that share characters."""
    group: list[Finding] = []
    end = 0
    for one in findings:
        if group and one.start >= end:
            yield group
            group, end = [], 0
        group.append(one)
        end = max(end, one.end)
    if group:
        yield group


def _one(overlapping: list[Finding]) -> Finding:
    if len(overlapping) == 1:
        return overlapping[0]
    return _covering(
        overlapping, min(overlapping, key=lambda one: (one.start - one.end, -one.score, one.start, one.entity_type))
    )


def _covering(overlapping: list[Finding], first: Finding) -> Finding:
    others = {name for one in overlapping for name in (one.entity_type, *one.within)} - {first.entity_type}
    end = max(one.end for one in overlapping)
    return Finding(overlapping[0].start, end, first.entity_type, first.score, tuple(sorted(others)))


def _place(one: Finding) -> tuple[int, int]:
    return one.start, one.end
