"""Answers come back with the values that their request held, whole or streamed, whatever the stream is cut into."""

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.formats.document import Document
from proxy.formats.sse import Event, Reader
from proxy.privacy.answers import Restore
from proxy.privacy.placeholders import Placeholders
from proxy.privacy.restoring import Restorer
from tests.proxy.privacy.planted import KEY, VALUES

STAND_INS = Placeholders(KEY)
TOKENS = {value: STAND_INS.stand_in(entity_type, value) for value, entity_type in VALUES.items()}
TEXTS = st.lists(
    st.sampled_from([*VALUES, "[", "\\", "PERSON_", " see ", "\n", "é", "[PERSON_AAAAAAAA]"]), max_size=6
).map("".join)
JSONS = st.recursive(
    TEXTS | st.integers(), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3)
)
BLOCKS = st.lists(
    st.builds(lambda text: {"type": "text", "text": text}, TEXTS)
    | st.builds(lambda value: {"type": "tool_use", "id": "toolu_1", "name": "Edit", "input": {"a": value}}, JSONS)
    | st.builds(lambda text: {"type": "thinking", "thinking": text, "signature": text}, TEXTS)
    | st.builds(
        lambda text: {
            "type": "text",
            "text": "",
            "citations": [{"type": "char_location", "cited_text": text, "document_title": text, "file_id": text}],
        },
        TEXTS,
    ),
    max_size=4,
)


def hidden(value: Any) -> Any:
    """The value as the upstream saw it, keys too: a model may make one of any text."""
    if isinstance(value, str):
        for plain, token in TOKENS.items():
            value = value.replace(plain, token)
        return value
    if isinstance(value, dict):
        return {hidden(key): hidden(inner) for key, inner in value.items()}
    return [hidden(inner) for inner in value] if isinstance(value, list) else value


def expected(block: dict[str, Any]) -> dict[str, Any]:
    """What the client is to get: thinking and ids stay as the upstream sent them."""
    if block["type"] == "thinking":
        return dict(hidden(block))
    citations = [{**citation, "file_id": hidden(citation["file_id"])} for citation in block.get("citations", [])]
    return {**block, **({"citations": citations} if citations else {})}


def stream_of(blocks: Iterable[dict[str, Any]], cuts: list[int]) -> list[Event]:
    """The answer as Anthropic streams it, its texts cut at these lengths in turn."""
    events = [Event.build("message_start", {"type": "message_start", "message": {"usage": {"input_tokens": 1}}})]
    for index, block in enumerate(blocks):
        name, kind = {"text": ("text", "text_delta"), "tool_use": ("partial_json", "input_json_delta")}.get(
            block["type"], ("thinking", "thinking_delta")
        )
        text = json.dumps(block["input"], ensure_ascii=len(cuts) % 2 > 0) if "input" in block else block[name]
        empty = {"input": {}} if "input" in block else {name: ""}
        start = {**block, **empty, **({"citations": []} if "citations" in block else {})}
        events.append(Event.build("content_block_start", {"index": index, "content_block": start}))
        deltas = [{"type": "citations_delta", "citation": one} for one in block.get("citations", [])]
        deltas += [{"type": kind, name: piece} for piece in pieces(text, cuts)]
        events += [Event.build("content_block_delta", {"index": index, "delta": delta}) for delta in deltas]
        events.append(Event.build("content_block_stop", {"type": "content_block_stop", "index": index}))
        events.append(Event.build("ping", {"type": "ping"}))
    return [*events, Event.build("message_stop", {"type": "message_stop"})]


def pieces(text: str, cuts: list[int]) -> list[str]:
    found, at = [], 0
    for size in cuts:
        found.append(text[at : at + size])
        at += size
    return [*found, text[at:]]


def assembled(events: Iterable[Event]) -> list[dict[str, Any]]:
    """The blocks as an SDK puts them together."""
    blocks: list[dict[str, Any]] = []
    inputs: dict[int, str] = {}
    for event in events:
        payload = event.json()
        if event.name == "content_block_start":
            blocks.append(json.loads(json.dumps(payload["content_block"])))
        elif event.name == "content_block_delta":
            block, delta = blocks[payload["index"]], payload["delta"]
            if delta["type"] == "citations_delta":
                block["citations"].append(delta["citation"])
            elif delta["type"] == "input_json_delta":
                inputs[payload["index"]] = inputs.get(payload["index"], "") + delta["partial_json"]
            else:
                name = delta["type"].removesuffix("_delta")
                block[name] += delta[name]
        elif event.name == "content_block_stop" and payload["index"] in inputs:
            blocks[payload["index"]]["input"] = json.loads(inputs[payload["index"]])
    return blocks


