"""Counts and what they say, with 95 % confidence intervals."""

import math
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.pii.fill import Label, Labelled
from proxy.privacy.findings import Finding

_LEAST_SHARE = 0.5  # of a label that a finding has to cover, and of a finding that labels have to cover
_RESAMPLES = 400


@dataclass
class Counts:
    """Labels found and missed, findings that are right and wrong."""

    found: int = 0
    missed: int = 0
    right: int = 0
    wrong: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.found + other.found, self.missed + other.missed, self.right + other.right, self.wrong + other.wrong
        )

    @property
    def recall(self) -> float:
        return self.found / max(1, self.found + self.missed)

    @property
    def precision(self) -> float:
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0

    def f(self, beta: float) -> float:
        """The F measure; beta 2 counts recall four times."""
        precision, recall = self.precision, self.recall
        below = beta * beta * precision + recall
        return (1 + beta * beta) * precision * recall / below if below else 0.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """One text: its counts by entity type, and the labelled characters that nothing covered."""

    text: Labelled
    counts: Mapping[str, Counts]
    leaked_chars: int
    labelled_chars: int
    mistakes: tuple[str, ...]


def compare(text: Labelled, findings: Sequence[Finding]) -> Outcome:
    """The findings against the labels."""
    counts: dict[str, Counts] = defaultdict(Counts)
    mistakes = []
    covered = {at for found in findings for at in range(found.start, found.end)}
    leaked = labelled = 0
    for label in text.labels:
        if not label.entity_type:
            continue
        labelled += label.end - label.start
        leaked += sum(at not in covered for at in range(label.start, label.end))
        is_found = _share(label, findings, label.entity_type) >= _LEAST_SHARE
        counts[label.entity_type] += Counts(found=is_found, missed=not is_found)
        if not is_found:
            mistakes.append(f"missed {label.entity_type} {text.text[label.start : label.end]!r}")
    for found in findings:
        if _share(found, text.labels, "") >= _LEAST_SHARE:
            continue
        is_right = _share(found, text.labels, found.entity_type) >= _LEAST_SHARE
        counts[found.entity_type] += Counts(right=is_right, wrong=not is_right)
        if not is_right:
            mistakes.append(f"wrong {found.entity_type} {text.text[found.start : found.end]!r} {found.score:.2f}")
    return Outcome(text, counts, leaked, labelled, tuple(mistakes))


def _share(one: Label | Finding, others: Iterable[Label | Finding], entity_type: str) -> float:
    stretches = [other for other in others if other.entity_type == entity_type]
    inside = {at for other in stretches for at in range(max(one.start, other.start), min(one.end, other.end))}
    return len(inside) / (one.end - one.start)


def by_type(outcomes: Iterable[Outcome]) -> dict[str, Counts]:
    """Counts of each entity type."""
    total: dict[str, Counts] = defaultdict(Counts)
    for outcome in outcomes:
        for entity_type, counts in outcome.counts.items():
            total[entity_type] += counts
    return dict(sorted(total.items()))


def total(outcomes: Iterable[Outcome], types: Iterable[str] | None = None) -> Counts:
    """Counts of these types together, or of all."""
    counted = by_type(outcomes)
    return sum((counted.get(name, Counts()) for name in (types or counted)), Counts())


def leaked(outcomes: Sequence[Outcome]) -> float:
    """The share of labelled characters that would have left the proxy."""
    return sum(one.leaked_chars for one in outcomes) / max(1, sum(one.labelled_chars for one in outcomes))


def wilson(part: int, whole: int) -> tuple[float, float]:
    """The interval of a share."""
    if not whole:
        return 0.0, 1.0
    z, share = 1.96, part / whole
    middle = share + z * z / (2 * whole)
    reach = z * math.sqrt(share * (1 - share) / whole + z * z / (4 * whole * whole))
    return max(0.0, (middle - reach) / (1 + z * z / whole)), min(1.0, (middle + reach) / (1 + z * z / whole))


def bootstrap(outcomes: Sequence[Outcome], figure: Callable[[Sequence[Outcome]], float]) -> tuple[float, float]:
    """The interval of a figure over texts: whole texts are drawn, because mistakes in one hang together."""
    pick = random.Random(1)
    drawn = sorted(figure(pick.choices(outcomes, k=len(outcomes))) for _ in range(_RESAMPLES))
    return drawn[int(0.025 * _RESAMPLES)], drawn[int(0.975 * _RESAMPLES) - 1]


def commonest(outcomes: Iterable[Outcome], most: int) -> list[tuple[str, int]]:
    """Mistakes by their kind of text and type, to learn from."""
    seen = Counter(
        f"{outcome.text.kind} {outcome.text.locale}: {mistake}" for outcome in outcomes for mistake in outcome.mistakes
    )
    return seen.most_common(most)
