"""Through the whole gateway: the upstream sees no planted value, the client gets what it would get without privacy."""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.formats import texts
from proxy.formats.sse import Reader
from tests.proxy import build
from tests.proxy.privacy.planted import VALUES, FakeDetector, privacy
from tests.proxy.privacy.test_answers import assembled, stream_of
from tests.proxy.running import Answered, running

PLANTED = {value: entity_type for value, entity_type in VALUES.items() if entity_type != "SECRET"}
WORDS = st.lists(
    st.sampled_from([*PLANTED, "[PERSON_AAAAAAAA]", "[", "\\", "é", "\n", " and ", "person ", '"']), max_size=5
).map("".join)
INPUTS = st.dictionaries(
    st.sampled_from(["a", "file path", *PLANTED]),
    st.recursive(WORDS | st.integers(), lambda inner: st.lists(inner, max_size=2)),
    max_size=2,
)
MARK = {"cache_control": {"type": "ephemeral"}}
BLOCKS = (
    st.builds(lambda text: {"type": "text", "text": text, **MARK}, WORDS)
    | st.builds(lambda value: {"type": "tool_use", "id": "toolu_1", "name": "Edit", "input": value}, INPUTS)
    | st.builds(lambda text: {"type": "tool_result", "tool_use_id": "toolu_1", "content": text}, WORDS)
    | st.builds(
        lambda text: {"type": "tool_result", "tool_use_id": "x", "content": [{"type": "text", "text": text}]}, WORDS
    )
    | st.builds(lambda text: {"type": "document", "title": text, "source": {"type": "text", "data": text}}, WORDS)
)
MESSAGES = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "assistant", "system"]), "content": WORDS | st.lists(BLOCKS, max_size=3)}
    ),
    min_size=1,
    max_size=4,
)
BODIES = st.fixed_dictionaries(
    {"system": WORDS | st.lists(st.builds(lambda text: {"type": "text", "text": text}, WORDS), max_size=2)},
    optional={"tools": st.builds(lambda text: [{"name": "Edit", "description": text, "input_schema": {}}], WORDS)},
)


def echoed(body: dict[str, Any]) -> list[dict[str, Any]]:
    """An answer that says everything again: as text, as the input of a tool, as a quotation."""
    said = [leaf.text for leaf in texts.of_request(body).leaves]
    answers = []
    for place, text in enumerate(said):
        citation = {"type": "char_location", "cited_text": text, "document_title": text}
        answers += [
            [{"type": "text", "text": text}],
            [{"type": "tool_use", "id": "toolu_2", "name": "Write", "input": {"content": {text: text}}}],
            [{"type": "text", "text": "", "citations": [citation]}],
        ][place % 3]
    return answers


class Echo(httpx.AsyncBaseTransport):
    """An upstream that echoes, whole or streamed in pieces of these lengths."""

    def __init__(self, cuts: list[int]) -> None:
        self._cuts = cuts
        self.bodies: list[bytes] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert isinstance(request.stream, httpx.AsyncByteStream)
        self.bodies.append(b"".join([piece async for piece in request.stream]))
        body = json.loads(self.bodies[-1])
        blocks = echoed(body)
        if body.get("stream"):
            raw = b"".join(event.raw for event in stream_of(blocks, self._cuts))
            return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=Pieces(raw, self._cuts))
        whole = {"type": "message", "content": blocks, "usage": {"input_tokens": 1, "output_tokens": 1}}
        raw = json.dumps(whole).encode()
        return httpx.Response(200, headers={"content-type": "application/json"}, stream=Pieces(raw, []))


class Pieces(httpx.AsyncByteStream):
    """Bytes cut at lengths that have nothing to do with events."""

    def __init__(self, raw: bytes, cuts: list[int]) -> None:
        self._raw, self._cuts = raw, cuts

    async def __aiter__(self) -> AsyncIterator[bytes]:
        at = 0
        for size in [*self._cuts, len(self._raw)]:
            if piece := self._raw[at : at + size]:
                yield piece
            at += size


async def ask(body: dict[str, Any], upstream: Echo) -> Answered:
    with tempfile.TemporaryDirectory() as folder:
        caller = build.caller(privacy=privacy())
        async with running(Path(folder), caller=caller, transport=upstream, detector=FakeDetector(PLANTED)) as gateway:
            return await gateway.ask(body)


def seen(upstream: Echo) -> str:
    """What went out, with every escape undone."""
    return json.dumps(json.loads(upstream.bodies[0]), ensure_ascii=False)


@given(BODIES, MESSAGES, st.booleans(), st.lists(st.integers(1, 40), max_size=12))
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_nobody_notices(
    fields: dict[str, Any], messages: list[dict[str, Any]], is_streaming: bool, cuts: list[int]
) -> None:
    body = {**build.HELLO, **fields, "messages": messages, "stream": is_streaming}
    upstream = Echo(cuts)
    answer = asyncio.run(ask(body, upstream))
    assert answer.status == 200
    assert not any(json.dumps(value, ensure_ascii=False)[1:-1] in seen(upstream) for value in PLANTED)
    blocks = assembled(Reader().feed(answer.body)) if is_streaming else answer.json()["content"]
    assert blocks == echoed(body)


def scrubbed(messages: list[dict[str, Any]]) -> Any:
    upstream = Echo([])
    asyncio.run(ask({**build.HELLO, "messages": messages}, upstream))
    return json.loads(upstream.bodies[0])["messages"]


@given(MESSAGES, MESSAGES)
@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
def test_what_was_sent_in_one_turn_is_sent_again_to_the_byte_in_the_next(
    turn: list[dict[str, Any]], more: list[dict[str, Any]]
) -> None:
    before, after = scrubbed(turn), scrubbed([*turn, *more])
    assert json.dumps(after[: len(turn)]) == json.dumps(before)


def test_cache_markers_and_everything_unknown_stay_where_they_are() -> None:
    value = next(iter(PLANTED))
    body = {
        **build.HELLO,
        "metadata": {"user_id": json.dumps({"account": value})},
        "stop_sequences": [value],
        "messages": [{"role": "user", "content": [{"type": "text", "text": f"a {value}", **MARK, "new": [value]}]}],
    }
    upstream = Echo([])
    asyncio.run(ask(body, upstream))
    sent = json.loads(upstream.bodies[0])
    block = sent["messages"][0]["content"][0]
    assert list(block) == ["type", "text", "cache_control", "new"]
    assert block.pop("text").startswith("a [PERSON_")
    body["messages"][0]["content"][0].pop("text")  # type: ignore[index]
    assert sent == body
