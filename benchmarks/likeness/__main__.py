"""Hits and false hits of the semantic cache on pairs written by hand: `same.txt` and `different.toml`.

Half of the lines of each kind are for choosing the threshold, the other half for the figures. Words of the guard were
only ever corrected by the first half.
"""

import os
import tempfile
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import django
import numpy as np
from django.utils.module_loading import import_string

from proxy.answers.likeness import guard, reading

_FOLDER = Path(__file__).parent
_EMBED = "proxy.knowledge.embedding.minilm.embed"  # by name: it wants Django
_THRESHOLDS = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)


@dataclass(frozen=True)
class Pair:
    """Two texts; `kind` says what sets them apart, "same" that they ask the same."""

    kind: str
    is_for_choosing: bool
    texts: tuple[str, str]
    score: float = 0.0
    difference: str = ""


def pairs() -> list[Pair]:
    """All that are labelled, judged."""
    found = []
    lines = [line for line in (_FOLDER / "same.txt").read_text().splitlines() if line and not line.startswith("#")]
    for number, line in enumerate(lines):
        texts = [text.strip() for text in line.split(" | ")]
        found += [Pair("same", number % 2 == 0, two) for two in combinations(texts, 2)]
    for kind, twos in tomllib.loads((_FOLDER / "different.toml").read_text()).items():
        found += [Pair(kind, number % 2 == 0, tuple(two)) for number, two in enumerate(twos)]
    texts = sorted({text for pair in found for text in pair.texts})
    vectors = dict(zip(texts, import_string(_EMBED)(texts), strict=True))
    return [
        Pair(
            pair.kind,
            pair.is_for_choosing,
            pair.texts,
            float(np.dot(vectors[pair.texts[0]], vectors[pair.texts[1]])),
            guard.difference(*map(reading.read, pair.texts)),
        )
        for pair in found
    ]


def share(some: Sequence[Pair], threshold: float, *, guarded: bool) -> float:
    """How many of them would be hits."""
    hits = [pair for pair in some if pair.score >= threshold and not (guarded and pair.difference)]
    return len(hits) / max(len(some), 1)


def report(some: Sequence[Pair]) -> list[str]:
    """A table of hits and false hits at each threshold, with the guard and without."""
    same = [pair for pair in some if pair.kind == "same"]
    other = [pair for pair in some if pair.kind != "same"]
    lines = [
        f"{len(same)} pairs that ask the same, {len(other)} that only look alike",
        "threshold | hits | false hits | hits, no guard | false hits, no guard",
    ]
    for threshold in _THRESHOLDS:
        shares = [share(kind, threshold, guarded=guarded) for guarded in (True, False) for kind in (same, other)]
        lines.append(f"{threshold:9} | " + " | ".join(f"{100 * one:5.1f} %" for one in shares))
    return lines


def main() -> None:
    """Judge, print tables."""
    found = pairs()
    for name, is_for_choosing in (("For choosing", True), ("For the figures", False)):
        some = [pair for pair in found if pair.is_for_choosing == is_for_choosing]
        print(f"\n{name}: " + "\n".join(report(some)))
        for kind in sorted({pair.kind for pair in some} - {"same"}):
            of_kind = [pair for pair in some if pair.kind == kind]
            bare, kept = (share(of_kind, 0.8, guarded=guarded) for guarded in (False, True))
            print(f"  {kind:12} {len(of_kind):3} pairs, false hits at 0.8: {bare:6.1%} bare, {kept:6.1%} guarded")
    wrong = [pair for pair in found if pair.is_for_choosing and pair.kind != "same" and not pair.difference]
    for pair in wrong:
        print(f"  let through: {pair.kind} {pair.score:.3f} {pair.texts}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="llmp-eval-") as folder:
        os.environ |= {"LLMP_DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "proxy.settings"}
        django.setup()
        main()
