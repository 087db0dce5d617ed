"""The proof passes where rules do what they say, and fails where the path would skip them, also on streams alone."""

from collections.abc import Iterable
from typing import Any

import pytest

from admin_ui.policy_templates import TEMPLATES
from proxy.formats.sse import Event
from proxy.proving import proof
from proxy.proving.sampling import sample
from proxy.rules.watching import Watch
from proxy.steps import policy as step

BOMB: dict[str, Any] = {
    "name": "bomb",
    "on": ["request", "tool_results", "response"],
    "match": {"keywords": ["bomb"]},
    "action": "block",
}
RULES: list[dict[str, Any]] = [
    *(dict(one.rule) for one in TEMPLATES.values()),
    BOMB,
    {"name": "ids", "on": ["request", "response"], "match": {"regex": r"CUST-\d{4}", "longest": 9}, "action": "redact"},
    {"name": "end", "on": ["response"], "match": {"keywords": ["tnt"]}, "action": "block", "ending": "end_turn"},
    {"name": "tools", "on": ["tools", "tool_use"], "match": {"tool_names": ["web*"]}, "action": "block"},
    {"name": "big", "on": ["request"], "match": {"max_tokens_over": 9000}, "action": "route", "model": "claude-x"},
    {"name": "pictures", "on": ["request"], "match": {"attachments": ["image"]}, "action": "flag"},
    {"name": "watched", "on": ["response"], "match": {"keywords": ["gun"]}, "action": "block", "mode": "monitor"},
    {
        "name": "kitchen",
        "on": ["request"],
        "match": {"keywords": ["knife"], "models": ["claude-*"]},
        "when": {"metadata": {"team": "kitchen"}},
        "action": "block",
    },
]


async def verdicts(*rules: dict[str, Any], platform: Iterable[dict[str, Any]] = ()) -> dict[tuple[str, str, str], str]:
    done = await proof.prove({"rules": list(platform)}, {"rules": list(rules)})
    return {(check.rule, check.place, check.way): check.verdict for check in done.checks}


async def test_every_kind_of_rule_is_proved_every_way() -> None:
    done = await proof.prove({}, {"rules": RULES})
    assert [check for check in done.checks if check.verdict != proof.PASS] == []
    assert {check.rule for check in done.checks} == {rule["name"] for rule in RULES}
    ways = {check.way for check in done.checks if check.rule == "bomb" and check.place == "request"}
    assert ways == {way.name for way in proof.WAYS}


async def test_a_guard_that_is_skipped_on_streams_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def let_go(_watch: Watch, event: Event) -> Iterable[Event]:
        return (event,)

    monkeypatch.setattr(Watch, "feed", let_go)
    found = await verdicts(BOMB)
    assert found["bomb", "response", "whole"] == "pass"
    assert found["bomb", "response", "stream"] == found["bomb", "response", "stream, byte by byte"] == "fail"


async def test_a_guard_that_notes_and_lets_through_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def noted(self: Any, _rule: Any) -> None:
        return None

    monkeypatch.setattr(step._Request, "redact", noted)
    found = await verdicts({**BOMB, "on": ["request"], "action": "redact"})
    assert set(found.values()) == {"fail"}


async def test_a_rule_below_one_that_decides_first_is_said_to_be_unreached() -> None:
    found = await verdicts({**BOMB, "name": "below"}, platform=[BOMB])
    assert found["bomb", "request", "whole"] == "pass"
    assert found["below", "request", "whole"] == "unreached"


@pytest.mark.parametrize("match", [{"regex": r"\pL{3}x"}, {"attachments": ["file"]}], ids=["pattern", "file"])
async def test_what_no_canary_can_be_made_for_is_said_to_be_unproven(match: dict[str, Any]) -> None:
    assert set((await verdicts({**BOMB, "on": ["request"], "match": match})).values()) == {"unproven"}


