"""What the API page says of /v1's requests and replies. Documentation only: nothing is validated by it."""

from typing import Any

DESCRIPTION = (
    "Anthropic's Messages API with your organisation's rules on the way. Send your `llmp_…` key in `x-api-key` or "
    "as a Bearer token; every other header and field is Anthropic's own: "
    "https://platform.claude.com/docs/en/api/messages. `GET /protocol` states what this server supports."
)

_ANY = {"type": "object", "additionalProperties": True}
_ERROR = {
    "type": "object",
    "properties": {
        "type": {"const": "error"},
        "error": {
            "type": "object",
            "properties": {
                "type": {"type": "string", "examples": ["invalid_request_error", "rate_limit_error"]},
                "message": {"type": "string"},
            },
        },
        "request_id": {"type": "string"},
    },
}
_HEADERS: list[dict[str, Any]] = [
    {"name": "x-api-key", "in": "header", "schema": {"type": "string"}, "description": "Or `Authorization: Bearer`."},
    {
        "name": "anthropic-version",
        "in": "header",
        "required": True,
        "schema": {"type": "string", "default": "2023-06-01"},
    },
    {"name": "anthropic-beta", "in": "header", "schema": {"type": "string"}, "description": "Forwarded unchanged."},
    {
        "name": "x-llmp-dry-run",
        "in": "header",
        "schema": {"type": "boolean"},
        "description": "Run everything but the upstream; the answer tells what each step decided.",
    },
    {
        "name": "x-llmp-rag",
        "in": "header",
        "schema": {"type": "string", "examples": ["handbook,top_k=3"]},
        "description": "Collections whose passages are added, with settings; or `off`.",
    },
]
_REQUEST: dict[str, Any] = {
    "type": "object",
    "required": ["model", "max_tokens", "messages"],
    "additionalProperties": True,
    "properties": {
        "model": {"type": "string", "examples": ["claude-sonnet-5-5"]},
        "max_tokens": {"type": "integer", "minimum": 0, "examples": [256]},
        "messages": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"role": {"type": "string"}, "content": {}},
                "required": ["role", "content"],
            },
            "examples": [[{"role": "user", "content": "Hello"}]],
        },
        "system": {},
        "stream": {"type": "boolean"},
        "tools": {"type": "array", "items": _ANY},
    },
}


def _error(description: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": _ERROR}}}


_REFUSALS = {
    400: _error("The request cannot be forwarded; the message names the field."),
    401: _error("No key, or one that is not good. `x-should-retry: false`."),
    403: _error("The key may not do this. `x-should-retry: false`."),
    404: _error("No such model, or not served here."),
    413: _error("The body is too large."),
    502: _error("The upstream failed."),
}


def _operation(*, body: dict[str, Any] | None, answer: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "parameters": _HEADERS if body else _HEADERS[:2],
        "responses": {200: {"description": "The upstream's own answer.", "content": answer}, **_REFUSALS},
    }
    if body:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return operation


_COUNTED = {key: value for key, value in _REQUEST["properties"].items() if key not in {"max_tokens", "stream"}}

MESSAGES = _operation(
    body=_REQUEST,
    answer={"application/json": {"schema": _ANY}, "text/event-stream": {"schema": {"type": "string"}}},
)
COUNT_TOKENS = _operation(
    body={**_REQUEST, "required": ["model", "messages"], "properties": _COUNTED},
    answer={"application/json": {"schema": {"type": "object", "properties": {"input_tokens": {"type": "integer"}}}}},
)
MODELS = _operation(body=None, answer={"application/json": {"schema": _ANY}})
MODELS["parameters"] = [
    *_HEADERS[:2],
    {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 20}},
    {"name": "after_id", "in": "query", "schema": {"type": "string"}},
    {"name": "before_id", "in": "query", "schema": {"type": "string"}},
]
_QUERY: list[dict[str, Any]] = [
    {
        "name": "days",
        "in": "query",
        "schema": {"type": "integer", "minimum": 1, "maximum": 31, "default": 7},
        "description": "How many days back, today included; days are the tenant's.",
    },
    {
        "name": "session",
        "in": "query",
        "schema": {"type": "string"},
        "description": "Only this Claude Code session (`x-claude-code-session-id`).",
    },
]


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _list(of: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": of}


_TEXT, _WHOLE, _MOMENT = {"type": "string"}, {"type": "integer"}, {"type": "string", "format": "date-time"}
_AMOUNT = {"type": "number", "description": "US dollars where the unit is `usd`, else a whole number."}
_SUMS: dict[str, Any] = {
    "requests": {"type": "integer", "description": "Those that an upstream was asked."},
    **{f"{kind}_tokens": _WHOLE for kind in ("input", "output", "cache_write", "cache_read")},
    "cost_usd": {"type": "number"},
}
_LIMIT = _object(
    limit={"enum": ["rpm", "input_tpm", "output_tpm", "count_tokens_rpm", "concurrency"]},
    amount=_WHOLE,
    used=_WHOLE,
    left=_WHOLE,
)
_BUDGET = _object(
    period={"enum": ["minute", "hour", "day", "week", "month", "total"]},
    unit={"enum": ["usd", "tokens", "requests"]},
    on_exceed={"enum": ["block", "warn"]},
    amount=_AMOUNT,
    spent={**_AMOUNT, "description": "Settled calls."},
    held={**_AMOUNT, "description": "What calls under way may still use."},
    left={**_AMOUNT, "description": "Neither spent nor held."},
    utilization={"type": "number", "description": "Spent and held, as a part of the amount."},
    resets_at={**_MOMENT, "nullable": True},
)
_AGENT = _object(agent_id=_TEXT, **_SUMS)
_USAGE = _object(
    type={"const": "usage"},
    at=_MOMENT,
    timezone=_TEXT,
    key=_object(name=_TEXT, limits=_list(_LIMIT), budgets=_list(_BUDGET)),
    tenant=_object(slug=_TEXT, limits=_list(_LIMIT), budgets=_list(_BUDGET)),
    used={
        **_object(
            days=_WHOLE,
            **_SUMS,
            by_model=_list(_object(model=_TEXT, **_SUMS)),
            by_day=_list(_object(day={"type": "string", "format": "date"}, **_SUMS)),
            by_session=_list(_object(session_id=_TEXT, latest_at=_MOMENT, **_SUMS, by_agent=_list(_AGENT))),
        ),
        "description": "By this key. Sessions are the latest 50 with their subagents; other lists are whole.",
    },
)
USAGE = _operation(body=None, answer={"application/json": {"schema": _USAGE}})
USAGE["parameters"] = [_HEADERS[0], *_QUERY]
STATUS_LINE = _operation(body=None, answer={"text/plain": {"schema": {**_TEXT, "examples": ["$0.42 this session"]}}})
STATUS_LINE["parameters"] = USAGE["parameters"]
MODEL = _operation(body=None, answer={"application/json": {"schema": _ANY}})
