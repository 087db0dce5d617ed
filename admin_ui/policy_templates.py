"""Rules to start from: what most organisations want first, each in monitor mode, each with examples that prove it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Template:
    """A rule and why one would want it."""

    title: str
    why: str
    rule: Mapping[str, Any]


TEMPLATES: Mapping[str, Template] = {
    "no-secrets-in-answers": Template(
        "No secrets in answers",
        "Keys and tokens of well-known services that a model writes are covered up.",
        {
            "name": "no-secrets-in-answers",
            "on": ["response"],
            "match": {
                "regex": r"\b(?:AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}|sk-[A-Za-z0-9_-]{20,150}"
                r"|xox[abprs]-[A-Za-z0-9-]{10,72}|AIza[0-9A-Za-z_-]{35})\b",
                "longest": 160,
            },
            "action": "redact",
            "severity": "high",
            "examples": {"match": ["the key is AKIAIOSFODNN7EXAMPLE"], "miss": ["set AWS_ACCESS_KEY_ID first"]},
        },
    ),
    "flag-prompt-injection": Template(
        "Flag prompt injection in tool results",
        "Web pages and files that give orders to the model are noted in the reply and the request's page.",
        {
            "name": "flag-prompt-injection",
            "on": ["tool_results"],
            "match": {"detector": "prompt_injection", "threshold": 0.8},
            "action": "flag",
            "severity": "high",
        },
    ),
    "no-shell-after-untrusted": Template(
        "No shell after untrusted content",
        "Where a tool's result gives orders, the model may not call Bash in the same request.",
        {
            "name": "no-shell-after-untrusted",
            "on": ["tool_use"],
            "match": {"tool_names": ["bash*", "shell*"]},
            "when": {"untrusted": True},
            "action": "block",
            "severity": "critical",
            "message": "A tool's result tried to give orders, so no shell is run after it.",
        },
    ),
    "no-destructive-commands": Template(
        "No destructive commands",
        "Recursive deletes of a root or home folder, and force pushes, never reach the client.",
        {
            "name": "no-destructive-commands",
            "on": ["tool_use"],
            "match": {
                "tool_names": ["bash*"],
                "tool_input": {"command": r"rm\s+-[a-z]*r[a-z]*f?\s+(/|~)|git\s+push\s+.*--force"},
            },
            "action": "block",
            "severity": "critical",
        },
    ),
    "project-names": Template(
        "Keep project names inside",
        "Requests that name what nobody outside should know of are refused.",
        {
            "name": "project-names",
            "on": ["request", "tool_results"],
            "match": {"keywords": ["project nightingale"]},
            "action": "block",
            "severity": "high",
            "message": "This names a confidential project, so it was not sent.",
            "examples": {"match": ["about Project  Nightingale"], "miss": ["a nightingale sings"]},
        },
    ),
}
"""By the name in the address."""


def rule_of(name: str) -> dict[str, Any]:
    """The template's rule, watched only until somebody enforces it; nothing for an unknown name."""
    found = TEMPLATES.get(name)
    return {**found.rule, "mode": "monitor"} if found else {}
