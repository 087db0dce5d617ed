"""A model that calls tools as it is told, and a gateway that lets it search."""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from proxy.call import Wanted
from tests.proxy import build
from tests.proxy.knowledge.shelves import FakeShelf, passage, usable
from tests.proxy.privacy.planted import NAME, FakeDetector
from tests.proxy.running import Answered, Gateway, events, running

SEARCHED = Wanted(collections=("handbook",), tool=True)
THINKING = {"type": "thinking", "thinking": "I should look.", "signature": "c2ln"}

Block = dict[str, Any]
Reply = Sequence[Block] | httpx.Response


def text(words: str) -> Block:
    return {"type": "text", "text": words}


def wants(query: Any, *, name: str = "search_documents", id: str = "toolu_1", **more: Any) -> Block:
    return {"type": "tool_use", "id": id, "name": name, "input": {"query": query, **more}}


class Model(httpx.AsyncBaseTransport):
    """Gives one reply after the other, and then the last one again; keeps what it was asked."""

    def __init__(self, *replies: Reply | Callable[[dict[str, Any]], Reply]) -> None:
        self.replies = list(replies)
        self.bodies: list[dict[str, Any]] = []
        self.open = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(b"".join(request.stream))  # type: ignore[arg-type]
        self.bodies.append(body)
        reply = self.replies[min(len(self.bodies), len(self.replies)) - 1]
        reply = reply(body) if callable(reply) else reply
        if isinstance(reply, httpx.Response):
            return reply
        return whole(reply, len(self.bodies), body) if not body.get("stream") else streamed(reply, len(self.bodies))


def message(reply: Sequence[Block], number: int) -> dict[str, Any]:
    calls = any(block["type"] == "tool_use" for block in reply)
    return {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-5-5",
        "content": list(reply),
        "stop_reason": "tool_use" if calls else "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 100 * number, "cache_read_input_tokens": 7, "output_tokens": number},
    }


def whole(reply: Sequence[Block], number: int, _body: dict[str, Any]) -> httpx.Response:
    return httpx.Response(200, json=message(reply, number))


def streamed(reply: Sequence[Block], number: int) -> httpx.Response:
    said = message(reply, number)
    usage = {**said["usage"], "output_tokens": 1}
    parts: list[tuple[str, dict[str, Any]]] = [
        ("message_start", {"message": {**said, "content": [], "stop_reason": None, "usage": usage}}),
        ("ping", {}),
    ]
    for index, block in enumerate(reply):
        parts += [(name, {"index": index, **payload}) for name, payload in _block(block)]
    delta = {"stop_reason": said["stop_reason"], "stop_sequence": None}
    parts += [("message_delta", {"delta": delta, "usage": {"output_tokens": number}}), ("message_stop", {})]

    async def pieces() -> AsyncIterator[bytes]:
        for name, payload in parts:
            yield f"event: {name}\ndata: {json.dumps({'type': name, **payload})}\n\n".encode()

    return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=pieces())


def _block(block: Block) -> list[tuple[str, dict[str, Any]]]:
    start, deltas = {**block}, []
    if block["type"] == "text":
        start["text"] = ""
        deltas = [{"type": "text_delta", "text": letter} for letter in block["text"]]
    elif block["type"] == "thinking":
        start |= {"thinking": "", "signature": ""}
        deltas = [{"type": "thinking_delta", "thinking": block["thinking"]}]
        deltas += [{"type": "signature_delta", "signature": block["signature"]}]
    elif block["type"] == "tool_use":
        start["input"] = {}
        deltas = [{"type": "input_json_delta", "partial_json": letter} for letter in json.dumps(block["input"])]
    return [
        ("content_block_start", {"content_block": start}),
        *(("content_block_delta", {"delta": delta}) for delta in deltas),
        ("content_block_stop", {}),
    ]


@asynccontextmanager
async def searching(folder: Path, model: Model, shelf: FakeShelf | None = None, **more: Any) -> AsyncIterator[Gateway]:
    shelf = shelf or FakeShelf({"leave": [passage("Thirty days of leave.")], NAME.lower(): [passage(f"{NAME} knows.")]})
    ping_seconds = more.pop("ping_seconds", 15.0)
    accounts, keeper = more.pop("accounts", None), more.pop("keeper", None)
    caller = build.caller(**{"passages": usable(SEARCHED), **more})
    async with running(
        folder,
        caller=caller,
        transport=model,
        shelf=shelf,
        detector=FakeDetector(),
        ping_seconds=ping_seconds,
        accounts=accounts,
        transcripts=keeper,
    ) as gateway:
        yield gateway


def asking(words: str = "How many days?", **more: Any) -> dict[str, Any]:
    return {**build.HELLO, "max_tokens": 1000, "messages": [{"role": "user", "content": words}], **more}


def said(answer: Answered) -> dict[str, Any]:
    """The one message that a client makes of an answer, having checked the order of its events."""
    if answer.headers["content-type"].startswith("application/json"):
        return answer.json()  # type: ignore[no-any-return]
    made: dict[str, Any] = {}
    is_open = False
    for name, payload in events(answer.body):
        if name == "message_start":
            assert not made
            made = {**payload["message"], "content": []}
        elif name == "content_block_start":
            assert not is_open and payload["index"] == len(made["content"])
            is_open = True
            made["content"].append(dict(payload["content_block"]))
        elif name == "content_block_delta":
            assert is_open and payload["index"] == len(made["content"]) - 1
            for kind in ("text", "thinking", "signature"):
                if kind in payload["delta"]:
                    made["content"][-1][kind] += payload["delta"][kind]
        elif name == "content_block_stop":
            assert is_open and payload["index"] == len(made["content"]) - 1
            is_open = False
        elif name == "message_delta":
            assert made["stop_reason"] is None
            made |= payload["delta"]
            made["usage"] |= payload["usage"]
    names = [name for name, _payload in events(answer.body) if name != "ping"]
    assert names[-1] == "message_stop" and names.count("message_stop") == names.count("message_delta") == 1
    return made
