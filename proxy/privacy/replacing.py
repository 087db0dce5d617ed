"""What becomes of findings: counted, replaced for good or for a while, or a reason to refuse."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from proxy.formats.splice import Path
from proxy.formats.texts import Leaf
from proxy.privacy.findings import Finding
from proxy.privacy.placeholders import Placeholders
from proxy.privacy.rules import STRICTNESS, Mode

ModeOf = Callable[[str], Mode]


@dataclass(slots=True)
class Tally:
    """How often each type was found, how sure and where; what was done about it. Never a value."""

    by_type: dict[str, dict[str, Any]] = field(default_factory=dict)
    types: set[str] = field(default_factory=set)  # of all that was looked for and found, within other findings too

    def add(self, finding: Finding, entity_type: str, mode: Mode, place: str) -> None:
        """Count one finding as the type that it was treated as."""
        known = self.by_type.get(entity_type)
        if known is None:
            known = self.by_type[entity_type] = {"count": 0, "mode": mode.value, "score": 0.0, "places": {}}
        known["count"] += 1
        known["score"] = max(known["score"], round(finding.score, 2))
        known["places"][place] = known["places"].get(place, 0) + 1

    def types_of(self, mode: Mode) -> list[str]:
        """The types of which findings were treated in this way."""
        return sorted(name for name, known in self.by_type.items() if known["mode"] == mode)

    def header(self) -> str:
        """`PERSON=2, EMAIL_ADDRESS=1`."""
        return ", ".join(f"{name}={known['count']}" for name, known in sorted(self.by_type.items()))


def treated(finding: Finding, mode_of: ModeOf) -> tuple[str, Mode]:
    """As which type a stretch is treated, and how: of all types found in it the strictest, else its own."""
    if not finding.within:
        return finding.entity_type, mode_of(finding.entity_type)
    strictest = max((finding.entity_type, *finding.within), key=lambda name: STRICTNESS[mode_of(name)])
    return strictest, mode_of(strictest)


def replaced(
    leaves: Iterable[Leaf],
    found: Iterable[Sequence[Finding]],
    mode_of: ModeOf,
    stand_ins: Placeholders,
    tally: Tally,
) -> dict[Path, str]:
    """The texts that change, by their paths. Findings of a text are in order and do not overlap."""
    changes = {}
    for leaf, findings in zip(leaves, found, strict=True):
        if findings and (text := _text(leaf, findings, mode_of, stand_ins, tally)) != leaf.text:
            changes[leaf.path] = text
    return changes


def _text(leaf: Leaf, findings: Sequence[Finding], mode_of: ModeOf, stand_ins: Placeholders, tally: Tally) -> str:
    pieces: list[str] = []
    copied = 0
    for finding in findings:
        entity_type, mode = treated(finding, mode_of)
        if mode is Mode.OFF:
            continue
        tally.add(finding, entity_type, mode, leaf.place)
        tally.types.update(name for name in (finding.entity_type, *finding.within) if mode_of(name) is not Mode.OFF)
        if mode is Mode.PSEUDONYMIZE:
            stand_in = stand_ins.stand_in(entity_type, leaf.text[finding.start : finding.end])
        elif mode is Mode.REDACT:
            stand_in = f"[{entity_type}]"
        else:
            continue
        pieces += leaf.text[copied : finding.start], stand_in
        copied = finding.end
    return "".join([*pieces, leaf.text[copied:]])
