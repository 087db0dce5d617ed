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


def check_settings(value: Any) -> None:
    """`{exact: {enabled, ttl, max_mb, sampled, tool_results, single_flight}}`."""
    checks.members(value, {"exact": _exact}, example=_EXAMPLE)


def exact(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Every setting of the exact cache."""
    return {**DEFAULTS, **settings.get("exact", {})}


def _exact(name: str, value: Any) -> None:
    checks.members(value, _EXACT, example="{enabled: true}", where=name)


_EXACT: Mapping[str, checks.NamedCheck] = {
    "enabled": checks.named(checks.switch),
    "ttl": checks.named(checks.whole(1, _MOST_TTL, "seconds")),
    "max_mb": checks.named(checks.whole(1, _MOST_MB, "megabytes")),
    "sampled": checks.named(checks.switch),
    "tool_results": checks.named(checks.switch),
    "single_flight": checks.named(checks.switch),
}
