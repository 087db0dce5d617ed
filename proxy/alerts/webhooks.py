"""Posts signed messages: to where the guard allows, in little time, and with no interest in the answer's body."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import httpx

from proxy.alerts.queue import Outcome
from proxy.upstreams.transport import GuardedTransport
from tenants import destinations

SECONDS = 10.0
"""For all of an attempt: name, connection, TLS, request and the answer's head."""
_CONNECT_SECONDS = 5.0
_GONE = 410

AddressCheck = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Message:
    """A request, ready to be sent."""

    url: str
    headers: dict[str, str] = field(repr=False)
    content: bytes = field(repr=False)


def post(
    messages: Sequence[Message],
    *,
    check_address: AddressCheck = destinations.check_address,
    seconds: float = SECONDS,
) -> list[Outcome]:
    """Send all of them at the same time; their outcomes in order. Never takes much longer than `seconds`."""
    return asyncio.run(_post_all(messages, check_address, seconds))


async def _post_all(messages: Sequence[Message], check_address: AddressCheck, seconds: float) -> list[Outcome]:
    transport = GuardedTransport(check_address)
    try:
        return list(await asyncio.gather(*(_post(transport, message, seconds) for message in messages)))
    finally:
        await transport.aclose()


async def _post(transport: GuardedTransport, message: Message, seconds: float) -> Outcome:
    started = time.perf_counter()
    status: int | None = None
    try:
        destinations.check_url(message.url)  # it was saved under the settings of another day
        async with asyncio.timeout(seconds):
            status = await _status_of(transport, message)
        error = _judge(status)
    except destinations.Forbidden as forbidden:
        error = str(forbidden)
    except TimeoutError:
        error = f"no answer within {seconds:g} s"
    except httpx.TransportError as broken:
        error = str(broken) or type(broken).__name__
    milliseconds = int((time.perf_counter() - started) * 1000)
    return Outcome(status, error, milliseconds, is_final=status == _GONE)


async def _status_of(transport: GuardedTransport, message: Message) -> int:
    request = httpx.Request(
        "POST",
        message.url,
        headers=message.headers,
        content=message.content,
        extensions={"timeout": {"connect": _CONNECT_SECONDS, "read": SECONDS}},
    )
    response = await transport.handle_async_request(request)
    await response.aclose()  # its body is not read: whatever size it has, it is nothing to us
    return response.status_code


def _judge(status: int) -> str:
    if 200 <= status < 300:
        return ""
    if 300 <= status < 400:
        return f"it answered HTTP {status}: redirects are not followed"
    if status == _GONE:
        return "it answered HTTP 410: it wants no more messages"
    return f"it answered HTTP {status}"