PII: dict[str, Any] = {"name": "pii", "on": ["request"], "match": {"pii": ["PERSON", "TERM"]}, "action": "block"}


@pytest.mark.parametrize(
    "more", [{}, {"keywords": ["salary"]}, {"max_tokens_over": 9000}], ids=["alone", "word", "long"]
)
@pytest.mark.parametrize("action", ["block", "flag"])
async def test_rules_that_ask_for_personal_data_are_proved_for_each_type(more: dict[str, Any], action: str) -> None:
    done = await proof.prove({}, {"rules": [{**PII, "match": {**PII["match"], **more}, "action": action}]})
    assert done.counts == {"pass": 6 if "max_tokens_over" in more else 8}


async def test_a_rule_that_asks_for_what_privacy_does_not_look_for_does_not_hold() -> None:
    done = await proof.prove({}, {"rules": [PII]}, looks_for=lambda name: name == "TERM")
    failed = [check for check in done.checks if check.verdict == proof.FAIL]
    assert done.counts == {"pass": 4, "fail": 1}
    assert failed[0].why == "privacy does not look for PERSON: switch it on there, to watch at least"


async def test_found_personal_data_that_no_rule_is_asked_about_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step.Judged, "check_found", lambda _judged, _types: None)
    assert (await proof.prove({}, {"rules": [PII]})).counts == {"fail": 8}


async def test_a_part_of_the_rules_is_proved_as_they_stand_together() -> None:
    done = await proof.prove({"rules": [BOMB]}, {"rules": [PII, {**BOMB, "name": "below"}]}, part=slice(2, 3))
    assert {check.rule for check in done.checks} == {"below"} and done.checks[0].verdict == "unreached"


async def test_without_rules_there_is_nothing_to_prove() -> None:
    assert (await proof.prove({}, {})).checks == []


@pytest.mark.parametrize(
    ("regex", "text"),
    [(r"CUST-\d{3}", "CUST-777"), ("(a|b)c+", "ac"), (r"^[^a-z]x?$", "7"), (r"(?i)rm\s+-rf", "rm -rf"), ("[", None)],
)
def test_a_text_is_made_from_a_plain_pattern(regex: str, text: str | None) -> None:
    assert sample(regex) == text


@pytest.mark.parametrize(
    "match",
    [
        {"detector": "prompt_injection"},
        {"detector": "jailbreak", "threshold": 0.9},
        {"detector": "secrets"},
        {"detector": "language", "allowed": ["en"]},
        {"detector": "language", "forbidden": ["fr"]},
        {"detector": "topic", "topics": ["Which shares should I buy?"]},
        {"detector": "http", "server": "guard"},
    ],
    ids=lambda match: match["detector"],
)
@pytest.mark.parametrize("more", [{}, {"ending": "end_turn"}, {"mode": "monitor"}, {"action": "flag"}], ids=str)
async def test_each_detector_is_proved_in_each_place_every_way(match: dict[str, Any], more: dict[str, str]) -> None:
    on = ["request", "tools", "tool_results", "response", "tool_use"]
    rule = {"name": "detected", "on": on, "match": match, "action": "block", "message": "No.", **more}
    done = await proof.prove({}, {"rules": [rule]})
    assert [check for check in done.checks if check.verdict != proof.PASS] == []
    assert done.counts == {"pass": 3 * 4 + 2 * 3}


async def test_a_detector_that_is_not_asked_about_answers_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step.Judged, "weighed", lambda _self, searched: searched)
    rule = {"name": "detected", "on": ["response"], "match": {"detector": "secrets"}, "action": "block"}
    assert set((await verdicts(rule)).values()) == {"fail"}


async def test_a_language_that_no_canary_is_written_in_is_unproven() -> None:
    rare = {"detector": "language", "forbidden": ["is"]}
    rule = {"name": "rare", "on": ["request"], "match": rare, "action": "block"}
    assert set((await verdicts(rule)).values()) == {"unproven"}
