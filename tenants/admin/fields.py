"""Form fields for what the database keeps as JSON: one entry a line instead of brackets and quotes."""

from typing import Any

from django import forms

from tenants import validators

_STEPS = {"model", "max_tokens"}
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


class ObjectField(forms.JSONField):
    """An object as JSON; nothing stands for an empty one."""

    def __init__(self, **options: Any) -> None:
        super().__init__(widget=forms.Textarea(attrs=_TEXTAREA), **options)

    def clean(self, value: Any) -> Any:
        return super().clean(value) or {}

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(initial or {}, data or "{}")


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
    """A list of budgets, one `amount unit a period` a line; behind it `warn` where nothing is blocked, `alert 50 90`
    where it has thresholds of its own, and `from 80 model NAME from 90 max_tokens 1024` where it degrades."""

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
    steps = [_step_words(step) for step in budget.get("degrade", [])]
    words = [f"{budget[unit]} {unit} a {budget['period']}", end if end != "block" else "", alert, *steps]
    return " ".join(filter(None, words))


def _budget(line: str) -> dict[str, Any]:
    text, *steps = line.split(" from ")
    before, alert, thresholds = text.partition(" alert")
    words = [word for word in before.split() if word not in {"a", "per", "in"}]
    if len(words) not in {3, 4}:
        raise forms.ValidationError(f"{line!r}: write one amount unit a period a line, e.g. 20 usd a month.")
    amount, unit, period, *end = words
    try:
        number = float(amount) if "." in amount else int(amount)
    except ValueError:
        raise forms.ValidationError(f"{line!r}: {amount!r} is no amount.") from None
    budget: dict[str, Any] = {"period": period, unit: number, "on_exceed": end[0] if end else "block"}
    if alert:
        budget["alert_at"] = percentages(thresholds)
    if steps:
        budget["degrade"] = [_step(words) for words in steps]
    return budget


def _step_words(step: dict[str, Any]) -> str:
    name = "model" if "model" in step else "max_tokens"
    return f"from {step['at']} {name} {step[name]}"


def _step(text: str) -> dict[str, Any]:
    """`80 model claude-haiku-4-5` or `90 max_tokens 1024`."""
    at, *rest = text.split()
    if len(rest) != 2 or rest[0] not in _STEPS or not at.rstrip("%").isdecimal():
        raise forms.ValidationError(f"{text!r}: write from 80 model NAME, or from 90 max_tokens NUMBER.")
    name, value = rest
    return {"at": int(at.rstrip("%")[:4]), name: int(value) if name == "max_tokens" and value.isdecimal() else value}


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
