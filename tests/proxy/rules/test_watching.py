"""An answer that a rule forbids does not reach the client, whole or streamed, however the stream is cut."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.formats.document import Document
from proxy.formats.sse import Event, Reader
from proxy.rules import compiling
from proxy.rules.rule import Place, Rule
from proxy.rules.watching import Watch

BLOCKING = {
    "name": "no-bombs",
    "on": ["response"],
    "match": {"keywords": ["bomb"]},
    "action": "block",
    "message": "No.",
}
REDACTING = {"name": "no-ids", "on": ["response"], "match": {"regex": r"CUST-\d{4}", "longest": 9}, "action": "redact"}
SHELL = {
    "name": "no-shell",
    "on": ["tool_use"],
    "match": {"tool_names": ["bash*"]},
    "action": "block",
    "message": "No.",
}
REMOVAL = {
    "name": "no-removal",
    "on": ["tool_use"],
    "match": {"tool_input": {"command": r"rm\s+-rf"}},
    "action": "block",
    "message": "No.",
}


class Refused(Exception):
    pass


def watching(*rules: dict[str, Any], mode: str = "enforce") -> tuple[Watch, list[str]]:
    policy = compiling.compiled({}, {"mode": mode, "rules": list(rules)})
    assert policy is not None
    noted: list[str] = []

    def note(rule: Rule, _place: Place) -> None:
        noted.append(rule.name)

    return Watch(policy, note, lambda rule: Refused(rule.name), applies=policy.rules), noted


def quietly(rule: dict[str, Any]) -> dict[str, Any]:
    return {**rule, "ending": "end_turn"}


def stream(*blocks: dict[str, Any], pieces: int = 1) -> list[Event]:
    events = [_event("message_start", message={"content": [], "usage": {"input_tokens": 7, "output_tokens": 1}})]
    for index, block in enumerate(blocks):
        events += _block(index, block, pieces)
    usage = {"output_tokens": 9}
    events.append(_event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage=usage))
    return [*events, _event("message_stop")]


def _block(index: int, block: dict[str, Any], pieces: int) -> list[Event]:
    is_text = block["type"] == "text"
    whole = block["text"] if is_text else json.dumps(block["input"])
    step = max(len(whole) // pieces, 1)
    parts = [whole[at : at + step] for at in range(0, len(whole), step)]
    deltas = [
        {"type": "text_delta", "text": part} if is_text else {"type": "input_json_delta", "partial_json": part}
        for part in parts
    ]
    start = {**block, "text": ""} if is_text else {**block, "input": {}}
    return [
        _event("content_block_start", index=index, content_block=start),
        *(_event("content_block_delta", index=index, delta=delta) for delta in deltas),
        _event("content_block_stop", index=index),
    ]


def _event(name: str, **payload: Any) -> Event:
    return Event.build(name, {"type": name, **payload})


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def tool(name: str, **given: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": "toolu_1", "name": name, "input": given}


def seen(watch: Watch, events: list[Event]) -> list[Event]:
    out = [shown for event in events for shown in watch.feed(event)]
    return [*out, *watch.finish()]


def read(events: list[Event]) -> str:
    return "".join(event.json()["delta"].get("text", "") for event in events if event.name == "content_block_delta")


@given(st.integers(1, 60))
def test_a_blocked_word_ends_the_stream_before_its_first_letter(pieces: int) -> None:
    watch, noted = watching(BLOCKING)
    events = stream(text("It takes patience to build a bomb at home, they say."), pieces=pieces)
    out: list[Event] = []
    with pytest.raises(Refused):
        for event in events:
            out += watch.feed(event)
    assert "bomb" not in read(out)
    assert noted == ["no-bombs"]


@given(st.integers(1, 60))
def test_a_quiet_ending_is_a_whole_message_with_the_rules_own_words(pieces: int) -> None:
    watch, _noted = watching(quietly(BLOCKING))
    out = seen(watch, stream(text("A bomb at home."), text("More."), pieces=pieces))
    assert watch.is_over
    assert read(out).endswith("No.") and "bomb" not in read(out) and "More" not in read(out)
    names = [event.name for event in out]
    assert names[-1] == "message_stop" and names.count("message_stop") == 1
    assert names.count("content_block_start") == names.count("content_block_stop")
    assert out[-2].json()["delta"]["stop_reason"] == "end_turn"


@given(st.integers(1, 60))
def test_covered_words_are_the_same_streamed_and_whole(pieces: int) -> None:
    words = "Ask CUST-1234 or CUST-123 or CUST-99999."
    streamed = read(seen(watching(REDACTING)[0], stream(text(words), pieces=pieces)))
    whole = watching(REDACTING)[0].document(Document.parse(json.dumps({"content": [text(words)]}).encode()))
    assert streamed == whole.value["content"][0]["text"] == "Ask [REDACTED] or CUST-123 or [REDACTED]9."


def test_a_rule_in_monitor_mode_is_noted_and_changes_no_byte() -> None:
    events = stream(text("A bomb for CUST-1234, said the man in the street."), tool("bash", command="ls"))
    watch, noted = watching(BLOCKING, REDACTING, SHELL, mode="monitor")
    out = seen(watch, events)
    assert read(out) == read(events)
    assert sorted(noted) == ["no-bombs", "no-ids", "no-shell"]


@pytest.mark.parametrize("rule", [SHELL, REMOVAL], ids=["by its name", "by its input"])
@pytest.mark.parametrize("pieces", [1, 7])
def test_a_blocked_tool_never_reaches_the_client_half_way(rule: dict[str, Any], pieces: int) -> None:
    watch, _noted = watching(rule)
    out: list[Event] = []
    with pytest.raises(Refused):
        for event in stream(text("Now."), tool("Bash", command="sudo rm  -rf /"), pieces=pieces):
            out += watch.feed(event)
    assert b"tool_use" not in b"".join(event.raw for event in out)


def test_another_tool_comes_through_byte_for_byte() -> None:
    events = stream(text("Now."), tool("Read", path="/tmp/rm"), pieces=3)
    watch, noted = watching(SHELL, REMOVAL)
    assert b"".join(event.raw for event in seen(watch, events)) == b"".join(event.raw for event in events)
    assert noted == []


def test_a_blocked_whole_answer_is_refused_or_ends_with_the_rules_words() -> None:
    body = {"id": "msg_1", "content": [text("A bomb.")], "stop_reason": "max_tokens", "usage": {"output_tokens": 3}}
    document = Document.parse(json.dumps(body).encode())
    with pytest.raises(Refused):
        watching(BLOCKING)[0].document(document)
    ended = watching(quietly(BLOCKING))[0].document(document).value
    assert (ended["content"], ended["stop_reason"], ended["usage"]) == ([text("No.")], "end_turn", {"output_tokens": 3})


def test_thinking_and_events_of_later_versions_pass() -> None:
    raw = b'event: news\ndata: {"text": "bomb"}\n\nevent: content_block_delta\ndata: {"index": 0, "delta": '
    raw += b'{"type": "thinking_delta", "thinking": "a bomb"}}\n\nevent: content_block_delta\ndata: no json\n\n'
    watch, _noted = watching(BLOCKING)
    assert b"".join(event.raw for event in seen(watch, Reader().feed(raw))) == raw


@pytest.mark.parametrize("kind", [["tool_use"], {"a": 1}, None, 7])
def test_a_block_whose_type_is_no_word_passes(kind: Any) -> None:
    events = [_event("content_block_start", index=0, content_block={"type": kind})]
    assert seen(watching(SHELL, BLOCKING)[0], events) == events
    document = Document.parse(json.dumps({"content": [{"type": kind}]}).encode())
    assert watching(SHELL, BLOCKING)[0].document(document) is document
