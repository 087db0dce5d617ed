"""New connections: a name becomes addresses, each is checked, and the first that answers is taken."""

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import aiohappyeyeballs
import httpx

from proxy.upstreams.http1.connection import Connection

AddressCheck = Callable[[str, str], None]
"""(ip address, host name) → None, or raises ValueError where connecting is forbidden."""

_KEPT_SECONDS = 10.0
_MOST_KEPT_NAMES = 1024
_NEXT_ADDRESS_SECONDS = 0.25  # RFC 8305 §5: so long is one address waited for before the next is tried beside it


@dataclass(frozen=True, slots=True)
class Origin:
    """What connections are kept by: two origins never share one."""

    is_tls: bool
    host: str
    port: int


class Dialler:
    """Connects to origins. What was checked is what is connected to: the name is not looked up a second time."""

    def __init__(self, check: AddressCheck, trust: ssl.SSLContext | None = None) -> None:
        self._check = check
        self._trust = trust or _system_trust()
        self._known: dict[Origin, tuple[float, Sequence[aiohappyeyeballs.AddrInfoType]]] = {}

    async def connect(self, origin: Origin, timeout_seconds: float | None) -> Connection:
        """A fresh connection, TLS handshake done. Raises httpx.ConnectError, httpx.ConnectTimeout."""
        try:
            async with asyncio.timeout(timeout_seconds):
                return await self._connect(origin)
        except TimeoutError as error:
            raise httpx.ConnectTimeout("connecting took too long") from error
        except (OSError, ValueError) as error:
            raise httpx.ConnectError(str(error) or type(error).__name__) from error

    async def _connect(self, origin: Origin) -> Connection:
        loop = asyncio.get_running_loop()
        addresses = await self._addresses(origin)
        connected = await aiohappyeyeballs.start_connection(addresses, happy_eyeballs_delay=_NEXT_ADDRESS_SECONDS)
        try:
            _transport, connection = await loop.create_connection(
                Connection,
                sock=connected,
                ssl=self._trust if origin.is_tls else None,
                server_hostname=origin.host if origin.is_tls else None,
            )
        except BaseException:
            with contextlib.suppress(OSError):  # the loop may have closed it
                connected.close()
            raise
        return connection

    async def _addresses(self, origin: Origin) -> Sequence[aiohappyeyeballs.AddrInfoType]:
        expires, addresses = self._known.get(origin, (0.0, ()))
        if time.monotonic() < expires:
            return addresses
        found: Sequence[aiohappyeyeballs.AddrInfoType] = await asyncio.get_running_loop().getaddrinfo(
            origin.host, origin.port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
        )
        for info in found:
            self._check(str(info[4][0]), origin.host)
        if len(self._known) >= _MOST_KEPT_NAMES:
            self._known.clear()
        self._known[origin] = (time.monotonic() + _KEPT_SECONDS, found)
        return found


@cache
def _system_trust() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
