"""Whose address a request has: the nearest that is no load balancer of ours."""

from ipaddress import ip_network
from typing import Any

import pytest

from proxy import door


def request(peer: str, forwarded: bytes) -> dict[str, Any]:
    headers = [(b"host", b"gateway"), (b"x-forwarded-for", forwarded)]
    return {"type": "http", "method": "POST", "path": "/v1/messages", "client": (peer, 1), "headers": headers}


@pytest.mark.parametrize(
    ("trusted", "forwarded", "seen"),
    [
        ([], b"198.51.100.1", "203.0.113.9"),
        (["203.0.113.0/24"], b"198.51.100.1", "198.51.100.1"),
        (["203.0.113.0/24"], b"6.6.6.6, 198.51.100.1", "198.51.100.1"),
        (["203.0.113.0/24"], b"6.6.6.6, 203.0.113.7", "6.6.6.6"),
        (["203.0.113.0/24"], b"", "203.0.113.9"),
        (["203.0.113.0/24"], b"junk", "junk"),
        (["10.0.0.0/8"], b"198.51.100.1", "203.0.113.9"),
    ],
)
def test_the_clients_address_is_the_nearest_that_is_no_load_balancer(
    trusted: list[str], forwarded: bytes, seen: str
) -> None:
    scope = request("203.0.113.9", forwarded)
    assert door.inbound_of(scope, [ip_network(cidr) for cidr in trusted]).client_ip == seen


def test_a_load_balancer_is_known_by_its_ipv4_address_on_a_server_that_listens_on_ipv6() -> None:
    scope = request("::ffff:203.0.113.9", b"198.51.100.1")
    assert door.inbound_of(scope, [ip_network("203.0.113.0/24")]).client_ip == "198.51.100.1"
