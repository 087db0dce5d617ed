"""The check of a running server as its clients see it: no Django, no database, only an address and a key."""

from collections.abc import Callable, Iterator, Mapping

import httpx

from proxy.doctor.finding import Finding, fail, ok, warn
from proxy.doctor.remote import access, bodies, messages, probes
from proxy.doctor.remote.server import Doubt, Server, Wrong

Check = Callable[[Server], str]

_FREE: Mapping[str, Check] = {
    "TLS": probes.tls,
    "HEAD /": probes.head_root,
    "HEAD /api/hello": probes.head_hello,
    "statement": probes.statement,
    "x-api-key": access.api_key,
    "Bearer": access.bearer,
    "both credentials": access.both,
    "two different credentials": access.two_different,
    "wrong key": access.wrong_key,
    "no key": access.no_key,
    "unknown path": access.unknown_path,
    "latency": probes.latency,
    "count_tokens": bodies.count_tokens,
    "refusals": bodies.invalid,
    "unchanged bodies": bodies.unchanged,
    "firewall": bodies.firewall,
    "large bodies": bodies.large,
}
_COSTING: Mapping[str, Check] = {"message": messages.whole, "stream": messages.streamed}


def check(server: Server, *, with_messages: bool = True) -> Iterator[Finding]:
    """Every finding, as it is made. Messages cost a few tokens."""
    for name, look in {**_FREE, **(_COSTING if with_messages else {})}.items():
        yield _finding(name, look, server)


def _finding(name: str, look: Check, server: Server) -> Finding:
    try:
        return ok(name, look(server))
    except Doubt as doubt:
        return warn(name, doubt.found, doubt.remedy)
    except Wrong as wrong:
        return fail(name, wrong.found, wrong.remedy)
    except (httpx.HTTPError, httpx.InvalidURL) as broken:
        words = str(broken) or type(broken).__name__
        return fail(name, f"no answer: {words}", "Check the address, the network between, and that the server runs.")
