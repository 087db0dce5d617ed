"""Rounds become one answer: streamed as it comes, and the same whole."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.formats.document import Document
from proxy.formats.sse import Event, Reader
from proxy.upstreams.answer import UpstreamFailed
from proxy.weaving import Weave
from tests.proxy import searching
from tests.proxy.running import Answered
from tests.proxy.searching import text, wants

_words = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_blocks = st.one_of(
    _words.map(text),
    _words.map(lambda words: {"type": "thinking", "thinking": words, "signature": "c2ln"}),
    _words.map(wants),
)
_rounds = st.lists(st.lists(_blocks, max_size=4), min_size=1, max_size=4)


def event(name: str, **payload: Any) -> Event:
    return Event.build(name, {"type": name, **payload})


def calls(reply: Sequence[Any]) -> bool:
    return any(block["type"] == "tool_use" for block in reply)


async def woven_stream(rounds: Sequence[Sequence[Any]]) -> tuple[bytes, list[Any]]:
    weave, out, asked = Weave(lambda: ""), [], []
    for number, reply in enumerate(rounds, 1):
        raw = b"".join([piece async for piece in searching.streamed(reply, number).aiter_raw()])
        out += [after.raw for before in Reader().feed(raw) for after in weave.feed(before)]
        if not weave.is_asking:
            break
        asked.append(weave.take())
    return b"".join(out), asked


def woven_whole(rounds: Sequence[Sequence[Any]]) -> tuple[dict[str, Any], list[Any]]:
    weave, asked, value = Weave(lambda: ""), [], {}
    for number, reply in enumerate(rounds, 1):
        raw = json.dumps(searching.message(reply, number)).encode()
        value = weave.document(Document.parse(raw)).value
        if not weave.is_asking:
            break
        asked.append(weave.take())
    return value, asked


@given(_rounds)
async def test_streamed_and_whole_answers_are_the_same(rounds: list[list[Any]]) -> None:
    rounds.append([text("That is all.")])
    stream, asked_in_stream = await woven_stream(rounds)
    whole, asked = woven_whole(rounds)
    made = searching.said(Answered(200, {"content-type": "text/event-stream"}, stream))
    assert {**made, "stop_details": 0} == {**whole, "stop_details": 0}
    assert [one["content"] for one in asked_in_stream] == [one["content"] for one in asked]
    assert not calls(made["content"])


@pytest.mark.parametrize("stop_reason", ["max_tokens", "refusal", "pause_turn", "stop_sequence"])
async def test_an_answer_that_ends_otherwise_is_no_call(stop_reason: str) -> None:
    for weave in (Weave(lambda: ""), Weave(lambda: "")):
        raw = b"".join([piece async for piece in searching.streamed([text("Hm."), wants("x")], 1).aiter_raw()])
        raw = raw.replace(b'"tool_use", "stop_seq', b'"%b", "stop_seq' % stop_reason.encode())
        out = [after for before in Reader().feed(raw) for after in weave.feed(before)]
        assert not weave.is_asking
        assert [one.json()["delta"]["stop_reason"] for one in out if one.name == "message_delta"] == [stop_reason]
        assert [one.name for one in out].count("content_block_start") == 1


def test_what_is_not_understood_goes_on_and_cannot_be_gone_on_with() -> None:
    weave = Weave(lambda: "")
    odd = [
        Event(b": comment\n\n"),
        Event(b"event: content_block_start\ndata: {\n\n", "content_block_start", b"{"),
        event("content_block_delta", index="x", delta={}),
        event("message_delta", delta=None),
        event("surprise", index=0),
    ]
    assert [after for before in odd for after in weave.feed(before)] == odd
    call = {"type": "tool_use", "id": "t", "name": "search_documents", "input": {}}
    rest = [
        event("content_block_start", index=0, content_block=call),
        event("content_block_stop", index=0),
        event("message_delta", delta={"stop_reason": "tool_use"}, usage={"output_tokens": 1}),
        event("message_stop"),
    ]
    assert [after for before in rest for after in weave.feed(before)] == []
    assert weave.is_asking
    with pytest.raises(UpstreamFailed):
        weave.take()


def test_a_document_that_is_no_message_is_left_alone() -> None:
    counted = Document.parse(b'{"input_tokens": 5}')
    assert Weave(lambda: "").document(counted) is counted