def restore() -> Restore:
    return Restore(Restorer(STAND_INS), lambda _counts: None)


def through(filter_: Restore, events: Iterable[Event]) -> list[Event]:
    return [*(out for event in events for out in filter_.feed(event)), *filter_.finish()]


@given(BLOCKS, st.lists(st.integers(0, 30), max_size=12))
@settings(deadline=None)
def test_a_stream_is_restored_whatever_it_is_cut_into(blocks: list[dict[str, Any]], cuts: list[int]) -> None:
    events = through(restore(), stream_of([hidden(block) for block in blocks], cuts))
    assert assembled(events) == [expected(block) for block in blocks]
    raw = b"".join(event.raw for event in events)
    assert [event.raw for event in Reader().feed(raw)] == [event.raw for event in events]


@given(BLOCKS)
@settings(deadline=None)
def test_a_whole_answer_is_restored_to_the_same(blocks: list[dict[str, Any]]) -> None:
    body = {"type": "message", "content": [hidden(block) for block in blocks], "usage": {"input_tokens": 1}}
    answer = restore().document(Document.parse(json.dumps(body).encode()))
    assert answer.value == {**body, "content": [expected(block) for block in blocks]}


def test_events_that_hold_nothing_pass_as_they_came() -> None:
    events = stream_of([{"type": "text", "text": "Nothing to see. "}, {"type": "tool_use", "input": {"a": 1}}], [4, 4])
    assert [a is b for a, b in zip(through(restore(), events), events, strict=True)] == [True] * len(events)


def test_what_is_held_is_given_back_before_the_block_ends() -> None:
    [*_, delta, stop, _ping, _end] = through(restore(), stream_of([{"type": "text", "text": "a [PERSON_"}], []))
    assert (delta.name, stop.name) == ("content_block_delta", "content_block_stop")
    assert (
        assembled(through(restore(), stream_of([{"type": "text", "text": "a [PERSON_"}], [3])))[0]["text"]
        == "a [PERSON_"
    )


def test_a_stream_that_breaks_off_gives_what_it_held_too() -> None:
    events = stream_of([{"type": "text", "text": "a ["}], [])[:3]
    assert assembled(through(restore(), events)) == [{"type": "text", "text": "a ["}]


def test_an_error_is_the_last_event() -> None:
    events = stream_of([{"type": "text", "text": "a ["}], [])[:3]
    error = Event.build("error", {"type": "error", "error": {"type": "overloaded_error", "message": "m"}})
    assert [event.name for event in through(restore(), [*events, error])][-2:] == ["content_block_delta", "error"]


def test_at_the_end_it_is_told_how_placeholders_came() -> None:
    told: list[dict[str, int]] = []
    token = next(iter(TOKENS.values()))
    through(
        Restore(Restorer(STAND_INS), told.append), stream_of([{"type": "text", "text": f"{token} {token.lower()}"}], [])
    )
    assert told == [{"exact": 1, "altered": 1}]


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"index": 0},
        {"index": [], "delta": {"type": "text_delta", "text": "["}},
        {"index": 0, "delta": []},
        {"index": 0, "delta": {"type": [], "text": "["}},
        {"index": 0, "delta": {"type": "text_delta", "text": 1}},
        {"index": 0, "delta": {"type": "citations_delta", "citation": 1}},
        {"index": 0, "content_block": 1},
        {"index": {}, "content_block": {"type": "text"}},
        {"index": 0, "content_block": {"type": ["x"], "text": 1}},
    ],
)
@pytest.mark.parametrize("name", ["content_block_start", "content_block_delta", "content_block_stop", "new_event"])
def test_odd_events_pass(name: str, payload: dict[str, Any]) -> None:
    event = Event.build(name, payload)
    assert [out.raw for out in through(restore(), [event])] == [event.raw]
    broken = Event.parse(b"event: %b\ndata: {[\n\n" % name.encode())
    assert through(restore(), [broken]) == [broken]


@pytest.mark.parametrize("content", [None, 1, "x", [1, None, "x", {"type": "tool_use", "input": 1}]])
def test_odd_answers_pass(content: Any) -> None:
    body = Document.parse(json.dumps({"content": content}).encode())
    assert restore().document(body) is body
