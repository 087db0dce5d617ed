"""What answers without a key, and how fast."""

import time
from statistics import median

from proxy.doctor.remote.server import Doubt, Server, Wrong, expect, json_of

_SLOW_SECONDS = 1.0
_PROBES = 5


def tls(server: Server) -> str:
    """Keys must not travel in clear; httpx has checked the certificate by the first answer."""
    url = server.client.base_url
    server.client.head("/")
    if url.scheme == "https":
        return "the certificate is accepted"
    if url.host in {"localhost", "127.0.0.1", "::1"}:
        return "none, but on this machine"
    raise Doubt(f"{url}: keys and prompts travel in clear", "Serve https, in the proxy's load balancer.")


def head_root(server: Server) -> str:
    """Older Claude Code looks here first."""
    return _head(server, "/")


def head_hello(server: Server) -> str:
    """Claude Code looks here first."""
    return _head(server, "/api/hello")


def statement(server: Server) -> str:
    """What the server says it supports."""
    reply = server.client.get("/protocol")
    if reply.status_code == 404:
        raise Doubt("no /protocol: another gateway, or an old one", "Update the server; the other checks still hold.")
    told = json_of(reply)
    expect(told.get("protocol") == "llm-proxy", "it is not an LLM Proxy's", "Check the address.")
    paths = {endpoint.get("path") for endpoint in told.get("endpoints", [])}
    missing = {"/v1/messages", "/v1/messages/count_tokens", "/v1/models"} - paths
    expect(not missing, f"it does not name {', '.join(sorted(missing))}", "Update the server.")
    return f"version {told.get('version')}, {len(paths)} paths"


def latency(server: Server) -> str:
    """How long a request takes that goes to no upstream."""
    times = []
    for _ in range(_PROBES):
        started = time.perf_counter()
        server.client.get("/v1/models", params={"limit": 1}, headers=server.headers())
        times.append(time.perf_counter() - started)
    found = f"{median(times) * 1000:.0f} ms (median of {_PROBES})"
    if median(times) > _SLOW_SECONDS:
        raise Doubt(f"{found}: every request of a client takes that much longer", "Put the proxy nearer.")
    return found


def _head(server: Server, path: str) -> str:
    started = time.perf_counter()
    reply = server.client.head(path)
    if reply.is_redirect:
        raise Wrong(f"it redirects to {reply.headers.get('location', '?')}", "Clients follow none: let it answer 200.")
    expect(reply.status_code < 400, f"HTTP {reply.status_code}", "Let the path pass to the proxy, without a login.")
    return f"HTTP {reply.status_code} in {(time.perf_counter() - started) * 1000:.0f} ms"
