"""Where calls and alerts may go: the guard against upstreams and webhooks that point into the operator's own network.

A URL is checked when it is saved, and each address its host resolves to when a connection is made (DNS may have
changed in between). The grammar here is so narrow that no two URL parsers can read one of its URLs differently.
"""

import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from django.conf import settings

from tenants.networks import Address, Network, is_metadata, is_public, is_site_owned, unwrap

ANTHROPIC_URL = "https://api.anthropic.com"
PUBLIC_PORTS = frozenset({443, 8443})

Resolver = Callable[[str], list[str]]

_LABEL = r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?"
_URL = re.compile(
    r"(?P<scheme>https?)://"
    rf"(?P<host>\[[0-9a-f:.]{{2,45}}\]|{_LABEL}(?:\.{_LABEL})*)"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?"
    r"(?P<path>(?:/[A-Za-z0-9._~-]+)*)",
    re.ASCII,
)
_PRIVATE_SUFFIXES = ("localhost", "local", "internal", "intranet", "lan", "home", "corp", "arpa", "test", "invalid")
_REMEDY = "If it is yours, the operator can add it to LLMP_PRIVATE_UPSTREAMS."


class Forbidden(ValueError):
    """Calls must not go there. The message says why and what would allow it."""


@dataclass(frozen=True, slots=True)
class Destination:
    """The parts of an accepted URL; connections are made from these, never from another parse."""

    scheme: str
    host: str  # without brackets
    port: int
    path: str


def parse(url: str) -> Destination:
    """The URL's parts. Raises Forbidden for all but scheme://host[:port][/path] in its plain spelling."""
    match = _URL.fullmatch(url)
    if match is None or any(part in (".", "..") for part in match["path"].split("/")):
        raise Forbidden(
            "The URL must look like https://host, https://host:8443 or https://host/path: lower-case ASCII, "
            "without user, query, fragment, spaces or a slash at the end."
        )
    host = match["host"].strip("[]")
    port = int(match["port"] or (443 if match["scheme"] == "https" else 80))
    if port > 65535 or len(host) > 253:
        raise Forbidden("The URL's port or host is out of range.")
    _check_spelling(host)
    return Destination(match["scheme"], host, port, match["path"])


def check_url(url: str, *, resolve: Resolver | None = None) -> None:
    """Raise Forbidden unless calls may go to this URL. With `resolve`, its addresses as of now are checked too."""
    where = parse(url)
    address = _literal(where.host)
    if address is not None:
        check_address(where.host, where.host)
    if _is_listed(where.host, address):
        return
    if address is None:
        _check_public_name(where.host)
    if where.scheme != "https":
        raise Forbidden(f"{where.host}: plain http would send what is secret in clear. Use https. {_REMEDY}")
    if where.port not in PUBLIC_PORTS:
        ports = ", ".join(map(str, sorted(PUBLIC_PORTS)))
        raise Forbidden(f"{where.host}: port {where.port} is not one of {ports}. {_REMEDY}")
    for found in resolve(where.host) if resolve and address is None else ():
        check_address(found, where.host)


def check_address(ip: str, host: str) -> None:
    """Raise Forbidden unless a connection for `host` may be made to this address, one of those it resolves to."""
    try:
        address = unwrap(ip_address(ip))
    except ValueError as wrong:
        raise Forbidden(f"{host}: {ip!r} is not an address.") from wrong
    if is_metadata(address):
        raise Forbidden(f"{host} leads to {ip}, a cloud's metadata service. Nothing may go there.")
    if is_public(address):
        return
    networks, _names = _private_upstreams(settings.CONFIG.private_upstreams)
    if any(address in network for network in networks):
        return
    if _is_listed(host, None) and is_site_owned(address):
        return
    raise Forbidden(f"{host} leads to {ip}, which is not a public address. {_REMEDY}")


def lookup(host: str) -> list[str]:
    """The host's addresses as of now; none if it does not resolve (it may do so later, and is checked then)."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return sorted({str(entry[4][0]) for entry in found})


@lru_cache(maxsize=8)
def _private_upstreams(text: str) -> tuple[tuple[Network, ...], frozenset[str]]:
    """The operator's setting as networks and host names."""
    networks: list[Network] = []
    names: set[str] = set()
    for part in filter(None, (piece.strip().lower() for piece in text.split(","))):
        try:
            networks.append(ip_network(part, strict=False))
        except ValueError:
            names.add(part)
    if any(IPv4Address("127.0.0.1") in network for network in networks):
        names.add("localhost")
    return tuple(networks), frozenset(names)


def _is_listed(host: str, address: Address | None) -> bool:
    """Whether the operator named this host, or a network it is written as an address of."""
    networks, names = _private_upstreams(settings.CONFIG.private_upstreams)
    if address is None:
        return host in names
    return any(unwrap(address) in network for network in networks)


def _check_spelling(host: str) -> None:
    """Refuse what some resolvers take for an address in disguise: 127.1, 0x7f.1, 2130706433, 0177.0.0.1."""
    if _literal(host) is not None:
        return
    if ":" in host or re.fullmatch(r"[0-9]+|0x[0-9a-f]*", host.rsplit(".", 1)[-1]):
        raise Forbidden(f"{host} is neither a host name nor an address in its usual spelling.")
    if any(label.startswith("xn--") for label in host.split(".")):
        raise Forbidden(f"{host}: international host names are not accepted, as they are easily mistaken.")


def _check_public_name(host: str) -> None:
    if "." not in host or host.rsplit(".", 1)[-1] in _PRIVATE_SUFFIXES:
        raise Forbidden(f"{host} is a name of a private network. {_REMEDY}")


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    """The host as an address, if it is one in strict spelling."""
    try:
        return ip_address(host)
    except ValueError:
        return None
