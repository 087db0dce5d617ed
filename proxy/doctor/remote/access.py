"""Who is let in, and how the others are told."""

import time

import httpx

from proxy.doctor.remote.server import VERSION, Doubt, Server, expect, json_of, refusal_of

_DISCOVERY_SECONDS = 3.0
_SHAPE = ("data", "has_more", "first_id", "last_id")
_NO_RETRY = "401 without x-should-retry: false makes clients try again and again; let response headers pass."


def api_key(server: Server) -> str:
    """`GET /v1/models?limit=1000` as Claude Code's model discovery asks it."""
    started = time.perf_counter()
    models = _models(server, {"x-api-key": server.key})
    took = time.perf_counter() - started
    server.model = models[0] if models else ""
    found = f"{len(models)} models in {took * 1000:.0f} ms"
    if not models:
        raise Doubt("the key may use no model", "Widen the key's models, or give the tenant an upstream.")
    if took > _DISCOVERY_SECONDS:
        raise Doubt(found, "Claude Code gives up after 3 s: bring the proxy nearer.")
    return found


def bearer(server: Server) -> str:
    """The other header, for the same key."""
    return f"{len(_models(server, {'authorization': f'Bearer {server.key}'}))} models"


def both(server: Server) -> str:
    """Claude Code's credential helpers send both."""
    headers = {"x-api-key": server.key, "authorization": f"Bearer {server.key}"}
    return f"{len(_models(server, headers))} models"


def two_different(server: Server) -> str:
    """Two keys in one request: whichever were used would surprise somebody."""
    headers = server.headers(authorization=f"Bearer {_altered(server.key)}")
    return refusal_of(_get_models(server, headers), 401, "authentication_error")


def wrong_key(server: Server) -> str:
    """A key with one character changed."""
    return _refused(server, server.headers(x_api_key=_altered(server.key)))


def no_key(server: Server) -> str:
    """No credential at all."""
    return _refused(server, {"anthropic-version": VERSION})


def unknown_path(server: Server) -> str:
    """404 as JSON, not a page."""
    reply = server.client.post("/v1/doctor/no-such-path", headers=server.headers(), json={})
    return refusal_of(reply, 404, "not_found_error")


def _models(server: Server, credentials: dict[str, str]) -> list[str]:
    reply = _get_models(server, {"anthropic-version": VERSION, **credentials})
    told = json_of(reply)
    message = told.get("error", {}).get("message", "")
    expect(reply.status_code == 200, f"HTTP {reply.status_code}: {message}", "Is the key right, active and allowed?")
    missing = [name for name in _SHAPE if name not in told]
    expect(not missing, f"the list lacks {', '.join(missing)}", "Is the address a gateway for Anthropic's API?")
    expect("request-id" in reply.headers, "no request-id header", "Let response headers pass.")
    return [model["id"] for model in told["data"]]


def _get_models(server: Server, headers: dict[str, str]) -> httpx.Response:
    return server.client.get("/v1/models", params={"limit": 1000}, headers=headers)


def _refused(server: Server, headers: dict[str, str]) -> str:
    reply = _get_models(server, headers)
    message = refusal_of(reply, 401, "authentication_error")
    expect(reply.headers.get("x-should-retry") == "false", "no x-should-retry: false", _NO_RETRY)
    return message


def _altered(key: str) -> str:
    return key[:-1] + ("0" if key[-1:] != "0" else "1")
