"""Checks of single values in settings. Each raises ValidationError; the caller names the field."""

from collections.abc import Callable, Sequence
from typing import Any

from django.core.exceptions import ValidationError

Check = Callable[[Any], None]


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


def whole(least: int, most: int) -> Check:
    """A whole number within bounds."""

    def check(value: Any) -> None:
        if type(value) is not int or not least <= value <= most:
            raise ValidationError(f"give a whole number from {least} to {most}.")

    return check


def switch(value: Any) -> None:
    """True or false."""
    if not isinstance(value, bool):
        raise ValidationError("it must be true or false.")
