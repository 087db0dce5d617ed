"""Limits and budgets in forms: a field for each limit, a row for each budget, stored as files store them."""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.template.loader import render_to_string
from django.utils.datastructures import MultiValueDict

from tenants import validators

_LIMITS = {
    "rpm": ("Requests a minute", "600"),
    "input_tpm": ("Input tokens a minute", "400000"),
    "output_tpm": ("Output tokens a minute", "80000"),
    "concurrency": ("Requests at once", "20"),
    "count_tokens_rpm": ("Calls of count_tokens a minute", "300"),
}
_PARTS = ("amount", "unit", "period", "on_exceed", "was")
_UNITS = {"usd": "US dollars", "tokens": "tokens", "requests": "requests"}
_ENDS = {"block": "then block", "warn": "then warn"}
_CHOICES = {"units": _UNITS, "ends": _ENDS}
_LEAST_ROWS = 2


class BudgetRows(forms.Widget):
    """Rows of amount, unit, period and what happens at the end; one more than there are."""

    def value_from_datadict(self, data: Mapping[str, Any], _files: Any, name: str) -> list[dict[str, str]] | None:
        """The rows as entered; None where the form has none."""
        assert isinstance(data, MultiValueDict)
        columns = [data.getlist(f"{name}_{part}") for part in _PARTS]
        if not columns[0]:
            return None
        return [dict(zip(_PARTS, row, strict=True)) for row in zip(*columns, strict=False)]

    def value_omitted_from_data(self, data: Mapping[str, Any], _files: Any, name: str) -> bool:
        return f"{name}_amount" not in data

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> Any:
        rows = [row for row in value or () if row.get("amount")]
        blank = {"amount": "", "unit": "usd", "period": "month", "on_exceed": "block", "was": ""}
        rows += [blank] * max(1, _LEAST_ROWS - len(rows))
        periods = {period: "in all" if period == "total" else f"a {period}" for period in validators.BUDGET_PERIODS}
        periods["hour"] = "an hour"
        context = {"name": name, "rows": rows, "periods": periods, **_CHOICES}
        return render_to_string("admin_ui/limits/_budget_rows.html", context)


class BudgetRowsField(forms.Field):
    """A list of budgets. What a row does not show of the budget it was (`stored`) stays."""

    widget = BudgetRows

    def __init__(self, stored: Sequence[Mapping[str, Any]], **options: Any) -> None:
        super().__init__(required=False, **options)
        self._stored = list(stored)

    def prepare_value(self, value: Any) -> Any:
        return [_row(place, one) if "amount" not in one else one for place, one in enumerate(value or ())]

    def clean(self, value: Any) -> list[dict[str, Any]]:
        budgets, wrong = [], []
        for place, row in enumerate(value or (), start=1):
            try:
                if row["amount"].strip():
                    budgets.append(self._budget(row))
            except forms.ValidationError as error:
                wrong.append(f"Budget {place}: {error.messages[0]}")
        if wrong:
            raise forms.ValidationError(wrong)
        validators.check_budgets(budgets)
        return budgets

    def has_changed(self, _initial: Any, data: Any) -> bool:
        try:
            return data is not None and self.clean(data) != self._stored
        except forms.ValidationError:
            return True

    def _budget(self, row: Mapping[str, str]) -> dict[str, Any]:
        was = self._stored[int(row["was"])] if row["was"].isdecimal() and int(row["was"]) < len(self._stored) else {}
        shown = {"period", "on_exceed", *validators.BUDGET_UNITS}
        kept = {name: value for name, value in was.items() if name not in shown}
        if row["unit"] not in _UNITS:
            raise forms.ValidationError(f"choose one of {', '.join(_UNITS)}.")
        return {"period": row["period"], row["unit"]: _amount(row), "on_exceed": row["on_exceed"], **kept}


class AllowanceFields:
    """For forms of a tenant or a key: `limits` and `budgets` among their cleaned data and their changes."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        form: Any = self
        stored = form.instance.limits
        for name, (label, example) in _LIMITS.items():
            widget = forms.NumberInput(attrs={"placeholder": example, "inputmode": "numeric"})
            form.fields[f"limit_{name}"] = forms.IntegerField(
                label=label, required=False, min_value=1, widget=widget, initial=stored.get(name)
            )
        form.fields["budgets"] = BudgetRowsField(
            [{"on_exceed": "block", **budget} for budget in form.instance.budgets], label="Budgets"
        )
        form.initial["budgets"] = form.instance.budgets

    @property
    def limit_fields(self) -> list[Any]:
        """The limits, for the template."""
        form: Any = self
        return [form[f"limit_{name}"] for name in _LIMITS]

    def allowances(self) -> dict[str, Any]:
        """What the actions take as `limits` and `budgets`; the latter only where the form had rows."""
        form: Any = self
        given = {name: form.cleaned_data[f"limit_{name}"] for name in _LIMITS}
        return {
            "limits": {name: number for name, number in given.items() if number is not None},
            "budgets": form.cleaned_data["budgets"],
        }

    def without_allowances(self, names: Any) -> list[str]:
        """Those of the names that are fields of their own."""
        return [name for name in names if name != "budgets" and not name.startswith("limit_")]

    def changed_allowances(self) -> dict[str, Any]:
        """Of `allowances()` what differs from what is stored."""
        form: Any = self
        changed, values = set(form.changed_data), self.allowances()
        is_limited = any(f"limit_{name}" in changed for name in _LIMITS)
        kept = (["limits"] if is_limited else []) + (["budgets"] if "budgets" in changed else [])
        return {name: values[name] for name in kept}


def _row(place: int, budget: Mapping[str, Any]) -> dict[str, str]:
    unit = next(unit for unit in validators.BUDGET_UNITS if unit in budget)
    return {
        "amount": f"{Decimal(str(budget[unit])):f}",
        "unit": unit,
        "period": budget["period"],
        "on_exceed": budget.get("on_exceed", "block"),
        "was": str(place),
    }


def _amount(row: Mapping[str, str]) -> int | float:
    text = row["amount"].replace("_", "").replace(",", "").replace(" ", "").lstrip("$")
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise forms.ValidationError(f"{row['amount'][:40]!r} is no amount. Write it as 20 or 12.50.") from None
    if not number.is_finite() or number <= 0:
        raise forms.ValidationError("the amount must be above 0.")
    if number == number.to_integral_value():
        return int(number)
    if row["unit"] != "usd":
        raise forms.ValidationError(f"{row['unit']} are whole numbers.")
    return float(number)
