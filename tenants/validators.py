"""What the fields of tenants, keys and upstreams may hold. Each check raises ValidationError in plain words."""

import ipaddress
import math
import zoneinfo
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError

_MAX_ITEMS = 200
_MAX_CHARS = 200
_MAX_METADATA_ITEMS = 32
_MAX_METADATA_NAME_CHARS = 64
_MAX_METADATA_CHARS = 500
_MAX_CREDENTIAL_CHARS = 4096
_MAX_LIMIT = 10**12
_MAX_BUDGETS = 20
_MAX_THRESHOLDS = 10
_MAX_BUDGET = 10**9 * 4  # in nano-dollars it still fits a column
BUDGET_PERIODS = ("minute", "hour", "day", "week", "month", "total")
BUDGET_UNITS = ("usd", "tokens", "requests")
BUDGET_ENDS = ("block", "warn")
_MAX_STEPS = 5
LIMITS = ("rpm", "input_tpm", "output_tpm", "concurrency", "count_tokens_rpm")
"""What can be limited: requests, input and output tokens a minute, requests at once, token counts a minute."""


def check_time_zone(name: str) -> None:
    if name not in zoneinfo.available_timezones():
        raise ValidationError(f"{name!r} is not a time zone; use a name such as Europe/Rome or UTC.")


def check_finite(number: float) -> None:
    """Not NaN, which passes every comparison with a limit."""
    if not math.isfinite(number):
        raise ValidationError("Give a number.")


def check_label(text: str) -> None:
    """A name people read in lists, logs and terminals."""
    if not text.isprintable() or text != text.strip():
        raise ValidationError("Use printable characters, without spaces at the ends.")


def check_aware(moment: datetime) -> None:
    if moment.utcoffset() is None:
        raise ValidationError("Give the moment with its time zone, e.g. 2027-01-01T00:00:00Z.")


def check_globs(value: Any) -> None:
    """A list of model name patterns."""
    for glob in _texts(value, "globs such as claude-*"):
        if any(character.isspace() for character in glob):
            raise ValidationError(f"{glob!r} holds a space; model names have none.")


def check_networks(value: Any) -> None:
    """A list of CIDRs or single addresses."""
    for text in _texts(value, "CIDRs such as 10.0.0.0/8"):
        try:
            ipaddress.ip_network(text)
        except ValueError as wrong:
            raise ValidationError(f"{text!r} is not a network: {wrong}.") from wrong


def check_metadata(value: Any) -> None:
    """A flat object of short texts."""
    pairs = _pairs(value, max_items=_MAX_METADATA_ITEMS)
    for name, text in pairs.items():
        if len(name) > _MAX_METADATA_NAME_CHARS or len(text) > _MAX_METADATA_CHARS:
            raise ValidationError(
                f"{name[:_MAX_METADATA_NAME_CHARS]!r} is too long: names have up to {_MAX_METADATA_NAME_CHARS} "
                f"characters, values up to {_MAX_METADATA_CHARS}."
            )


def check_aliases(value: Any) -> None:
    """Model names to model names, each ending at a name that is no alias itself."""
    aliases = _pairs(value, max_items=_MAX_ITEMS)
    for name, target in aliases.items():
        if not target or max(len(name), len(target)) > _MAX_CHARS:
            raise ValidationError(f"{name[:_MAX_CHARS]!r}: model names have 1 to {_MAX_CHARS} characters.")
        seen = {name}
        while target in aliases:
            if target in seen:
                raise ValidationError(f"{name!r} leads back to {target!r}: aliases must not form a circle.")
            seen.add(target)
            target = aliases[target]


def check_limits(value: Any) -> None:
    """Whole numbers by the names of `LIMITS`."""
    check_object(value)
    for name, number in value.items():
        if name not in LIMITS:
            raise ValidationError(f"{str(name)[:_MAX_CHARS]!r} is unknown. Known here: {', '.join(LIMITS)}.")
        if type(number) is not int or not 1 <= number <= _MAX_LIMIT:
            raise ValidationError(f"{name}: give a whole number from 1 on; leave it out for no limit.")


def check_budgets(value: Any) -> None:
    """A list of {period, usd | tokens | requests, on_exceed, alert_at, degrade}."""
    if not isinstance(value, list) or len(value) > _MAX_BUDGETS:
        raise ValidationError(f"Give a list of up to {_MAX_BUDGETS} budgets such as {{period: month, usd: 20}}.")
    seen = set()
    for place, budget in enumerate(value, start=1):
        try:
            kind = _budget_kind(budget)
        except ValidationError as wrong:
            raise ValidationError(f"Budget {place}: {wrong.messages[0]}") from None
        if kind in seen:
            raise ValidationError(f"Budget {place}: there is one of this period, unit and on_exceed already.")
        seen.add(kind)


