"""How actions fill, check and compare rows."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import models

Row = TypeVar("Row", bound=models.Model)


def fresh(row: Row) -> Row:
    """The row as it is now. Read under the lock of changes, so that what follows is decided on the truth."""
    manager: models.Manager[Row] = type(row)._default_manager
    return manager.get(pk=row.pk)


def fill(row: models.Model, values: Mapping[str, Any], allowed: Iterable[str]) -> None:
    """Set the fields, None or an empty value standing for the default where the field cannot hold it."""
    unknown = values.keys() - set(allowed)
    if unknown:
        raise TypeError(f"{row._meta.model_name} has no changeable field {', '.join(sorted(unknown))}")
    for name, value in values.items():
        field = row._meta.get_field(name)
        assert isinstance(field, models.Field)
        is_unset = value is None and not field.null
        is_empty_json = isinstance(field, models.JSONField) and field.blank and value in field.empty_values
        setattr(row, name, field.get_default() if is_unset or is_empty_json else value)


def check(name: str, act: Callable[[], None]) -> None:
    """Ask a check that needs more than the value. What it refuses is told under the field's name."""
    try:
        act()
    except ValidationError as wrong:
        raise ValidationError({name: wrong.messages}) from None


def insert(row: models.Model, names: Iterable[str]) -> dict[str, list[Any]]:
    """Validate and store a new row; what it was given, for the audit."""
    row.full_clean()
    row.save(force_insert=True)
    return {name: [None, getattr(row, name)] for name in names}


def edit(row: models.Model, changes: Mapping[str, Any], allowed: Iterable[str]) -> dict[str, list[Any]]:
    """Set and validate the fields; those that differ from before, as {field: [old, new]}. Saves nothing."""
    before = {name: getattr(row, name) for name in changes.keys() & set(allowed)}
    fill(row, changes, allowed)
    row.full_clean()
    after = {name: getattr(row, name) for name in before}
    return {name: [old, after[name]] for name, old in sorted(before.items()) if old != after[name]}
