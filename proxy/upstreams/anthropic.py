"""Upstreams that speak the Messages API: how an outbound call becomes an HTTP request."""

from functools import lru_cache

import httpx

from proxy.call import Headers, Outbound, UpstreamRules
from proxy.upstreams.answer import UpstreamFailed

# Open lists, as Claude Code's gateway documentation asks: what starts like this is forwarded as it came.
_FORWARDED_PREFIXES = (b"anthropic-", b"x-claude-code-", b"x-stainless-")
_FORWARDED = frozenset((b"content-type", b"accept", b"user-agent", b"x-app", b"idempotency-key"))
# These choose whose workspace, profile or bill is used upstream: not a tenant's choice on a shared credential.
_SELECTORS = frozenset((b"anthropic-organization-id", b"anthropic-workspace-id", b"anthropic-user-profile-id"))

_MAX_KEPT_QUERY = 64


def prepare(outbound: Outbound) -> httpx.Request:
    """The request to send: the client's headers and query, the upstream's credential, the outbound body."""
    inbound = outbound.call.inbound
    headers = [item for item in inbound.headers if _is_forwarded(item[0])]
    return request(outbound.upstream, "POST", inbound.path, inbound.query.decode("latin-1"), headers, outbound.body)


def request(
    upstream: UpstreamRules, method: str, path: str, query: str, headers: Headers, body: bytes = b""
) -> httpx.Request:
    """A request to one of the upstream's paths, with its credential. Raises UpstreamFailed."""
    if upstream.credential is None:
        raise UpstreamFailed(
            f"The credential stored for the upstream {upstream.name!r} cannot be decrypted. "
            "Ask the gateway's administrator to enter it again.",
            status=503,
            headers={"x-should-retry": "false"},
        )
    url = url_of(upstream.base_url, path, query)
    own = [(b"host", url.netloc), (b"accept-encoding", b"identity")]
    if body:
        own.append((b"content-length", str(len(body)).encode()))
    if upstream.credential:
        own.append((b"x-api-key", upstream.credential.encode()))
    # A stream rather than `content`: httpx would look for what to add to the headers, at a tenth of a call's cost.
    return httpx.Request(
        method,
        url,
        headers=[*headers, *own],
        stream=httpx.ByteStream(body),
        extensions={"timeout": {"connect": upstream.connect_timeout_seconds, "read": upstream.read_timeout_seconds}},
    )


def _is_forwarded(name: bytes) -> bool:
    return name in _FORWARDED or (name.startswith(_FORWARDED_PREFIXES) and name not in _SELECTORS)


def url_of(base_url: str, path: str, query: str) -> httpx.URL:
    """The upstream's address of a path; a base URL may end in `/v1` or not."""
    # A client could fill the memory with thousands of long queries: only what clients really send is kept.
    return (_kept_url if len(query) <= _MAX_KEPT_QUERY else _url)(base_url, path, query)


def _url(base_url: str, path: str, query: str) -> httpx.URL:
    base = base_url.rstrip("/").removesuffix("/v1")
    return httpx.URL(f"{base}{path}{'?' + query if query else ''}")


_kept_url = lru_cache(maxsize=4096)(_url)
