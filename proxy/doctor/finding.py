"""What one check found, and how to mend it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

_MARKS = {"ok": "ok  ", "warn": "WARN", "fail": "FAIL"}


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check. `fail` makes the doctor exit with 1; `warn` does not."""

    name: str
    level: Literal["ok", "warn", "fail"]
    found: str
    remedy: str = ""


def ok(name: str, found: str) -> Finding:
    """All is well."""
    return Finding(name, "ok", found)


def warn(name: str, found: str, remedy: str) -> Finding:
    """It works, but somebody should look."""
    return Finding(name, "warn", found, remedy)


def fail(name: str, found: str, remedy: str) -> Finding:
    """Something does not work."""
    return Finding(name, "fail", found, remedy)


def has_failed(findings: Sequence[Finding]) -> bool:
    """Whether anything must be mended."""
    return any(finding.level == "fail" for finding in findings)


def as_text(findings: Sequence[Finding]) -> str:
    """For people: a line for each, its remedy below, a sum at the end."""
    width = max((len(finding.name) for finding in findings), default=0)
    lines = []
    for finding in findings:
        lines.append(f"{_MARKS[finding.level]}  {finding.name:<{width}}  {finding.found}")
        if finding.remedy:
            lines.append(f"{'':6}{'':<{width}}  → {finding.remedy}")
    counts = {level: sum(finding.level == level for finding in findings) for level in _MARKS}
    return "\n".join([*lines, f"{counts['ok']} ok, {counts['warn']} to look at, {counts['fail']} to mend"])


def as_json(findings: Sequence[Finding]) -> str:
    """For programs."""
    checks = [asdict(finding) for finding in findings]
    return json.dumps({"ok": not has_failed(findings), "checks": checks}, ensure_ascii=False, indent=2)
