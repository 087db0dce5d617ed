"""The door of /v1 beside Django: raw ASGI to the gateway and back, without a copy, a thread or an ORM query.

It reads a body only after the key is known to be good, sends each piece as it comes, and notices a
client that hangs up in every phase, also while it waits for the upstream or is blocked in `send`.
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from contextlib import aclosing, suppress
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any

from proxy import gateway, relay
from proxy.call import Headers, Inbound
from proxy.errors import ClientGone, Stopping, TooLarge, TooSlow
from proxy.runtime import Limits, Runtime

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Networks = Sequence[IPv4Network | IPv6Network]

# A refused client that is still sending must get to read why: up to this much is taken and thrown away.
_DRAIN_BYTES = 1024 * 1024
_DRAIN_SECONDS = 2.0
_CLOSE = (b"connection", b"close")
_GOODBYE_SECONDS = 1.0
# Who sends a byte now and then would hold a connection, and what came of the body, for ever.
_LEAST_BYTES_PER_SECOND = 1024


class _Client:
    """The client's side of one request: its body, read at most once, and whether it is still there."""

    def __init__(self, receive: Receive, send: Send, declared: int | None, limits: Limits) -> None:
        self._receive = receive
        self._send = send
        self._declared = declared
        self._limits = limits
        self._watcher: asyncio.Task[None] | None = None
        self._sending_since = 0.0
        self.is_read = False
        self.is_gone = False
        self.has_begun = False  # its reply
        self.is_streaming = False

    async def body(self) -> bytes:
        """The whole body; from then on the current task is cancelled when the client hangs up.

        Raises TooLarge, TooSlow, ClientGone.
        """
        if self._declared is not None and self._declared > self._limits.max_body_bytes:
            raise self._too_large()
        pieces, size, started = [], 0, time.monotonic()
        while not self.is_read:
            piece = await self._piece()
            size += len(piece)
            if time.monotonic() - started > self._limits.body_timeout_seconds + size / _LEAST_BYTES_PER_SECOND:
                raise self._too_slow()
            if size > self._limits.max_body_bytes:
                raise self._too_large()
            pieces.append(piece)
        task = asyncio.current_task()
        assert task is not None  # ASGI servers run every request in one
        self._watcher = asyncio.create_task(self._watch(task))
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def _piece(self) -> bytes:
        try:
            async with asyncio.timeout(self._limits.body_timeout_seconds):
                message = await self._receive()
        except TimeoutError:
            raise self._too_slow() from None
        if message["type"] == "http.disconnect":
            raise ClientGone
        self.is_read = not message.get("more_body", False)
        return bytes(message.get("body", b""))

    def _too_slow(self) -> TooSlow:
        return TooSlow("The request's body did not arrive in time.", headers={"connection": "close"})

    def _too_large(self) -> TooLarge:
        mebibytes = self._limits.max_body_bytes / (1024 * 1024)
        return TooLarge(f"Request exceeds the maximum size of {mebibytes:g} MiB.", headers={"connection": "close"})

    async def _watch(self, task: asyncio.Task[object]) -> None:
        while not self._takes_nothing():
            with suppress(TimeoutError):
                async with asyncio.timeout(self._limits.send_timeout_seconds / 4):
                    if (await self._receive())["type"] == "http.disconnect":
                        break
        self.is_gone = True
        task.cancel()

    def _takes_nothing(self) -> bool:
        """Whether the client's network is gone without a word, or it has stopped reading for good."""
        return self._sending_since > 0 and time.monotonic() - self._sending_since > self._limits.send_timeout_seconds

    async def send(self, piece: bytes) -> None:
        """Send a piece of a stream; waits while the client does not read."""
        self._sending_since = time.monotonic()
        await self._send({"type": "http.response.body", "body": piece, "more_body": True})
        self._sending_since = 0.0

    async def drain(self) -> None:
        """Take what a refused client still sends, within bounds."""
        size = 0
        with suppress(TimeoutError, TooSlow, ClientGone):
            async with asyncio.timeout(_DRAIN_SECONDS):
                while not self.is_read and size < _DRAIN_BYTES:
                    size += len(await self._piece())

    def leave(self) -> None:
        """Stop watching."""
        if self._watcher is not None:
            self._watcher.cancel()


