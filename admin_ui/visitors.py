"""Where a person's request comes from, for what is counted by address."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

from proxy.config import list_of


def address(request: HttpRequest) -> str:
    """The nearest address that is not one of our own load balancers: what others claim is not believed."""
    trusted = [ip_network(cidr) for cidr in list_of(settings.CONFIG.trusted_proxies)]
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "") if trusted else ""
    hops = [hop.strip() for hop in forwarded.split(",") if hop.strip()] + [request.META.get("REMOTE_ADDR") or "unknown"]
    while len(hops) > 1 and _is_in(hops[-1], trusted):
        hops.pop()
    return hops[-1]


def _is_in(text: str, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    try:
        found = ip_address(text)
    except ValueError:
        return False
    return any(found in network for network in networks)


def by_address(_group: str, request: HttpRequest) -> str:
    """The key under which django-ratelimit counts."""
    return address(request)
