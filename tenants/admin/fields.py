"""Form fields for what the database keeps as JSON: one entry a line instead of brackets and quotes."""

from typing import Any

from django import forms

from tenants import validators

_TEXTAREA = {"rows": 4, "cols": 60, "class": "vLargeTextField", "spellcheck": "false"}


class LinesField(forms.CharField):
    """A list of texts, one a line."""

    def __init__(self, **options: Any) -> None:
        super().__init__(widget=forms.Textarea(attrs=_TEXTAREA), **options)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        text = super().clean(value)
        return [line.strip() for line in text.splitlines() if line.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), "\n".join(str(data or "").split("\r\n")))


class PairsField(LinesField):
    """An object of texts, one `name = value` a line."""

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, dict):
            return "\n".join(f"{name} = {text}" for name, text in value.items())
        return value

    def clean(self, value: Any) -> Any:
        pairs: dict[str, str] = {}
        for line in super().clean(value):
            name, equals, text = line.partition("=")
            if not equals:
                raise forms.ValidationError(f"{line!r}: write one name = value a line.")
            if name.strip() in pairs:
                raise forms.ValidationError(f"{name.strip()!r} is given twice.")
            pairs[name.strip()] = text.strip()
        return pairs


class NumbersField(PairsField):
    """An object of whole numbers, one `name = number` a line."""

    def clean(self, value: Any) -> Any:
        numbers = {}
        for name, text in super().clean(value).items():
            digits = text.replace("_", "").replace(",", "")
            if not digits.isdecimal() or len(digits) > 15:
                raise forms.ValidationError(f"{name}: give a whole number.")
            numbers[name] = int(digits)
        return numbers


class BudgetsField(LinesField):
    """A list of budgets, one `amount unit a period` a line, with `warn` behind it where nothing is blocked,
    and `alert 50 90` where it has thresholds of its own."""

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, list):
            return "\n".join(map(_budget_line, value))
        return value

    def clean(self, value: Any) -> Any:
        return [_budget(line) for line in super().clean(value)]


def _budget_line(budget: dict[str, Any]) -> str:
    unit = next(unit for unit in validators.BUDGET_UNITS if unit in budget)
    end = budget.get("on_exceed", "block")
    alert = " ".join(map(str, ["alert", *budget["alert_at"]])) if "alert_at" in budget else ""
    return " ".join(filter(None, [f"{budget[unit]} {unit} a {budget['period']}", end if end != "block" else "", alert]))


def _budget(line: str) -> dict[str, Any]:
    before, alert, thresholds = line.partition(" alert")
    words = [word for word in before.split() if word not in {"a", "per", "in"}]
    if len(words) not in {3, 4}:
        raise forms.ValidationError(f"{line!r}: write one amount unit a period a line, e.g. 20 usd a month.")
    amount, unit, period, *end = words
    try:
        number = float(amount) if "." in amount else int(amount)
    except ValueError:
        raise forms.ValidationError(f"{line!r}: {amount!r} is no amount.") from None
    budget = {"period": period, unit: number, "on_exceed": end[0] if end else "block"}
    return {**budget, "alert_at": percentages(thresholds)} if alert else budget


def percentages(text: str) -> list[int]:
    """`50, 90` as numbers. Raises ValidationError."""
    words = text.replace(",", " ").replace("%", " ").split()
    if not all(word.isdecimal() and len(word) < 4 for word in words):
        raise forms.ValidationError("Write percentages as whole numbers, e.g. 50, 75, 90.")
    return [int(word) for word in words]


class PercentagesField(forms.CharField):
    """A list of percentages, in one line."""

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(map(str, value)) if isinstance(value, list) else value

    def clean(self, value: Any) -> Any:
        return percentages(super().clean(value))

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), data)


class ScopesField(forms.MultipleChoiceField):
    """A list of some of the choices, ticked."""

    widget = forms.CheckboxSelectMultiple
