"""A step that edits text in both directions, on the real path, streaming and not: every other byte is left alone."""

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from proxy import pipeline, rounds
from proxy.call import Call, Outbound
from proxy.stream import Chain
from tests import bad_scenarios
from tests.bad_scenarios import Reader, Request, Writer
from tests.bad_upstream import BadUpstream
from tests.proxy import build, toy_step
from tests.proxy.running import Gateway, running

ASKED = (
    b'{ "model":"claude-sonnet-5-5", "max_tokens":16,\n "messages":[{"role":"user","content":"say %b twice"}],'
    b' "x":1.0 }'
)


@pytest.fixture
async def gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Gateway]:
    choose = pipeline.routing.choose

    def rewrite_and_choose(call: Call) -> Outbound:
        return choose(replace(call, document=toy_step.rewrite(call.document)))

    monkeypatch.setattr(pipeline.routing, "choose", rewrite_and_choose)
    monkeypatch.setattr(rounds, "Chain", lambda filters: Chain([*filters, toy_step.Restore()]))
    async with running(tmp_path) as made:
        yield made


def towards(upstream: BadUpstream) -> Any:
    return build.caller(upstreams=[build.upstream(base_url=upstream.url)])


async def test_the_upstream_gets_the_edited_text_and_otherwise_the_clients_bytes(gateway: Gateway) -> None:
    word, stand_in = toy_step.WORD.encode(), toy_step.STAND_IN.encode()
    async with BadUpstream("echo") as upstream:
        gateway.admit(towards(upstream))
        answer = await gateway.ask(ASKED % word)
    assert base64.b64decode(answer.json()["echo"]["body"]) == ASKED % stand_in


async def test_a_whole_answer_has_the_word_again_and_otherwise_the_upstreams_bytes(gateway: Gateway) -> None:
    text = {**bad_scenarios.MESSAGE, "content": [{"type": "text", "text": f"é {toy_step.STAND_IN}!"}]}
    raw = json.dumps(text, indent=1, ensure_ascii=False).encode()

    async def spaced(_reader: Reader, writer: Writer, _request: Request) -> None:
        await bad_scenarios.send(writer, bad_scenarios.head(200, bad_scenarios.JSON, bad_scenarios.sized(raw)) + raw)

    async with BadUpstream(spaced) as upstream:
        gateway.admit(towards(upstream))
        answer = await gateway.ask()
    assert answer.body == raw.replace(toy_step.STAND_IN.encode(), toy_step.WORD.encode())
    assert answer.headers["content-length"] == str(len(answer.body))


@pytest.mark.parametrize("size", [1, 2, 3, 100])
async def test_a_stream_has_the_word_again_however_the_model_cut_it(gateway: Gateway, size: int) -> None:
    text = f"say {toy_step.STAND_IN} and {toy_step.STAND_IN}."
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    sent = [bad_scenarios.START, bad_scenarios.BLOCK_START, *map(bad_scenarios.delta, pieces), *bad_scenarios.ENDING]

    async def stream(_reader: Reader, writer: Writer, _request: Request) -> None:
        await bad_scenarios._stream(writer, sent)

    async with BadUpstream(stream) as upstream:
        gateway.admit(towards(upstream))
        answer = await gateway.ask({**build.HELLO, "stream": True})
    events = [json.loads(block.split(b"data: ")[1]) for block in answer.body.split(b"\n\n") if block]
    told = "".join(event["delta"]["text"] for event in events if event["type"] == "content_block_delta")
    assert told == f"say {toy_step.WORD} and {toy_step.WORD}."
    untouched = [block for block in sent if b"content_block_delta" not in block]
    assert [block for block in answer.body.split(b"\n\n") if block and b"content_block_delta" not in block] == [
        block.removesuffix(b"\n\n") for block in untouched
    ]
