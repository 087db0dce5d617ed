"""Checks of values in settings. Each raises ValidationError; `named` and `members` say which field it is."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError

Check = Callable[[Any], None]
NamedCheck = Callable[[str, Any], None]
"""What the value is called, and the value."""

_MOST_SHOWN = 100  # characters of a name that is not known


def one_of(choices: Sequence[str]) -> Check:
    """A word of these."""

    def check(value: Any) -> None:
        if value not in choices:
            raise ValidationError(f"it must be one of {', '.join(choices)}.")

    return check


def number(least: float, most: float) -> Check:
    """A number within bounds. True is none."""

    def check(value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise ValidationError(f"give a number from {least:g} to {most:g}.")

    return check


def whole(least: int, most: int, unit: str = "") -> Check:
    """A whole number within bounds."""
    of_what = f" of {unit}" if unit else ""

    def check(value: Any) -> None:
        if type(value) is not int or not least <= value <= most:
            raise ValidationError(f"give a whole number{of_what} from {least} to {most}.")

    return check


def switch(value: Any) -> None:
    """True or false."""
    if not isinstance(value, bool):
        raise ValidationError("it must be true or false.")


def named(check: Check) -> NamedCheck:
    """The same check, whose error says first what the value is called."""

    def check_named(name: str, value: Any) -> None:
        try:
            check(value)
        except ValidationError as wrong:
            raise ValidationError(f"{name}: {wrong.messages[0]}") from None

    return check_named


def members(value: Any, fields: Mapping[str, NamedCheck], *, example: str, where: str = "") -> None:
    """An object that has some of these fields. `where` is what itself is called: `output`."""
    before = f"{where}: " if where else ""
    if not isinstance(value, Mapping):
        raise ValidationError(f"{before}give an object, e.g. {example}.")
    for name, inner in value.items():
        if name not in fields:
            raise ValidationError(f"{before}{str(name)[:_MOST_SHOWN]!r} is unknown. Known here: {', '.join(fields)}.")
        fields[name](f"{where}.{name}" if where else name, inner)
