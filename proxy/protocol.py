"""`GET /protocol`: what this server supports, for programs. `manage.py doctor --url` checks it from outside.

The duties are those of Claude Code's gateway documentation (code.claude.com/docs/en/llm-gateway-protocol).
"""

from typing import Any

VERSION = 1


def statement() -> dict[str, Any]:
    """The statement, as plain JSON values."""
    return {
        "protocol": "llm-proxy",
        "version": VERSION,
        "api": "anthropic-messages",
        "authentication": {
            "headers": ["x-api-key", "authorization: Bearer"],
            "both": "accepted when they agree, refused with 401 when they differ",
            "key_pattern": "^llmp_[0-9A-Za-z]{36}$",
        },
        "endpoints": [
            {"method": "POST", "path": "/v1/messages", "streaming": True, "query": "ignored and forwarded"},
            {"method": "POST", "path": "/v1/messages/count_tokens"},
            {"method": "GET", "path": "/v1/models", "paging": ["limit", "after_id", "before_id"]},
            {"method": "GET", "path": "/v1/models/{id}"},
            {"method": "GET", "path": "/v1/usage", "query": ["days", "session"]},
            {"method": "GET", "path": "/v1/usage/status-line", "query": ["days", "session"]},
            {"method": "HEAD", "path": "/", "authentication": False},
            {"method": "HEAD", "path": "/api/hello", "authentication": False},
            {"method": "GET", "path": "/healthz", "authentication": False},
            {"method": "GET", "path": "/readyz", "authentication": False},
            {"method": "GET", "path": "/protocol", "authentication": False},
        ],
        "forwarding": {
            "anthropic-version": "the client's, unchanged",
            "anthropic-beta": "the client's, unchanged, no allow-list",
            "request_headers": ["anthropic-*", "x-claude-code-*", "x-stainless-*"],
            "request_headers_not_forwarded": [
                "anthropic-organization-id",
                "anthropic-workspace-id",
                "anthropic-user-profile-id",
            ],
            "request_body": "byte for byte; a model alias edits the value of `model` and nothing else",
            "response_body": "byte for byte, streamed event by event",
            "upstream_errors": "status and body unchanged; 401 of the upstream becomes 502",
        },
        "streaming": {"buffered": False, "ping_after_seconds": 15, "failure": "an SSE `error` event"},
        "refused": {
            "thread": "400 thread_unsupported_request: SDKs send the full conversation again",
            "batches": 404,
            "files": 404,
            "skills": 404,
            "file_id, container ids": 400,
        },
        "extensions": _extensions(),
        "limits": {"max_body": "32 MiB unless the operator sets another", "json_depth": 64},
    }


def _extensions() -> dict[str, Any]:
    return {
        "request_headers": {
            "x-llmp-dry-run": "true: the whole pipeline but for the upstream, answered as JSON",
            "x-llmp-rag": "collections and settings of the passages that are added, as handbook,top_k=3, or off; "
            "with tool=on the model searches them by itself",
        },
        "response_headers": [
            "x-llmp-request-id",
            "x-llmp-upstream",
            "x-llmp-model",
            "x-llmp-max-tokens",
            "x-llmp-degraded",
            "x-llmp-budget-warning",
            "x-llmp-price-warning",
            "x-llmp-pii",
            "x-llmp-rag",
            "x-llmp-rag-passages",
            "x-llmp-rag-ms",
            "x-llmp-rag-tool",
            "x-llmp-rag-error",
            "x-llmp-overhead-ms",
            "server-timing",
        ],
    }
