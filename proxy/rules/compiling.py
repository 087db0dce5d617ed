"""A policy as it is written down becomes rules. What it holds was checked when it was saved (tenants/policies.py)."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any

import orjson

from matching.needles import LONGEST, Keyword, Needle, Pattern
from proxy.formats.globs import Globs
from proxy.rules.policy import Policy
from proxy.rules.rule import Action, Asked, InputRule, Place, Rule
from tenants import detectors


def compiled(platform: Mapping[str, Any], tenant: Mapping[str, Any]) -> Policy | None:
    """The platform's rules above the tenant's, which cannot weaken them. None: there are none."""
    if not (platform.get("rules") or tenant.get("rules")):
        return None
    return _compiled(orjson.dumps([platform, tenant], option=orjson.OPT_SORT_KEYS))


@lru_cache(maxsize=1024)
def _compiled(written: bytes) -> Policy:
    """One for all keys of a tenant: what it remembers of the texts it has judged helps them all."""
    platform, tenant = orjson.loads(written)
    rules = [*_rules(platform, is_platform=True), *_rules(tenant, is_platform=False)]
    return Policy(rules, sha256(written).digest())


def _rules(document: Mapping[str, Any], *, is_platform: bool) -> list[Rule]:
    mode = document.get("mode", "enforce")
    return [_rule(given, mode, is_platform) for given in document.get("rules", [])]


def _rule(given: Mapping[str, Any], mode: str, is_platform: bool) -> Rule:
    match = given["match"]
    when = given.get("when", {})
    asked = _asked(match) if match.get("detector") in detectors.ASKED else None
    return Rule(
        name=given["name"],
        places=frozenset(Place(place) for place in given["on"]),
        action=Action(given["action"]),
        is_enforced=mode == "enforce" and given.get("mode", "enforce") == "enforce",
        message=given.get("message") or f"Your organisation's policy ({given['name']}) does not allow this.",
        severity=given.get("severity", "medium"),
        needles=_needles(match),
        detector="" if asked else match.get("detector", ""),
        threshold=match.get("threshold", detectors.THRESHOLD),
        asked=asked,
        tool_names=_folded(match["tool_names"]) if "tool_names" in match else None,
        tool_input=[
            InputRule(Globs([path]), (Pattern(regex, LONGEST * 100),))
            for path, regex in match.get("tool_input", {}).items()
        ],
        models=Globs(match["models"]) if "models" in match else None,
        max_tokens_over=match.get("max_tokens_over"),
        attachments=frozenset(match.get("attachments", ())),
        pii=frozenset(match.get("pii", ())),
        route_to=given.get("model", ""),
        metadata=when.get("metadata", {}),
        after_untrusted=when.get("untrusted", False),
        ends_quietly=given.get("ending") == "end_turn",
        is_platform=is_platform,
    )


def _asked(match: Mapping[str, Any]) -> Asked:
    name = match["detector"]
    return Asked(
        detector=name,
        threshold=match.get("threshold", detectors.ASKED[name]),
        seconds=match.get("seconds", detectors.SECONDS),
        fails_open=match.get("on_failure") == "open",
        allowed=frozenset(match.get("allowed", ())),
        forbidden=frozenset(match.get("forbidden", ())),
        topics=tuple(match.get("topics", ())),
        server=match.get("server", ""),
    )


def _needles(match: Mapping[str, Any]) -> tuple[Needle, ...]:
    words = tuple(Keyword(word) for word in match.get("keywords", ()))
    if "regex" not in match:
        return words
    return (*words, Pattern(match["regex"], match.get("longest", LONGEST)))


def _folded(names: Sequence[str]) -> Globs:
    return Globs([name.casefold() for name in names])
