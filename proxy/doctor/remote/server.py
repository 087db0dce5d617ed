"""The server that is looked at, and how a check says what is wrong with it."""

from dataclasses import dataclass, field
from typing import Any

import httpx

VERSION = "2023-06-01"
TIMEOUT = httpx.Timeout(60.0, connect=10.0)


class Wrong(Exception):
    """Clients will not work."""

    def __init__(self, found: str, remedy: str) -> None:
        super().__init__(found)
        self.found, self.remedy = found, remedy


class Doubt(Wrong):
    """Clients will work, in part or by luck."""


@dataclass(slots=True)
class Server:
    """A base address, a key, and one connection pool. `model` is the first that the server lists."""

    client: httpx.Client
    key: str = field(repr=False)
    model: str = ""

    def headers(self, **more: str) -> dict[str, str]:
        """Those of a client with this key; underscores in names stand for hyphens."""
        own = {"x-api-key": self.key, "anthropic-version": VERSION}
        return own | {name.replace("_", "-"): value for name, value in more.items()}

    def question(self, text: str = "Say hello.", **more: Any) -> dict[str, Any]:
        """The body of a small message request."""
        model = self.model or "claude-haiku-4-5"
        return {"model": model, "max_tokens": 64, "messages": [{"role": "user", "content": text}], **more}


def connect(url: str, key: str, transport: httpx.BaseTransport | None = None) -> Server:
    """The server at this address. Redirects are not followed: model clients do not follow them either."""
    base = url.rstrip("/").removesuffix("/v1")
    return Server(httpx.Client(base_url=base, timeout=TIMEOUT, follow_redirects=False, transport=transport), key)


def expect(condition: bool, found: str, remedy: str) -> None:
    """Raise Wrong unless it holds."""
    if not condition:
        raise Wrong(found, remedy)


def json_of(reply: httpx.Response) -> dict[str, Any]:
    """The reply's JSON object. Raises Wrong for a redirect, for HTML and for anything else."""
    if reply.is_redirect:
        where = reply.headers.get("location", "?")
        raise Wrong(f"it redirects to {where}", f"Give clients {where} as their address; they follow no redirect.")
    remedy = "Something in front of the proxy answers for it (a firewall, a login page, a load balancer): exempt /v1."
    expect(
        "json" in reply.headers.get("content-type", ""), f"HTTP {reply.status_code}, not JSON: {_start(reply)}", remedy
    )
    try:
        value = reply.json()
    except ValueError:
        raise Wrong(f"HTTP {reply.status_code}, broken JSON: {_start(reply)}", remedy) from None
    expect(isinstance(value, dict), f"HTTP {reply.status_code}, JSON but no object", remedy)
    found: dict[str, Any] = value
    return found


def refusal_of(reply: httpx.Response, status: int, kind: str) -> str:
    """The message of a refusal that must have this status and error type."""
    error = json_of(reply).get("error", {})
    expect(
        reply.status_code == status,
        f"HTTP {reply.status_code} where {status} is due: {error.get('message', '')}",
        "This is not how an Anthropic API refuses: clients will misread it. Is the address a model gateway's?",
    )
    expect(
        error.get("type") == kind,
        f"HTTP {status}, but the error's type is {error.get('type')!r} instead of {kind!r}",
        "Something in front of the proxy rewrites its errors: let them pass unchanged.",
    )
    expect("request-id" in reply.headers, f"HTTP {status} without a request-id header", "Let response headers pass.")
    return str(error.get("message", ""))


def _start(reply: httpx.Response) -> str:
    return repr(" ".join(reply.text.split())[:80])