class Door:
    """ASGI application for /v1."""

    def __init__(self, trusted_proxies: Networks) -> None:
        self._trusted = trusted_proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send, runtime: Runtime) -> None:
        """Answer one request; returns when the reply is sent or the client is gone."""
        inbound = inbound_of(scope, self._trusted)
        client = _Client(receive, send, _declared_length(inbound), runtime.limits)
        try:
            reply = await gateway.answer(inbound, client.body, runtime)
            if not client.is_read and inbound.method not in {"GET", "HEAD"}:
                await client.drain()
                if not client.is_read:  # what else comes is not worth its bandwidth
                    reply.headers = [*(item for item in reply.headers if item[0] != b"connection"), _CLOSE]
            await _send(reply, client, send, has_body=inbound.method != "HEAD")
        except ClientGone:
            return
        except asyncio.CancelledError:
            task = asyncio.current_task()
            assert task is not None  # as above
            task.uncancel()
            if not client.is_gone:  # the server stops, and has waited for as long as it may
                await _say_goodbye(inbound, client, send)
        finally:
            client.leave()


async def _send(reply: gateway.Reply, client: _Client, send: Send, *, has_body: bool) -> None:
    start = {"type": "http.response.start", "status": reply.status, "headers": reply.headers}
    client.has_begun = True
    if isinstance(reply.body, bytes):
        await send(start)
        await send({"type": "http.response.body", "body": reply.body if has_body else b""})
        return
    async with aclosing(reply.body) as pieces:
        await send(start)
        client.is_streaming = True
        async for piece in pieces:
            await client.send(piece)
    # Only now is the call settled: the end of the reply is never seen before its record is journalled.
    await send({"type": "http.response.body", "body": b""})


async def _say_goodbye(inbound: Inbound, client: _Client, send: Send) -> None:
    """Tell a client whose answer breaks off that it does, if it reads: cut off without a word, it could take
    what it has for the whole."""
    stopping = Stopping("The gateway is being restarted. Send the request again.")
    with suppress(TimeoutError):
        async with asyncio.timeout(_GOODBYE_SECONDS):
            if client.is_streaming:
                await client.send(relay.error_event(stopping.body(inbound.request_id)))
                await send({"type": "http.response.body", "body": b""})
            elif not client.has_begun:
                await _send(gateway.refusal(stopping, inbound), client, send, has_body=inbound.method != "HEAD")


def inbound_of(scope: Mapping[str, Any], trusted: Networks) -> Inbound:
    """The request as the gateway sees it."""
    headers = [(name.lower(), value) for name, value in scope["headers"]]
    inbound = Inbound(
        method=scope["method"],
        path=scope["path"],
        query=scope.get("query_string", b""),
        headers=headers,
        client_ip=_client_ip(scope, headers, trusted),
        request_id="req_" + secrets.token_hex(12),
        received_at=time.perf_counter(),
    )
    return inbound


def _client_ip(scope: Mapping[str, Any], headers: Headers, trusted: Networks) -> str:
    """The nearest address that is not one of our own load balancers."""
    peer = str((scope.get("client") or ("",))[0])
    if not trusted:
        return peer
    forwarded = b",".join(value for name, value in headers if name == b"x-forwarded-for").decode("latin-1")
    hops = [*(hop.strip() for hop in forwarded.split(",") if hop.strip()), peer]
    while len(hops) > 1 and _is_trusted(hops[-1], trusted):
        hops.pop()
    return hops[-1]


def _is_trusted(address: str, trusted: Networks) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)  # how IPv4 peers look to a server that listens on ::
    return any((mapped or parsed) in network for network in trusted)


def _declared_length(inbound: Inbound) -> int | None:
    text = inbound.get(b"content-length")
    return int(text) if text.isdecimal() else None
