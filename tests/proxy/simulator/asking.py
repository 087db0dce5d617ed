"""Asking the simulator in tests: a request in, its answer out, whole or as events."""

from typing import Any

import httpx
import orjson

from proxy.simulator.transport import SimulatorTransport

VERSION = {"anthropic-version": "2023-06-01"}
TOOL = {
    "name": "get_weather",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
        "required": ["city", "days"],
    },
}


def body(text: Any = "hello", **fields: Any) -> dict[str, Any]:
    """A small request."""
    messages = [{"role": "user", "content": text}]
    return {"model": "claude-opus-5-5", "max_tokens": 1000, "messages": messages, **fields}


async def post(content: Any, path: str = "/v1/messages", headers: dict[str, str] | None = None) -> httpx.Response:
    """One POST in process."""
    raw = content if isinstance(content, bytes) else orjson.dumps(content)
    async with httpx.AsyncClient(transport=SimulatorTransport(), base_url="http://simulator") as client:
        return await client.post(path, content=raw, headers=VERSION if headers is None else headers)


async def ask(text: Any = "hello", **fields: Any) -> dict[str, Any]:
    """The message that answers a request, which must succeed."""
    response = await post(body(text, **fields))
    assert response.status_code == 200, response.text
    return response.json()


async def ask_events(text: Any = "hello", **fields: Any) -> list[tuple[str, dict[str, Any]]]:
    """The events of the same request, streamed: name and data of each."""
    response = await post(body(text, **fields, stream=True))
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/event-stream")
    return parse(response.text)


def parse(text: str) -> list[tuple[str, dict[str, Any]]]:
    """A stream's events."""
    blocks = [block.split("\n") for block in text.removesuffix("\n\n").split("\n\n")]
    return [(name.removeprefix("event: "), orjson.loads(data.removeprefix("data: "))) for name, data in blocks]


def collect(events: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    """The message that a stream adds up to, as the SDKs build it; asserts that the order is right."""
    events = [(name, data) for name, data in events if name != "ping"]
    assert all(name == data["type"] for name, data in events)
    assert [events[0][0], events[-2][0], events[-1][0]] == ["message_start", "message_delta", "message_stop"]
    message = events[0][1]["message"]
    assert message["content"] == [] and message["stop_reason"] is None
    pieces: list[str] | None = None
    for name, data in events[1:-2]:
        if name == "content_block_start":
            assert pieces is None and data["index"] == len(message["content"])
            message["content"].append(dict(data["content_block"]))
            pieces = []
        elif name == "content_block_delta":
            assert pieces is not None and data["index"] == len(message["content"]) - 1
            _add(message["content"][-1], data["delta"], pieces)
        else:
            assert name == "content_block_stop" and data["index"] == len(message["content"]) - 1
            if message["content"][-1]["type"] == "tool_use":
                message["content"][-1]["input"] = orjson.loads("".join(pieces or []))
            pieces = None
    assert pieces is None
    delta, usage = events[-2][1]["delta"], events[-2][1]["usage"]
    return {**message, **delta, "usage": {**message["usage"], **usage}}


def _add(block: dict[str, Any], delta: dict[str, Any], pieces: list[str]) -> None:
    match delta["type"]:
        case "text_delta":
            block["text"] += delta["text"]
        case "thinking_delta":
            block["thinking"] += delta["thinking"]
        case "signature_delta":
            block["signature"] = delta["signature"]
        case "citations_delta":
            block["citations"].append(delta["citation"])
        case "input_json_delta":
            pieces.append(delta["partial_json"])


def text_of(message: dict[str, Any]) -> str:
    """All text of a message."""
    return "".join(block.get("text", "") for block in message["content"])
