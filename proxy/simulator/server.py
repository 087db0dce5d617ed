"""The simulator as an ASGI application, for a port of its own."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from proxy.simulator import service
from proxy.simulator.frames import Frame

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class SimulatorServer:
    """Speaks the Messages API; asks for a credential, any, as a client that sends none is set up wrongly."""

    def __init__(self, *, requires_key: bool = True) -> None:
        self.requires_key = requires_key

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        body = await _body(receive)
        if scope["type"] != "http" or body is None:
            return
        target = scope["path"] + ("?" + scope["query_string"].decode("latin-1") if scope["query_string"] else "")
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        reply = service.handle(scope["method"], target, headers, body, requires_key=self.requires_key)
        sending = asyncio.ensure_future(_send(reply, send))
        leaving = asyncio.ensure_future(_left(receive))
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
        finally:
            for task in (sending, leaving):
                task.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)


async def _body(receive: Receive) -> bytes | None:
    """The request's body, cut where it is already too long; None if the client left."""
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        if size <= service.MAX_BODY_BYTES:
            pieces.append(message.get("body", b""))
            size += len(pieces[-1])
        if not message.get("more_body"):
            return b"".join(pieces)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send(reply: service.Reply, send: Send) -> None:
    """Send the frames; one that breaks ends without the last message, which makes the server drop the connection."""
    frames: Iterable[Frame] = reply.frames
    start = {"type": "http.response.start", "status": reply.status, "headers": reply.headers}
    is_started = False
    for frame in frames:
        if frame.pause_seconds:
            await asyncio.sleep(frame.pause_seconds)
        if not is_started:
            await send(start)
            is_started = True
        await send({"type": "http.response.body", "body": frame.data, "more_body": True})
        if frame.breaks:
            return
    await send({"type": "http.response.body", "body": b"", "more_body": False})
