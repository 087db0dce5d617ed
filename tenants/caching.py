"""What a tenant's settings for kept answers may hold. The check raises ValidationError that names the field."""

from collections.abc import Callable, Mapping
from typing import Any

from django.core.exceptions import ValidationError

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


def check_settings(value: Any) -> None:
    """`{exact: {enabled, ttl, max_mb, sampled, tool_results, single_flight}}`."""
    _known("", value, ("exact",))
    exact = value.get("exact", {})
    _known("exact.", exact, _EXACT)
    for name, inner in exact.items():
        _EXACT[name](f"exact.{name}", inner)


def exact(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Every setting of the exact cache."""
    return {**DEFAULTS, **settings.get("exact", {})}


def _known(where: str, value: Any, names: Mapping[str, Any] | tuple[str, ...]) -> None:
    if not isinstance(value, Mapping):
        raise ValidationError(f"{where.rstrip('.') or 'cache'}: give an object, e.g. {{exact: {{enabled: true}}}}.")
    for name in value:
        if name not in names:
            raise ValidationError(f"{where}{str(name)[:100]!r} is unknown. Known here: {', '.join(names)}.")


def _switch(name: str, value: Any) -> None:
    if not isinstance(value, bool):
        raise ValidationError(f"{name}: it must be true or false.")


def _number(least: int, most: int, unit: str) -> Callable[[str, Any], None]:
    def check(name: str, value: Any) -> None:
        if type(value) is not int or not least <= value <= most:
            raise ValidationError(f"{name}: give a whole number of {unit} from {least} to {most}.")

    return check


_EXACT: Mapping[str, Callable[[str, Any], None]] = {
    "enabled": _switch,
    "ttl": _number(1, _MOST_TTL, "seconds"),
    "max_mb": _number(1, _MOST_MB, "megabytes"),
    "sampled": _switch,
    "tool_results": _switch,
    "single_flight": _switch,
}
