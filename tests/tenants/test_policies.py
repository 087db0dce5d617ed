"""A policy that could not do what it says is not saved; the error names the rule and the field."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from tenants import policies

RULE: dict[str, Any] = {"name": "r", "on": ["request"], "match": {"keywords": ["bomb"]}, "action": "block"}


def checked(**changes: Any) -> None:
    policies.check_policy({"rules": [{**RULE, **changes}]})


def test_every_kind_of_rule_is_accepted() -> None:
    policies.check_policy(
        {
            "mode": "monitor",
            "rules": [
                {**RULE, "severity": "high", "notes": "n", "examples": {"match": ["a b0mb"], "miss": ["bombast"]}},
                {
                    "name": "ids",
                    "on": ["response"],
                    "match": {"regex": "CUST-\\d{8}", "longest": 13},
                    "action": "redact",
                },
                {"name": "sh", "on": ["tools", "tool_use"], "match": {"tool_names": ["bash*"]}, "action": "block"},
                {
                    "name": "rm",
                    "on": ["tool_use"],
                    "match": {"tool_input": {"command": "rm -rf"}},
                    "action": "block",
                    "when": {"untrusted": True, "metadata": {"team": "a"}},
                    "ending": "end_turn",
                },
                {"name": "big", "on": ["request"], "match": {"max_tokens_over": 9}, "action": "route", "model": "m"},
                {"name": "pii", "on": ["request"], "match": {"pii": ["PERSON"]}, "action": "flag"},
                {
                    "name": "inj",
                    "on": ["request", "tool_results"],
                    "match": {"detector": "prompt_injection", "threshold": 0.8},
                    "action": "flag",
                },
            ],
        }
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "A b"}, "rules[0] (A b): name: lower-case"),
        ({"on": ["nowhere"]}, "on: 'nowhere' is unknown. Known here: request"),
        ({"match": {}}, "match: give at least one of keywords"),
        ({"match": {"keyword": ["x"]}}, "match: 'keyword' is unknown. Known here: keywords"),
        ({"match": {"regex": "(?=a)"}}, "match: regex: "),
        ({"match": {"regex": "a*"}}, "matches the empty text"),
        ({"action": "explode"}, "action: it must be one of block"),
        ({"action": "route"}, "model: name the model"),
        ({"on": ["response"], "action": "allow"}, "before there is an answer"),
        ({"on": ["tool_use"], "action": "redact"}, "can be redacted"),
        ({"match": {"tool_names": ["bash"]}}, "tool_names and tool_input fit rules on tools"),
        ({"on": ["response"], "match": {"detector": "jailbreak"}, "action": "redact"}, "only texts that keywords"),
        ({"on": ["response"], "match": {"detector": "jailbreak", "keywords": ["x"]}}, "it stands alone"),
        ({"match": {"detector": "secrets"}, "action": "route", "model": "m"}, "blocked or flagged"),
        ({"match": {"detector": "topic"}}, "topics: the detector topic needs it"),
        ({"match": {"detector": "topic", "topics": ["x"] * 51}}, "1 to 50"),
        ({"match": {"detector": "http"}}, "server: the detector http needs it"),
        ({"match": {"detector": "http", "server": "g", "seconds": 31}}, "from 0.1 to 30"),
        ({"match": {"detector": "language"}}, "which languages are allowed"),
        ({"match": {"detector": "language", "allowed": ["xx"]}}, "'xx' is no language"),
        ({"match": {"detector": "language", "allowed": ["en"], "forbidden": ["de"]}}, "allowed, or which"),
        ({"match": {"keywords": ["x"], "topics": ["y"]}}, "it belongs to the detector topic"),
        ({"match": {"pii": ["PERSON"]}, "action": "redact"}, "match.pii: it blocks or flags requests"),
        ({"on": ["request", "response"], "match": {"pii": ["PERSON"]}}, "match.pii: it blocks or flags requests"),
        ({"match": {"detector": "astrology"}}, "detector: it must be one of"),
        ({"match": {"keywords": ["x"], "threshold": 0.5}}, "threshold: it belongs to the detector"),
        ({"examples": {"match": ["a cake"]}}, "examples.match: 'a cake' does not match"),
        ({"examples": {"miss": ["a BOMB"]}}, "examples.miss: 'a BOMB' matches"),
        ({"match": {"models": ["m"]}, "examples": {"match": ["m"]}}, "examples: they prove keywords"),
        ({"colour": "red"}, "'colour' is unknown"),
        ({"when": {"weekday": 1}}, "when: 'weekday' is unknown"),
    ],
)
def test_what_cannot_work_is_refused_by_name(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        checked(**changes)
    assert said in " ".join(refused.value.messages)


def test_two_rules_of_one_name_are_refused() -> None:
    with pytest.raises(ValidationError, match="another rule has it already"):
        policies.check_policy({"rules": [RULE, RULE]})


@pytest.mark.parametrize("value", [[], {"rules": {}}, {"rules": "x"}, {"rules": [1]}, {"mode": "off"}, {"x": 1}])
def test_what_is_no_policy_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError):
        policies.check_policy(value)