def check_thresholds(value: Any) -> None:
    """A list of percentages."""
    if not isinstance(value, list) or len(value) > _MAX_THRESHOLDS:
        raise ValidationError(f"Give a list of up to {_MAX_THRESHOLDS} percentages such as [75, 90].")
    if not all(type(percent) is int and 1 <= percent <= 100 for percent in value) or len(set(value)) < len(value):
        raise ValidationError("Each percentage is a whole number from 1 to 100, and named once.")


def check_degrading(value: Any) -> None:
    """A list of {at, model | max_tokens}: what calls get from a percentage of a budget on."""
    if not isinstance(value, list) or len(value) > _MAX_STEPS:
        raise ValidationError(f"degrade: give a list of up to {_MAX_STEPS} steps such as {{at: 80, max_tokens: 1024}}.")
    for place, step in enumerate(value, start=1):
        check_object(step)
        if set(step) not in ({"at", "model"}, {"at", "max_tokens"}):
            raise ValidationError(f"degrade {place}: give `at`, and either `model` or `max_tokens`.")
        if type(step["at"]) is not int or not 1 <= step["at"] <= 99:
            raise ValidationError(f"degrade {place}: at is a percentage from 1 to 99.")
        if "model" in step:
            check_globs([step["model"]])
        elif type(step["max_tokens"]) is not int or not 1 <= step["max_tokens"] <= _MAX_LIMIT:
            raise ValidationError(f"degrade {place}: max_tokens is a whole number from 1 on.")


def _budget_kind(budget: Any) -> tuple[str, str, str]:
    check_object(budget)
    unknown = budget.keys() - {"period", "on_exceed", "alert_at", "degrade", *BUDGET_UNITS}
    if unknown:
        raise ValidationError(f"{str(min(unknown, key=str))[:_MAX_CHARS]!r} is unknown.")
    period, on_exceed = budget.get("period"), budget.get("on_exceed", "block")
    if period not in BUDGET_PERIODS:
        raise ValidationError(f"period must be one of {', '.join(BUDGET_PERIODS)}.")
    if on_exceed not in BUDGET_ENDS:
        raise ValidationError(f"on_exceed must be one of {', '.join(BUDGET_ENDS)}.")
    if "alert_at" in budget:
        check_thresholds(budget["alert_at"])
    check_degrading(budget.get("degrade", []))
    units = [unit for unit in BUDGET_UNITS if unit in budget]
    if len(units) != 1:
        raise ValidationError(f"give one of {', '.join(BUDGET_UNITS)}.")
    _check_amount(units[0], budget[units[0]])
    return period, units[0], on_exceed


def _check_amount(unit: str, amount: Any) -> None:
    is_number = type(amount) is int or (unit == "usd" and type(amount) is float and math.isfinite(amount))
    if not is_number or not 0 < amount <= _MAX_BUDGET:
        words = "an amount of dollars" if unit == "usd" else "a whole number"
        raise ValidationError(f"{unit}: give {words} above 0.")


def check_object(value: Any) -> None:
    if not isinstance(value, Mapping):
        raise ValidationError('Give an object, e.g. {"name": "value"}.')


def check_credential(text: str) -> None:
    """What can travel in an HTTP header."""
    if len(text) > _MAX_CREDENTIAL_CHARS:
        raise ValidationError(f"A credential has up to {_MAX_CREDENTIAL_CHARS} characters.")
    if not all("!" <= character <= "~" for character in text):
        raise ValidationError("A credential is plain ASCII without spaces or line breaks.")


def _texts(value: Any, example: str) -> list[str]:
    if not isinstance(value, list) or len(value) > _MAX_ITEMS:
        raise ValidationError(f"Give a list of up to {_MAX_ITEMS} {example}.")
    for text in value:
        if not isinstance(text, str) or not 0 < len(text) <= _MAX_CHARS or not text.isprintable():
            raise ValidationError(f"{str(text)[:_MAX_CHARS]!r} must be a text of 1 to {_MAX_CHARS} characters.")
    return value


def _pairs(value: Any, *, max_items: int) -> dict[str, str]:
    check_object(value)
    if len(value) > max_items:
        raise ValidationError(f"Give up to {max_items} entries.")
    for name, text in value.items():
        if not isinstance(name, str) or not isinstance(text, str):
            raise ValidationError(f"{str(name)[:_MAX_CHARS]!r}: names and values must be texts.")
        if not name or not (name + text).isprintable():
            raise ValidationError(f"{name[:_MAX_CHARS]!r}: use printable characters, and a name.")
    return dict(value)
