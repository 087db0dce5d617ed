"""The words and parts of every page: `{% load ui %}`. docs/web.md shows each in use."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from admin_ui import figures, icons

register = template.Library()

_STATES = {
    "started": ("info", "Under way"),
    "completed": ("good", "Completed"),
    "refused": ("warn", "Refused"),
    "failed": ("bad", "Failed"),
    "cancelled": ("none", "Cancelled"),
    "interrupted": ("bad", "Interrupted"),
    "dry_run": ("none", "Dry run"),
    "active": ("good", "Active"),
    "revoked": ("none", "Revoked"),
    "expired": ("none", "Expired"),
    "suspended": ("bad", "Suspended"),
    "ok": ("good", "Well"),
    "warn": ("warn", "To look at"),
    "fail": ("bad", "To mend"),
}
_STEPS = ((60, "s", 1), (3600, "min", 60), (86_400, "h", 3600), (30 * 86_400, "d", 86_400))


@register.simple_tag
def icon(name: str) -> SafeString:
    """A line icon, for the eye only: a word stands beside it, or `aria-label` on its button."""
    return format_html(
        '<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d="{}"/></svg>', icons.PATHS[name]
    )


@register.filter
def money(nano_usd: int | None) -> SafeString | str:
    """Nano-dollars as $0.0042, exact on hover."""
    if nano_usd is None:
        return "–"
    return format_html('<span title="{}">{}</span>', figures.exact_money(nano_usd), figures.money(nano_usd))


@register.filter
def tokens(number: int | None) -> SafeString | str:
    """A count as 12.4k, exact on hover."""
    if number is None:
        return "–"
    return format_html('<span title="{}">{}</span>', f"{number:,}", figures.count(number))


@register.filter
def duration(micros: float | None) -> SafeString | str:
    """Microseconds as 840 ms, exact on hover."""
    if micros is None:
        return "–"
    return format_html('<span title="{} µs">{}</span>', f"{micros:,.0f}", figures.duration(micros))


@register.filter
def when(moment: datetime | None) -> SafeString | str:
    """A moment as `5 min ago`, absolute with its zone on hover."""
    if moment is None:
        return "–"
    here = timezone.localtime(moment)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', here.isoformat(), f"{here:%-d %b %Y %H:%M:%S %Z}", ago(moment)
    )


@register.filter
def moment(value: datetime | None) -> SafeString | str:
    """A moment as it is, in the viewer's zone."""
    if value is None:
        return "–"
    here = timezone.localtime(value)
    return format_html('<time datetime="{}">{}</time>', here.isoformat(), f"{here:%-d %b %Y %H:%M %Z}")


def ago(value: datetime) -> str:
    """How long ago, or in how long."""
    seconds = (timezone.now() - value) / timedelta(seconds=1)
    distance = abs(seconds)
    if distance < 5:
        return "now"
    for limit, unit, size in _STEPS:
        if distance < limit:
            text = f"{int(distance / size)} {unit}"
            return f"{text} ago" if seconds > 0 else f"in {text}"
    return f"{timezone.localtime(value):%-d %b %Y}"


@register.simple_tag
def status(name: str, word: str = "", tone: str = "") -> SafeString:
    """A dot with its word. Known names (states of calls, keys, tenants, findings) bring both; else give them."""
    known_tone, known_word = _STATES.get(name, ("none", name))
    return format_html('<span class="status {}">{}</span>', tone or known_tone, word or known_word)


@register.simple_tag
def bar(value: float, whole: float, label: str = "", tone: str = "") -> SafeString:
    """A bar-in-cell: how much of the whole."""
    share = 100 * min(1.0, max(0.0, value / whole)) if whole else 0.0
    return format_html(
        '<span class="meter {}"><svg viewBox="0 0 100 6" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<rect width="{}" height="6"/></svg></span>',
        tone,
        label or f"{share:.0f} %",
        f"{share:.2f}",
    )


@register.simple_tag
def sparkline(values: Sequence[int], label: str) -> SafeString:
    """A week in 96 pixels: one column a day."""
    most = max(values, default=0)
    if not most:
        return format_html('<span class="soft" title="{}">–</span>', label)
    width = 96 / len(values)
    heights = [max(1.0, 22 * value / most) for value in values]
    columns = format_html_join(
        "",
        '<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>',
        (
            (
                "" if height > 1 else "zero",
                f"{n * width + 1:.1f}",
                f"{24 - height:.1f}",
                f"{width - 2:.1f}",
                f"{height:.1f}",
            )
            for n, height in enumerate(heights)
        ),
    )
    return format_html(
        '<svg class="spark" viewBox="0 0 96 24" role="img" aria-label="{}"><title>{}</title>{}</svg>',
        label,
        label,
        columns,
    )


@register.inclusion_tag("parts/copy.html")
def copy(text: str, what: str = "") -> dict[str, Any]:
    """A button that puts the text on the clipboard and says Copied."""
    return {"text": text, "what": what}


@register.inclusion_tag("parts/code.html")
def code(snippets: Sequence[Any], name: str = "code") -> dict[str, Any]:
    """A code block with a tab for each of `snippets` (title, text); `name` is unique on the page."""
    return {"snippets": snippets, "name": name}


@register.inclusion_tag("parts/field.html")
def field(bound: Any) -> dict[str, Any]:
    """A form's field with its label, hint and errors beside it."""
    return {"field": bound}


@register.inclusion_tag("parts/summary.html")
def summary(form: Any) -> dict[str, Any]:
    """What is wrong with the form, on top, each a link to its field."""
    return {"form": form}


@register.inclusion_tag("parts/chart.html")
def chart(drawn: Any) -> dict[str, Any]:
    """A time series (admin_ui.charts) with crosshair, legend and a table view."""
    return {"chart": drawn}
