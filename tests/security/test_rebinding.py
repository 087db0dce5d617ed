"""A name that leads elsewhere at each look-up: what was checked is what is connected to, over the real transport."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from proxy.upstreams.http1 import dialling
from proxy.upstreams.transport import GuardedTransport
from tenants import destinations
from tests.proxy.upstreams.listening import listening

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Resolver:
    """Answers each look-up with the next addresses, the last ones for ever."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)
        self.asked = 0

    async def getaddrinfo(self, _host: str, port: int, **_: Any) -> list[Any]:
        addresses = self._answers[min(self.asked, len(self._answers) - 1)]
        self.asked += 1
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port)) for address in addresses]


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Callable[..., Resolver]:
    """Puts a resolver in place of the system's. 127.0.0.1 counts as allowed, nothing else that is private."""
    settings.CONFIG = settings.CONFIG.model_copy(update={"private_upstreams": "127.0.0.1/32"})
    monkeypatch.setattr(dialling, "_KEPT_SECONDS", 0)

    def use(*answers: list[str]) -> Resolver:
        resolver = Resolver(*answers)
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolver.getaddrinfo)
        return resolver

    return use


async def ask(transport: GuardedTransport, port: int) -> int:
    request = httpx.Request("GET", f"http://model.example:{port}/", headers={"connection": "close"})
    response = await transport.handle_async_request(request)
    await response.aread()
    await response.aclose()
    return response.status_code


def server(seen: list[str]) -> Serve:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(writer.get_extra_info("sockname")[0])
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        writer.close()

    return answer


async def test_a_name_that_turns_to_this_machine_is_refused_at_the_next_connection(
    resolve: Callable[..., Resolver],
) -> None:
    resolver, seen = resolve(["127.0.0.1"], ["127.0.0.3"]), list[str]()
    transport = GuardedTransport(destinations.check_address)
    async with listening(server(seen)) as port:
        assert await ask(transport, port) == 200
        with pytest.raises(httpx.ConnectError, match="not a public address"):
            await ask(transport, port)
    await transport.aclose()
    assert (seen, resolver.asked) == (["127.0.0.1"], 2)


async def test_one_look_up_serves_the_check_and_the_connection(resolve: Callable[..., Resolver]) -> None:
    """A second look-up in between is what rebinding lives on."""
    resolver, seen = resolve(["127.0.0.1"], ["127.0.0.3"]), list[str]()
    transport = GuardedTransport(destinations.check_address)
    async with listening(server(seen)) as port:
        assert await ask(transport, port) == 200
    await transport.aclose()
    assert (seen, resolver.asked) == (["127.0.0.1"], 1)


@pytest.mark.parametrize("forbidden", ["127.0.0.3", "10.0.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"])
async def test_one_forbidden_address_among_good_ones_is_enough(
    resolve: Callable[..., Resolver], forbidden: str
) -> None:
    resolve(["127.0.0.1", forbidden])
    transport, seen = GuardedTransport(destinations.check_address), list[str]()
    async with listening(server(seen)) as port:
        with pytest.raises(httpx.ConnectError):
            await ask(transport, port)
    await transport.aclose()
    assert seen == []
