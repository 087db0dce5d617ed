"""What a tenant's settings for kept answers may hold. The check raises ValidationError that names the field."""

from collections.abc import Mapping
from typing import Any

from tenants import checks

DEFAULTS: Mapping[str, Any] = {
    "enabled": False,
    "ttl": 3600,
    "max_mb": 64,
    "sampled": True,
    "tool_results": False,
    "single_flight": False,
}
"""What the exact cache goes by where its settings say nothing."""

_MOST_TTL = 30 * 24 * 3600
_MOST_MB = 4096
_EXAMPLE = "{exact: {enabled: true}}"


SEMANTIC: Mapping[str, Any] = {"enabled": False, "ttl": 3600, "threshold": 0.8}
"""What the semantic cache goes by where its settings say nothing. It adds to the exact one, never stands alone."""
LEAST_THRESHOLD = 0.6
PROMPT: Mapping[str, Any] = {"enabled": False}
"""Whether prompts are marked for their upstream to keep. It is independent of the other two."""
CACHES: Mapping[str, Mapping[str, Any]] = {"exact": DEFAULTS, "semantic": SEMANTIC, "prompt": PROMPT}
"""Their settings, with what holds where nothing is said."""


def check_settings(value: Any) -> None:
    """A tenant's: `{exact: {enabled, …}, semantic: {enabled, ttl, threshold}, prompt: {enabled}}`, all optional."""
    checks.members(value, {"exact": _exact, "semantic": _semantic, "prompt": _switched}, example=_EXAMPLE)


def check_overrides(value: Any) -> None:
    """A key's: `{exact: {enabled}, semantic: {enabled, ttl, threshold}, prompt: {enabled}}`."""
    checks.members(value, {"exact": _switched, "semantic": _semantic, "prompt": _switched}, example=_EXAMPLE)


def effective(tenant: Mapping[str, Any], key: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Every setting of each cache: the key's, else the tenant's, else the default."""
    return {name: {**defaults, **tenant.get(name, {}), **key.get(name, {})} for name, defaults in CACHES.items()}


def _exact(name: str, value: Any) -> None:
    checks.members(value, _EXACT, example="{enabled: true}", where=name)


def _switched(name: str, value: Any) -> None:
    checks.members(value, {"enabled": _EXACT["enabled"]}, example="{enabled: false}", where=name)


def _semantic(name: str, value: Any) -> None:
    checks.members(value, _SEMANTIC, example="{enabled: true}", where=name)


_EXACT: Mapping[str, checks.NamedCheck] = {
    "enabled": checks.named(checks.switch),
    "ttl": checks.named(checks.whole(1, _MOST_TTL, "seconds")),
    "max_mb": checks.named(checks.whole(1, _MOST_MB, "megabytes")),
    "sampled": checks.named(checks.switch),
    "tool_results": checks.named(checks.switch),
    "single_flight": checks.named(checks.switch),
}

_SEMANTIC: Mapping[str, checks.NamedCheck] = {
    "enabled": checks.named(checks.switch),
    "ttl": checks.named(checks.whole(1, _MOST_TTL, "seconds")),
    "threshold": checks.named(checks.number(LEAST_THRESHOLD, 1)),
}
