"""Who writes a rule sees which rules fit a text or a request, and where."""

import json
from typing import Any

import pytest

from proxy.rules import compiling, trying
from proxy.rules.policy import Policy

WORD: dict[str, Any] = {
    "name": "word",
    "on": ["request", "response"],
    "match": {"keywords": ["bomb"]},
    "action": "block",
}
SHELL: dict[str, Any] = {"name": "shell", "on": ["tools"], "match": {"tool_names": ["bash*"]}, "action": "block"}
ORDERS: dict[str, Any] = {
    "name": "orders",
    "on": ["tool_results"],
    "match": {"detector": "prompt_injection", "threshold": 0.8},
    "action": "flag",
}


def made(*rules: dict[str, Any], platform: dict[str, Any] | None = None) -> Policy:
    policy = compiling.compiled(platform or {}, {"rules": list(rules)})
    assert policy is not None
    return policy


def asked(content: Any, **more: Any) -> str:
    return json.dumps({"model": "claude-x", "messages": [{"role": "user", "content": content}], **more})


def test_a_text_is_tried_in_every_place_and_its_words_are_marked() -> None:
    tried = trying.tried(made(WORD, SHELL), "it is a b0mb, they said")
    (fit,) = tried.fits
    assert [place.value for place in fit.places] == ["request", "response"]
    assert [piece.text for piece in fit.pieces if piece.is_marked] == ["b0mb"]
    assert "".join(piece.text for piece in fit.pieces) == "it is a b0mb, they said"
    assert tried.blocking is not None and tried.blocking.name == "word" and not tried.is_request


def test_only_a_bit_of_a_long_text_is_shown() -> None:
    (fit,) = trying.tried(made(WORD), f"{'a ' * 1000}bomb{' b' * 1000}").fits
    assert sum(len(piece.text) for piece in fit.pieces) < 200


def test_a_request_is_read_where_its_texts_are_and_by_its_tools() -> None:
    result = [{"type": "tool_result", "tool_use_id": "t", "content": "a bomb"}]
    tried = trying.tried(made(WORD, SHELL), asked(result, tools=[{"name": "Bash"}, {"name": "read"}]))
    assert [(fit.rule.name, fit.pieces[0].text) for fit in tried.fits] == [("shell", "Bash")]
    assert tried.is_request


@pytest.mark.parametrize(("model", "fits"), [("claude-*", 1), ("other-*", 0)])
def test_conditions_on_the_whole_request_count(model: str, fits: int) -> None:
    rule = {**WORD, "match": {"keywords": ["bomb"], "models": [model]}}
    assert len(trying.tried(made(rule), asked("a bomb")).fits) == fits


def test_a_watched_rule_and_one_below_an_allow_do_not_refuse() -> None:
    allow = {**WORD, "name": "allow", "on": ["request"], "action": "allow"}
    assert trying.tried(made({**WORD, "mode": "monitor"}), "a bomb").blocking is None
    assert trying.tried(made(allow, WORD), "a bomb").blocking is None
    above = trying.tried(made(allow, platform={"rules": [WORD]}), "a bomb").blocking
    assert above is not None and above.is_platform, "a tenant cannot allow what the platform forbids"


@pytest.mark.parametrize("given", ["", "{", "[]", '{"messages": 1}', '{"messages": [1]}', asked(None, tools=7)])
def test_whatever_is_pasted_is_answered(given: str) -> None:
    trying.tried(made(WORD, SHELL, ORDERS), given)


def test_a_rule_of_a_detector_on_tools_is_not_fitted_by_just_any_tool() -> None:
    rule = {**ORDERS, "on": ["tools"], "action": "block"}
    assert not trying.tried(made(rule), asked("hi", tools=[{"name": "read", "description": "reads"}])).fits
