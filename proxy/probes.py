"""What answers without a key: reachability probes, health, and the statement of what this server supports."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson

from proxy import protocol
from proxy.runtime import Runtime

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_JSON = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]


def is_probe(method: str, path: str) -> bool:
    """Whether a request is answered here. Claude Code probes `HEAD /` or `HEAD /api/hello` before it starts."""
    if path == "/":
        return method == "HEAD"
    return path in {"/api/hello", "/healthz", "/readyz", "/protocol"}


async def answer(method: str, path: str, send: Send, runtime: Runtime | None) -> None:
    """Answer a probe. `runtime` is None while the process is not ready."""
    status, body = 200, b"{}"
    if path == "/healthz":
        body = orjson.dumps({"status": "ok"})
    elif path == "/readyz":
        status, body = _readiness(runtime)
    elif path == "/protocol":
        body = orjson.dumps(protocol.statement(), option=orjson.OPT_INDENT_2)
    elif path == "/api/hello":
        body = orjson.dumps({"message": "hello"})
    if method not in {"GET", "HEAD"}:
        status, body = 405, b"{}"
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*_JSON, length]})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else body})


def _readiness(runtime: Runtime | None) -> tuple[int, bytes]:
    """Ready means: keys can be checked against a database that was asked recently."""
    is_ready = runtime is not None and runtime.directory.is_fresh
    return (200 if is_ready else 503), orjson.dumps({"status": "ready" if is_ready else "not ready"})
