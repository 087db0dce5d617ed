"""A bound on what people's pages take in: Django itself spools any body to disk before a view is asked."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Door = Callable[[Scope], Awaitable[bool]]


def bounded(app: App, max_bytes: int) -> App:
    """The application, with bodies over `max_bytes` cut off: 413 by their declared length, else disconnected."""

    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        declared = next((value for name, value in scope["headers"] if name.lower() == b"content-length"), b"0")
        if declared.isdigit() and int(declared) > max_bytes:
            await _refuse(send, max_bytes)
            return
        taken = 0

        async def receive_some() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            return message if taken <= max_bytes else {"type": "http.disconnect"}

        await app(scope, receive_some, send)

    return guard


def last_of_its_connection(send: Send) -> Send:
    """`send`, with a reply's head that tells the client to go elsewhere with its next request."""

    async def send_last(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [item for item in message.get("headers", ()) if item[0].lower() != b"connection"]
            message["headers"] = [*kept, (b"connection", b"close")]
        await send(message)

    return send_last


async def _refuse(send: Send, max_bytes: int) -> None:
    message = f"The request is larger than the {max_bytes} bytes this address takes."
    body = orjson.dumps({"type": "error", "error": {"type": "request_too_large", "message": message}})
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})
