"""Budgets and limits in templates: `{% load allowances %}`."""

from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from admin_ui import figures
from admin_ui.allowances import BAD_AT, WARN_AT
from proxy.ledger.budgets.reserving import Standing

register = template.Library()

_PERIODS = {
    "minute": "a minute",
    "hour": "an hour",
    "day": "a day",
    "week": "a week",
    "month": "a month",
    "total": "in all",
}


@register.filter
def in_unit(number: int, unit: str) -> SafeString:
    """An amount of a budget: money, or a count of tokens or requests; exact on hover."""
    if unit == "usd":
        sign = "-" if number < 0 else ""
        return format_html(
            '<span title="{}">{}</span>', sign + figures.exact_money(abs(number)), sign + figures.money(abs(number))
        )
    return format_html('<span title="{}">{}</span>', f"{number:,}", _counted(number, unit))


def _counted(number: int, unit: str) -> str:
    """12.4k tokens, 1 request."""
    return f"{figures.count(number)} {unit.removesuffix('s') if number == 1 else unit}"


@register.filter
def budget_name(standing: Standing) -> str:
    """$20 a month."""
    budget = standing.budget
    money = figures.money(budget.amount).removesuffix(".00")
    amount = money if budget.unit == "usd" else _counted(budget.amount, budget.unit)
    return f"{amount} {_PERIODS[budget.period]}"


@register.filter
def budget_tone(standing: Standing) -> str:
    """good, warn from 75 %, bad from 95 %."""
    return "bad" if standing.utilization >= BAD_AT else "warn" if standing.utilization >= WARN_AT else "good"


@register.filter
def budget_word(standing: Standing) -> str:
    """What a client meets."""
    if standing.spent + standing.held < standing.budget.amount:
        return {"good": "Room", "warn": "Nearly used", "bad": "Almost used up"}[budget_tone(standing)]
    return "Used up: blocked" if standing.budget.is_blocking else "Used up: warned"


@register.filter
def share(standing: Standing) -> str:
    """Spent and held as a part of the whole."""
    return figures.percent(standing.spent + standing.held, standing.budget.amount)


@register.simple_tag
def budget_bar(standing: Standing) -> SafeString:
    """Spent, held and free side by side, with marks at 75 and 95 %."""
    whole = max(standing.budget.amount, standing.spent + standing.held, 1)
    spent, held = 100 * standing.spent / whole, 100 * standing.held / whole
    return format_html(
        '<span class="budget {}"><svg viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label="{} {}">'
        '<rect class="spent" width="{}" height="8"/><rect class="held" x="{}" width="{}" height="8"/>'
        '<rect class="tick" x="75" width="0.4" height="8"/><rect class="tick" x="95" width="0.4" height="8"/>'
        "</svg></span>",
        budget_tone(standing),
        share(standing),
        "spent or held",
        f"{spent:.2f}",
        f"{spent:.2f}",
        f"{held:.2f}",
    )


@register.inclusion_tag("admin_ui/limits/_rates.html")
def rates_table(rates: Any) -> dict[str, Any]:
    """Rate limits as a table."""
    return {"rates": rates}
