"""What the pages of replays show."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from proxy.replays.models import PolicyReplay
from proxy.replays.report import EFFECTS, Report
from proxy.rules import trying
from proxy.rules.compiling import compiled
from proxy.rules.policy import Policy
from proxy.rules.rule import Place
from proxy.rules.trying import Fit
from proxy.transcripts.sealing import Said

SHOWN = 50


@dataclass(frozen=True, slots=True)
class EffectRow:
    """How many calls the two policies do one thing to."""

    effect: str
    tried: int
    holding: int
    newly: int
    no_longer: int


@dataclass(frozen=True, slots=True)
class RuleRow:
    """How many calls one rule fits under the two."""

    name: str
    is_platform: bool
    action: str
    is_enforced: bool
    tried: int
    holding: int

    @property
    def difference(self) -> int:
        return self.tried - self.holding


@dataclass(frozen=True, slots=True)
class CallRow:
    """One call, and what fits it."""

    name: str
    changes: Sequence[str]
    tried: Sequence[str]
    holding: Sequence[str]
    is_request: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """A replay's report in the words of its page."""

    report: Report
    effects: Sequence[EffectRow]
    rules: Sequence[RuleRow]
    differing: Sequence[CallRow]
    fitting: Sequence[CallRow]


def shown(row: PolicyReplay) -> Shown:
    """What its page says."""
    report = Report.of(row.report)
    effects = [
        EffectRow(
            effect,
            report.tried.get(effect, 0),
            report.holding.get(effect, 0),
            report.changes.get(f"newly {effect}", 0),
            report.changes.get(f"no longer {effect}", 0),
        )
        for effect in EFFECTS
    ]
    rules = [
        RuleRow(rule["name"], rule["is_platform"], rule["action"], rule["is_enforced"], rule["tried"], rule["holding"])
        for rule in report.rules.values()
    ]
    rules.sort(key=lambda rule: (-abs(rule.difference), -rule.tried, rule.name))
    is_request = row.days is not None
    return Shown(report, effects, rules, _calls(report.differing, is_request), _calls(report.fitting, is_request))


def _calls(rows: Sequence[Mapping[str, Any]], is_request: bool) -> list[CallRow]:
    return [
        CallRow(row["call"], row["changes"], row["tried"][1], row["holding"][1], is_request) for row in rows[:SHOWN]
    ]


def holds_call(row: PolicyReplay, name: str) -> bool:
    """Whether the report lists the call."""
    report = Report.of(row.report)
    return row.days is not None and any(one["call"] == name for one in (*report.differing, *report.fitting))


def places(row: PolicyReplay, said: Said) -> list[tuple[str, list[Fit]]]:
    """Where rules fit a kept call, under the policy that was tried and under the one that held."""
    sides = (("This policy", row.tried), ("What holds", row.holding))
    return [(words, _fits(compiled(row.above, document), said)) for words, document in sides]


def _fits(policy: Policy | None, said: Said) -> list[Fit]:
    if policy is None:
        return []
    fits = [*trying.tried(policy, said.request.decode()).fits]
    for text in _answered(said.answer or {}):
        fits += [fit for fit in trying.tried(policy, text).fits if Place.RESPONSE in fit.places]
    return fits


def _answered(message: Mapping[str, Any]) -> Iterator[str]:
    content = message.get("content")
    for block in content if isinstance(content, list) else ():
        if isinstance(block, dict) and block.get("type") == "text" and _is_no_request(str(block.get("text", ""))):
            yield str(block.get("text", ""))


def _is_no_request(text: str) -> bool:
    """A text that is the JSON of a request would be tried as one."""
    try:
        return not isinstance(orjson.loads(text), dict)
    except orjson.JSONDecodeError:
        return True
