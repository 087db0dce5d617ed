"""What a tenant's settings for transcripts may hold: whether the text of its calls is kept, how long and how much.

The check raises ValidationError that names the field.
"""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError

from tenants import checks

MOST_DAYS = 365
MOST_MB = 102_400
DEFAULTS: Mapping[str, Any] = {"enabled": False, "days": 14, "max_mb": 1024}
"""What holds where the settings say nothing."""


def check_settings(value: Any) -> None:
    """`{enabled, days, max_mb}`, each of them optional."""
    if not isinstance(value, Mapping):
        raise ValidationError("Give an object, e.g. {enabled: true, days: 14}.")
    for name, inner in value.items():
        if name not in _FIELDS:
            raise ValidationError(f"{str(name)[:100]!r} is unknown. Known here: {', '.join(_FIELDS)}.")
        try:
            _FIELDS[name](inner)
        except ValidationError as wrong:
            raise ValidationError(f"{name}: {wrong.messages[0]}") from None


def effective(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Every setting: what was said, else the default."""
    return {**DEFAULTS, **settings}


_FIELDS: Mapping[str, checks.Check] = {
    "enabled": checks.switch,
    "days": checks.whole(1, MOST_DAYS),
    "max_mb": checks.whole(1, MOST_MB),
}
