"""The doors of /v1: raw ASGI to the gateway and back, without a copy, a thread or an ORM query; or by way of Django.

Both read a body only after the key is known to be good, send each piece as it comes, and notice a client that hangs up
in every phase, also while they wait for the upstream or are blocked in `send`.
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any

from proxy import gateway, relay
from proxy.bodies import Bodies
from proxy.call import Headers, Inbound
from proxy.client import Client, Receive, Scope, Send
from proxy.errors import ClientGone, Stopping
from proxy.runtime import Runtime

App = Callable[[Scope, Receive, Send], Awaitable[None]]
Networks = Sequence[IPv4Network | IPv6Network]

_CLOSE = (b"connection", b"close")
_GOODBYE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Visit:
    """One request at a door, with what answers it."""

    inbound: Inbound
    client: Client
    runtime: Runtime


class Door:
    """ASGI application for /v1. Given Django's handler it lets a view answer, which finds the Visit in its scope."""

    def __init__(self, trusted_proxies: Networks, bodies: Bodies, django: App | None = None) -> None:
        self._trusted = trusted_proxies
        self._bodies = bodies
        self._django = django
        self._clients: set[Client] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send, runtime: Runtime) -> None:
        """Answer one request; returns when the reply is sent or the client is gone."""
        inbound = inbound_of(scope, self._trusted)
        client = Client(receive, send, _declared_length(inbound), runtime.limits, self._bodies)
        visit = Visit(inbound, client, runtime)
        self._clients.add(client)
        try:
            await (_directly(visit) if self._django is None else _through(self._django, scope, visit))
        finally:
            client.leave()
            self._clients.discard(client)
        if not client.is_gone and not client.has_ended:  # the server stops, and has waited for as long as it may
            await _say_goodbye(visit)

    def end_calls(self) -> None:
        """End the calls that still run; their clients are told."""
        for client in self._clients:
            client.cut_off()


async def answer(visit: Visit) -> gateway.Reply:
    """The gateway's reply; what a refused client still sends has been thrown away. Raises ClientGone."""
    client = visit.client
    reply = await gateway.answer(visit.inbound, client.body, visit.runtime)
    if not client.is_read and visit.inbound.method not in {"GET", "HEAD"}:
        await client.drain()
        if not client.is_read:  # what else comes is not worth its bandwidth
            reply.headers = [*(item for item in reply.headers if item[0] != b"connection"), _CLOSE]
    client.is_streaming = not isinstance(reply.body, bytes)
    return reply


async def _directly(visit: Visit) -> None:
    task = asyncio.current_task()
    assert task is not None  # ASGI servers run every request in one
    visit.client.cut_off = task.cancel
    try:
        await _send(await answer(visit), visit.client, has_body=visit.inbound.method != "HEAD")
    except ClientGone:
        return
    except asyncio.CancelledError:
        task.uncancel()


async def _through(django: App, scope: Scope, visit: Visit) -> None:
    """Django would take in a whole body before it asks anybody, so it is shown an empty one."""
    cut_off = asyncio.Event()
    visit.client.cut_off = cut_off.set
    has_asked = False

    async def receive() -> MutableMapping[str, Any]:
        nonlocal has_asked
        if has_asked:
            await cut_off.wait()
            return {"type": "http.disconnect"}
        has_asked = True
        return {"type": "http.request", "body": b"", "more_body": False}

    scope["llmp.visit"] = visit
    await django(scope, receive, visit.client.send)


async def _send(reply: gateway.Reply, client: Client, *, has_body: bool) -> None:
    start = {"type": "http.response.start", "status": reply.status, "headers": reply.headers}
    if isinstance(reply.body, bytes):
        await client.send(start)
        await client.send({"type": "http.response.body", "body": reply.body if has_body else b""})
        return
    async with aclosing(reply.body) as pieces:
        await client.send(start)
        async for piece in pieces:
            await client.send({"type": "http.response.body", "body": piece, "more_body": True})
    # Only now is the call settled: the end of the reply is never seen before its record is journalled.
    await client.send({"type": "http.response.body", "body": b""})


async def _say_goodbye(visit: Visit) -> None:
    """Tell a client whose answer breaks off that it does, if it reads: cut off without a word, it could take
    what it has for the whole."""
    inbound, client = visit.inbound, visit.client
    stopping = Stopping("The gateway is being restarted. Send the request again.")
    with suppress(TimeoutError):
        async with asyncio.timeout(_GOODBYE_SECONDS):
            if not client.has_begun:
                await _send(gateway.refusal(stopping, inbound), client, has_body=inbound.method != "HEAD")
            elif client.is_streaming:
                event = relay.error_event(stopping.body(inbound.request_id))
                await client.send({"type": "http.response.body", "body": event, "more_body": True})
                await client.send({"type": "http.response.body", "body": b""})


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
