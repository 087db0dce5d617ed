"""What the pages of a policy show: the draft, or else what holds, with its rules as rows."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import yaml
from django.urls import reverse

from admin_ui.policy_counts import Hits
from admin_ui.policy_forms import PLACES
from matching.needles import BadPattern
from tenants import detectors, policies
from tenants.models import PolicyVersion, Tenant

State = PolicyVersion.State
_ORDER = (
    "mode",
    "name",
    "on",
    "match",
    "when",
    "action",
    "message",
    "model",
    "ending",
    "severity",
    "notes",
    "examples",
)
_ROUTES = ("", "new", "preview", "trial", "change", "prove", "replays")


@dataclass(frozen=True, slots=True)
class Opened:
    """A policy that somebody works on."""

    active: PolicyVersion | None
    draft: PolicyVersion | None

    @property
    def document(self) -> dict[str, Any]:
        """The draft, where there is one."""
        row = self.draft or self.active
        return dict(row.document) if row else {}

    @property
    def base(self) -> str:
        """Names the state that a form was opened in."""
        return sha256(json.dumps(self.document, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def mode(self) -> str:
        return str(self.document.get("mode", "enforce"))

    @property
    def rules(self) -> list[dict[str, Any]]:
        return list(self.document.get("rules", []))

    def rule(self, name: str) -> dict[str, Any] | None:
        """The rule of this name."""
        return next((rule for rule in self.rules if rule["name"] == name), None)

    def with_rule(self, rule: Mapping[str, Any], *, instead_of: str) -> dict[str, Any]:
        """The policy with a rule changed in its place, or added at the end."""
        rules = [rule if one["name"] == instead_of else one for one in self.rules]
        return {**self.document, "rules": rules if self.rule(instead_of) else [*rules, rule]}

    def without(self, name: str) -> dict[str, Any]:
        """The policy without a rule."""
        return {**self.document, "rules": [one for one in self.rules if one["name"] != name]}

    def moved(self, name: str, *, up: bool) -> dict[str, Any]:
        """The policy with a rule one place higher or lower."""
        rules = self.rules
        at = next((place for place, one in enumerate(rules) if one["name"] == name), None)
        other = None if at is None else at + (-1 if up else 1)
        if at is not None and other is not None and 0 <= other < len(rules):
            rules[at], rules[other] = rules[other], rules[at]
        return {**self.document, "rules": rules}


@dataclass(frozen=True, slots=True)
class Row:
    """One rule in the list."""

    rule: Mapping[str, Any]
    places: str
    looks_for: str
    is_watched: bool
    hits: Hits


def opened(tenant: Tenant | None) -> Opened:
    """The tenant's policy, or the platform's."""
    rows = {row.state: row for row in PolicyVersion.objects.filter(tenant=tenant, state__in=("draft", "active"))}
    return Opened(rows.get(State.ACTIVE), rows.get(State.DRAFT))


def rows(document: Mapping[str, Any], hits: Mapping[tuple[str, bool], Hits], *, is_platform: bool) -> list[Row]:
    """The rules of a policy in their order."""
    is_watched = document.get("mode") == "monitor"
    return [
        Row(
            rule,
            ", ".join(place.replace("_", " ") for place in PLACES if place in rule["on"]),
            _looks_for(rule["match"]),
            is_watched or rule.get("mode") == "monitor",
            hits.get((rule["name"], is_platform), Hits()),
        )
        for rule in document.get("rules", [])
    ]


def _looks_for(match: Mapping[str, Any]) -> str:
    """`project nightingale, atlas, …`, `CUST-\\d{8}`, `prompt_injection from 0.8`: what a line has room for."""
    words = [str(word) for word in match.get("keywords", [])]
    parts = [", ".join([*words[:3], *(["…"] if len(words) > 3 else [])])] if words else []
    parts += [str(match[name]) for name in ("regex",) if name in match]
    if "detector" in match:
        parts.append(_detector(match))
    parts += [", ".join(match[name]) for name in ("tool_names", "models", "attachments", "pii") if name in match]
    parts += [f"{path} = {regex}" for path, regex in match.get("tool_input", {}).items()]
    if "max_tokens_over" in match:
        parts.append(f"more than {match['max_tokens_over']} tokens")
    return " · ".join(parts)[:200]


def _detector(match: Mapping[str, Any]) -> str:
    name = match["detector"]
    least = match.get("threshold", detectors.ASKED.get(name, detectors.THRESHOLD))
    told = ", ".join([*match.get("allowed", ()), *(f"no {one}" for one in match.get("forbidden", ()))])
    about = told or match.get("server", "") or next(iter(match.get("topics", ())), "")
    return f"{name.replace('_', ' ')}{f' ({about})' if about else ''} from {least}"


def proved(rule: Mapping[str, Any]) -> list[tuple[str, bool, bool]]:
    """For each example whether it matches and whether it should; nothing while the rule cannot be read."""
    needles = policies.needles_of(rule["match"])
    examples: Mapping[str, Sequence[str]] = rule.get("examples", {})
    if not needles or not examples:
        return []
    try:
        return [(text, policies.finds(needles, text), should) for text, should in _examples(examples)]
    except BadPattern:
        return []


def _examples(examples: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, bool]]:
    for name, should in (("match", True), ("miss", False)):
        for text in examples.get(name, ()):
            yield text, should


def yaml_of(value: Mapping[str, Any]) -> str:
    """A rule or a policy as it is written in a file, its fields always in the same order."""
    shown = {**value, "rules": [_ordered(rule) for rule in value["rules"]]} if "rules" in value else _ordered(value)
    written = yaml.safe_dump(shown, sort_keys=False, allow_unicode=True, width=100) if value else ""
    return written.replace("'on':", "on:")  # a word like any other since YAML 1.2, which is what is read here


def _ordered(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {name: rule[name] for name in sorted(rule, key=lambda name: (*_ORDER, name).index(name))}


def addresses(tenant: Tenant | None) -> dict[str, Any]:
    """The pages of this policy, and the beginning of the names of its routes."""
    prefix, args = ("policies", [tenant.slug]) if tenant else ("all_policies", [])
    urls = {f"{name or 'index'}_url": reverse(f"{prefix}_{name}" if name else prefix, args=args) for name in _ROUTES}
    return {**urls, "tenant": tenant}
