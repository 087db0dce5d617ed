"""An upstream that says what it was asked last, whole or as a stream, and keeps every request."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx

USAGE = {"input_tokens": 1000, "output_tokens": 100}


class RepeatingUpstream(httpx.AsyncBaseTransport):
    """Says what it was asked last, and counts."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.stop_reason = "end_turn"
        self.status = 200
        self.is_asked = asyncio.Event()
        self.wait = asyncio.Event()
        self.wait.set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(b"".join(request.stream))  # type: ignore[arg-type]
        self.bodies.append(body)
        self.is_asked.set()
        await self.wait.wait()
        if self.status != 200:
            return httpx.Response(self.status, json={"type": "error", "error": {"type": "api_error", "message": "no"}})
        message = {
            "id": f"msg_{len(self.bodies)}",
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "content": [{"type": "text", "text": f"You said: {body['messages'][-1]['content']}"}],
            "stop_reason": self.stop_reason,
            "stop_sequence": None,
            "usage": USAGE,
        }
        if not body.get("stream"):
            return httpx.Response(200, json=message)
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=_pieces(_as_stream(message)))


async def _pieces(raw: bytes) -> AsyncIterator[bytes]:
    for event in raw.split(b"\n\n")[:-1]:
        yield event + b"\n\n"


def _as_stream(message: dict[str, Any]) -> bytes:
    text = message["content"][0]["text"]
    parts = [
        ("message_start", {"message": {**message, "content": [], "stop_reason": None}}),
        ("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}),
        *(("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": piece}}) for piece in text),
        ("content_block_stop", {"index": 0}),
        ("message_delta", {"delta": {"stop_reason": message["stop_reason"], "stop_sequence": None}, "usage": USAGE}),
        ("message_stop", {}),
    ]
    return b"".join(
        f"event: {name}\ndata: {json.dumps({'type': name, **payload})}\n\n".encode() for name, payload in parts
    )
