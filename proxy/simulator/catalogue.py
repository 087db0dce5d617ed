"""The models that the simulator lists: current Claude names, as GET /v1/models gives them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from proxy.simulator.failures import Failure

_MAX_LIMIT = 1000
_YES, _NO = {"supported": True}, {"supported": False}


def _model(id: str, name: str, created: str, *, context: int = 1_000_000, output: int = 128_000) -> dict[str, Any]:
    is_newer = "-5" in id.removesuffix("-5") or id.endswith(("-4-6", "-4-7", "-4-8"))
    return {
        "type": "model",
        "id": id,
        "display_name": name,
        "created_at": f"{created}T00:00:00Z",
        "lifecycle": "active",
        "deprecated_at": None,
        "retires_at": None,
        "line": id.split("-")[1],
        "max_input_tokens": context,
        "max_tokens": output,
        "capabilities": _capabilities(is_adaptive=is_newer),
    }


def _capabilities(*, is_adaptive: bool) -> dict[str, Any]:
    adaptive = {"supported": is_adaptive}
    return {
        "batch": _NO,
        "citations": _YES,
        "code_execution": _NO,
        "context_management": {
            "supported": False,
            "clear_thinking_20251015": _NO,
            "clear_tool_uses_20250919": _NO,
            "compact_20260112": _NO,
        },
        "effort": {"supported": is_adaptive, **dict.fromkeys(("low", "medium", "high", "xhigh", "max"), adaptive)},
        "image_input": _YES,
        "pdf_input": _YES,
        "server_tools": {"supported": False, "code_execution": _NO, "web_search": _NO},
        "structured_outputs": _YES,
        "thinking": {
            "supported": True,
            "types": {"adaptive": adaptive, "between_tools": _NO, "disabled": _YES, "enabled": _YES},
        },
    }


MODELS: Mapping[str, dict[str, Any]] = {
    model["id"]: model
    for model in (
        _model("claude-haiku-5-5", "Claude Haiku 5.5", "2026-10-15", context=200_000, output=64_000),
        _model("claude-sonnet-5-5", "Claude Sonnet 5.5", "2026-10-01"),
        _model("claude-opus-5-5", "Claude Opus 5.5", "2026-09-15"),
        _model("claude-sonnet-5", "Claude Sonnet 5", "2026-06-15"),
        _model("claude-opus-5", "Claude Opus 5", "2026-06-01"),
        _model("claude-opus-4-8", "Claude Opus 4.8", "2026-05-01"),
        _model("claude-opus-4-7", "Claude Opus 4.7", "2026-04-01"),
        _model("claude-sonnet-4-6", "Claude Sonnet 4.6", "2026-02-17"),
        _model("claude-opus-4-6", "Claude Opus 4.6", "2026-02-05"),
        _model("claude-opus-4-5", "Claude Opus 4.5", "2025-11-24", context=200_000, output=64_000),
        _model("claude-haiku-4-5", "Claude Haiku 4.5", "2025-10-15", context=200_000, output=64_000),
        _model("claude-sonnet-4-5", "Claude Sonnet 4.5", "2025-09-29", context=200_000, output=64_000),
    )
}
"""By id, the newest first. The dates of the newest and the limits are the simulator's, not a promise of Anthropic's."""


def page(query: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """One page of the list, by `limit`, `after_id`, `before_id` and `lifecycle`."""
    limit = _limit(query)
    stages = [*query.get("lifecycle", ()), *query.get("lifecycle[]", ())]
    models = [model for model in MODELS.values() if not stages or model["lifecycle"] in stages]
    start, stop = 0, len(models)
    if after := query.get("after_id"):
        start = _position(models, "after_id", after[0]) + 1
    if before := query.get("before_id"):
        stop = _position(models, "before_id", before[0])
    window = models[start:stop]
    shown = window[-limit:] if before and not after else window[:limit]
    return {
        "data": shown,
        "has_more": len(shown) < len(window),
        "first_id": shown[0]["id"] if shown else None,
        "last_id": shown[-1]["id"] if shown else None,
    }


def _limit(query: Mapping[str, Sequence[str]]) -> int:
    text = query.get("limit", ["20"])[0]
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:5]) <= _MAX_LIMIT:
        raise Failure(400, f"limit: Input should be a whole number from 1 to {_MAX_LIMIT}")
    return int(text)


def _position(models: Iterable[Mapping[str, Any]], name: str, id: str) -> int:
    for at, model in enumerate(models):
        if model["id"] == id:
            return at
    raise Failure(400, f"{name}: no model has the id {id!r}")
