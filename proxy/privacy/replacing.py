"""What becomes of findings: counted, replaced for good or for a while, or a reason to refuse."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from proxy.formats.splice import Path
from proxy.formats.texts import Leaf
from proxy.privacy.findings import Finding
from proxy.privacy.placeholders import Placeholders
from proxy.privacy.rules import Mode

ModeOf = Callable[[str], Mode]


@dataclass(slots=True)
class Tally:
    """How often each type was found, how sure and where; what was done about it. Never a value."""

    by_type: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, finding: Finding, mode: Mode, place: str) -> None:
        """Count one finding."""
        known = self.by_type.get(finding.entity_type)
        if known is None:
            known = self.by_type[finding.entity_type] = {"count": 0, "mode": mode.value, "score": 0.0, "places": {}}
        known["count"] += 1
        known["score"] = max(known["score"], round(finding.score, 2))
        known["places"][place] = known["places"].get(place, 0) + 1

    def types_of(self, mode: Mode) -> list[str]:
        """The types of which findings were treated in this way."""
        return sorted(name for name, known in self.by_type.items() if known["mode"] == mode)

    def header(self) -> str:
        """`PERSON=2, EMAIL_ADDRESS=1`."""
        return ", ".join(f"{name}={known['count']}" for name, known in sorted(self.by_type.items()))


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
        mode = mode_of(finding.entity_type)
        if mode is Mode.OFF:
            continue
        tally.add(finding, mode, leaf.place)
        if mode is Mode.PSEUDONYMIZE:
            stand_in = stand_ins.stand_in(finding.entity_type, leaf.text[finding.start : finding.end])
        elif mode is Mode.REDACT:
            stand_in = f"[{finding.entity_type}]"
        else:
            continue
        pieces += leaf.text[copied : finding.start], stand_in
        copied = finding.end
    return "".join([*pieces, leaf.text[copied:]])
