"""The bare floor: the least a proxy in this language can do, on the same server and the same transport.

A key is looked up in a dict, the body is forwarded, the answer is passed on. No check, no accounting, no
detection of clients that hang up, no timeouts: the difference to it is what the product's promises cost.
"""

import argparse
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import httpx
import uvicorn

from proxy.upstreams.transport import GuardedTransport

Message = MutableMapping[str, Any]
_DROPPED = {b"host", b"x-api-key", b"content-length", b"connection"}
_HOP = {b"transfer-encoding", b"connection", b"date"}


class Floor:
    """ASGI application."""

    def __init__(self, upstream: str, key: str) -> None:
        self._url = httpx.URL(upstream + "/v1/messages")
        self._keys = {key.encode(): b"bench"}
        self._transport = GuardedTransport(lambda _address, _host: None)

    async def __call__(
        self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        headers = scope["headers"]
        if next((value for name, value in headers if name == b"x-api-key"), b"") not in self._keys:
            await send({"type": "http.response.start", "status": 401, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        kept = [item for item in headers if item[0] not in _DROPPED]
        response = await self._transport.handle_async_request(
            httpx.Request("POST", self._url, headers=kept, content=body)
        )
        passed = [(name.lower(), value) for name, value in response.headers.raw if name.lower() not in _HOP]
        await send({"type": "http.response.start", "status": response.status_code, "headers": passed})
        assert isinstance(response.stream, httpx.AsyncByteStream)
        async for piece in response.stream:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await response.aclose()
        await send({"type": "http.response.body", "body": b""})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--upstream", required=True)
    parser.add_argument("--key", required=True)
    arguments = parser.parse_args()
    uvicorn.run(
        Floor(arguments.upstream, arguments.key),
        host="127.0.0.1",
        port=arguments.port,
        http="httptools",
        loop="uvloop",
        lifespan="off",
        access_log=False,
        log_level="warning",
    )
