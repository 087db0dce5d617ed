"""A whole answer as a stream and back: the same message, whatever is in it."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.answers import replaying
from proxy.answers.assembling import Assemble
from proxy.formats.document import Document
from proxy.formats.sse import Event, Reader

USAGE = {"input_tokens": 10, "output_tokens": 20, "cache_read_input_tokens": 5, "service_tier": "standard"}
CITATION = {"type": "search_result_location", "cited_text": "forty", "source": "a", "title": "b"}


def message(*content: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-5-5",
        "content": list(content),
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": USAGE,
        **more,
    }


def assembled(events: list[Event]) -> dict[str, Any] | None:
    assemble = Assemble()
    passed = [out for event in events for out in assemble.feed(event)]
    assert passed == events
    assert list(assemble.finish()) == []
    return assemble.message


TEXTS = st.text(max_size=200)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
BLOCKS = st.one_of(
    st.builds(lambda text: {"type": "text", "text": text}, TEXTS),
    st.builds(lambda text: {"type": "text", "text": text, "citations": [CITATION, CITATION]}, TEXTS),
    st.builds(lambda text: {"type": "thinking", "thinking": text, "signature": "sig=="}, TEXTS),
    st.builds(
        lambda value: {"type": "tool_use", "id": "toolu_1", "name": "f", "input": value},
        st.dictionaries(TEXTS, VALUES, max_size=3),
    ),
    st.just({"type": "redacted_thinking", "data": "abc="}),
    st.builds(lambda value: {"type": "a_block_of_a_later_version", "value": value}, VALUES),
)


@given(st.lists(BLOCKS, max_size=4))
def test_a_message_that_is_streamed_and_put_together_is_the_same_message(content: list[dict[str, Any]]) -> None:
    whole = message(*content)
    raw = b"".join(event.raw for event in replaying.events_of(whole))
    assert assembled(Reader().feed(raw)) == whole


def test_a_stream_begins_and_ends_as_anthropics_do() -> None:
    events = list(replaying.events_of(message({"type": "text", "text": "Hello there."})))
    assert [event.name for event in events] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    begun = events[0].json()["message"]
    assert (begun["content"], begun["stop_reason"], begun["usage"]["output_tokens"]) == ([], None, 1)
    assert events[-2].json()["delta"] == {"stop_reason": "end_turn", "stop_sequence": None}
    assert events[-2].json()["usage"] == USAGE


def test_long_texts_come_in_pieces_about_as_long_as_a_word() -> None:
    text = "The quick brown fox. " * 20 + "a" * 500 + "\n\n  end"
    events = replaying.events_of(message({"type": "text", "text": text}))
    pieces = [event.json()["delta"]["text"] for event in events if event.name == "content_block_delta"]
    assert "".join(pieces) == text
    assert max(len(piece.strip()) for piece in pieces) <= 48
    assert len(pieces) > 80


START = Event.build("message_start", {"type": "message_start", "message": message()})
STOP = Event.build("message_stop", {"type": "message_stop"})


def block(kind: str, **more: Any) -> list[Event]:
    return [
        Event.build("content_block_start", {"index": 0, "content_block": {"type": kind}}),
        Event.build("content_block_delta", {"index": 0, "delta": more}),
        Event.build("content_block_stop", {"index": 0}),
    ]


@pytest.mark.parametrize(
    "events",
    [
        [START, Event.build("event_of_a_later_version", {}), STOP],
        [START, *block("text", type="delta_of_a_later_version"), STOP],
        [START, *block("tool_use", type="input_json_delta", partial_json='{"a":'), STOP],
        [START, *block("tool_use", type="input_json_delta", partial_json='{"a":123456789012345678901234567890}'), STOP],
        [START, Event.build("error", {"error": {"type": "overloaded_error"}}), STOP],
        [START, Event(b"event: content_block_delta\ndata: {\n\n", "content_block_delta", b"{"), STOP],
        [STOP.__class__.build("content_block_start", {"index": 0, "content_block": {}}), STOP],
        [START],
    ],
    ids=["event", "delta", "half an input", "a number too long", "an error", "no JSON", "no start", "no end"],
)
def test_an_answer_that_is_not_understood_to_its_end_is_not_kept(events: list[Event]) -> None:
    assert assembled(events) is None


def test_an_answer_of_megabytes_is_not_held_in_memory() -> None:
    delta = Event.build("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": "a" * 1_000_000}})
    start = Event.build("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}})
    assert assembled([START, start, *[delta] * 5, STOP]) is None


def test_a_whole_answer_is_taken_as_it_is_and_an_error_is_not() -> None:
    assemble = Assemble()
    assemble.document(Document.parse(orjson.dumps({"type": "error", "error": {}})))
    assert assemble.message is None
    whole = Document.parse(orjson.dumps(message()))
    assert assemble.document(whole) is whole
    assert assemble.message == message()
