"""A guard: tests talk to this machine only."""

import ipaddress
import socket
import sys
from typing import Any


class ConnectionBlocked(RuntimeError):
    """A test tried to reach something outside this machine."""


def block() -> None:
    """Refuse every connection and look-up that leaves the loopback, for the life of this process."""
    sys.addaudithook(_audit)


def _audit(event: str, args: tuple[Any, ...]) -> None:
    if event == "socket.connect":
        address = args[1]
        if isinstance(address, tuple) and not _is_local(address[0]):
            raise ConnectionBlocked(f"tests may not connect to {address[0]}")
    elif event == "socket.getaddrinfo" and not _is_local(args[0]):
        raise socket.gaierror(socket.EAI_NONAME, f"tests may not look up {args[0]!r}")


def _is_local(host: Any) -> bool:
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if host in (None, "", "localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
