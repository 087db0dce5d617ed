"""Usage and cost: who and what spent it, over time and as a table, each row leading to its requests."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from admin_ui import charts, csv, figures, overview, pages, request_filters, spending
from admin_ui.charts import Chart, Series
from admin_ui.request_filters import Asked
from admin_ui.spending import Group, Spending
from proxy.ledger.rollups.sums import Sums
from tenants.models import Tenant

WORDS = {
    "key": "Key",
    "model": "Model",
    "client": "Client",
    "session": "Session",
    "agent": "Subagent",
    "upstream": "Upstream",
    "day": "Day",
}
_WORDS_OF_ALL = {"tenant": "Tenant", **WORDS}
_NAMELESS = {
    "session": "Outside of a session",
    "agent": "Without a subagent",
    "client": "No user agent",
    "model": "No model",
    "upstream": "No upstream was asked",
}
_FIGURES = {"cost": figures.money, "tokens": figures.count, "requests": figures.count}
_TITLES = {"cost": "Cost", "tokens": "Tokens", "requests": "Requests"}
_TONES = ("s1", "s2", "s3")
_HEAD = ("calls", "not answered", "input tokens", "output tokens", "cache write tokens", "cache read tokens")


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table: a name, its sums and the address of its requests."""

    name: str
    sums: Sums
    url: str = ""


@require_safe
@pages.tenant_page()
def usage(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """What the tenant's calls used and cost."""
    return _page(request, tenant)


@require_safe
@pages.staff_page
def all_usage(request: HttpRequest) -> HttpResponse:
    """What all tenants' calls used and cost."""
    return _page(request, None)


@require_safe
@pages.tenant_page()
def export(request: HttpRequest, tenant: Tenant) -> HttpResponseBase:
    """The tenant's table as a file."""
    return _file(request, tenant, f"usage-{tenant.slug}")


@require_safe
@pages.staff_page
def export_all(request: HttpRequest) -> HttpResponseBase:
    """The table of all tenants as a file."""
    return _file(request, None, "usage")


def _page(request: HttpRequest, tenant: Tenant | None) -> HttpResponse:
    asked, by, measure = _asked(request, tenant)
    found = spending.by(asked.wanted, "key" if by == "day" else by)
    lines, other = _lines(asked, by, found, tenant)
    context = {
        "tenant": tenant,
        "asked": asked,
        "range": asked.range,
        "by": by,
        "by_word": _words(tenant)[by],
        "has_split_hours": by == "day" and bool(_offset() % timedelta(hours=1)),
        "measure": measure,
        "tabs": [(name, word, _query(asked, name, measure)) for name, word in _words(tenant).items()],
        "measures": [(name, word, _query(asked, by, name)) for name, word in _TITLES.items()],
        "lines": lines,
        "other": other,
        "total": found.total,
        "most": max((line.sums.cost_nano_usd for line in lines), default=0),
        "chart": _chart(asked, "key" if by == "day" else by, found, measure),
        "chips": [(name, value, f"?{_without(asked, name)}&by={by}") for name, value in asked.chips],
        "export_url": f"{_address('usage_export', tenant)}?{_query(asked, by, measure)}",
    }
    return render(request, "admin_ui/usage.html", context)


def _offset() -> timedelta:
    """Of the viewer's clock from UTC."""
    return timezone.localtime().utcoffset() or timedelta(0)


def _file(request: HttpRequest, tenant: Tenant | None, name: str) -> HttpResponseBase:
    asked, by, _measure = _asked(request, tenant)
    return csv.response(f"{name}-by-{by}", [by, *_HEAD, "cost in nano-dollars"], _chunks(asked, by, tenant))


def _chunks(asked: Asked, by: str, tenant: Tenant | None) -> Iterator[Sequence[Sequence[Any]]]:
    found = spending.by(asked.wanted, "key" if by == "day" else by)
    lines, other = _lines(asked, by, found, tenant)
    rows = [*lines, *([Line("Other", other)] if other else []), Line("Total", found.total)]
    yield [[line.name, *(getattr(line.sums, name) for name in Sums.__slots__)] for line in rows]


def _asked(request: HttpRequest, tenant: Tenant | None) -> tuple[Asked, str, str]:
    params = request.GET.copy()
    params.setdefault("range", "7d")
    params.pop("q", None)
    asked = request_filters.read(params, tenant_id=tenant.pk if tenant else None, now=timezone.now())
    by, measure = request.GET.get("by", ""), request.GET.get("measure", "")
    words = _words(tenant)
    return asked, by if by in words else next(iter(words)), measure if measure in _TITLES else "cost"


def _words(tenant: Tenant | None) -> dict[str, str]:
    return _WORDS_OF_ALL if tenant is None else WORDS


def _lines(asked: Asked, by: str, found: Spending, tenant: Tenant | None) -> tuple[list[Line], Sums | None]:
    if by == "day":
        days = spending.by_day(asked.wanted, asked.range)
        return [Line(f"{start:%-d %b %Y}", sums, _day_url(asked, start, tenant)) for start, sums in days], None
    return [Line(_name(by, group), group.sums, _group_url(asked, by, group, tenant)) for group in found.groups], (
        found.other
    )


def _name(by: str, group: Group) -> str:
    return group.name or _NAMELESS.get(by, "–")


def _group_url(asked: Asked, by: str, group: Group, tenant: Tenant | None) -> str:
    """The requests of a group, where they can be filtered by."""
    if by == "tenant":
        return f"{reverse('requests', args=[group.name])}?{asked.query()}"
    if by not in request_filters.NAMES or not group.id:
        return ""
    return f"{_address('requests', tenant)}?{asked.query(**{by: group.id})}"


def _day_url(asked: Asked, start: datetime, tenant: Tenant | None) -> str:
    end = start + timedelta(days=1)
    values = {name: value for name, value in asked.values.items() if value}
    times = {"from": f"{start:%Y-%m-%dT%H:%M}", "to": f"{end:%Y-%m-%dT%H:%M}"}
    return f"{_address('requests', tenant)}?{urlencode(values | times)}"


def _address(route: str, tenant: Tenant | None) -> str:
    return reverse(route, args=[tenant.slug]) if tenant else reverse(f"all_{route}")


def _query(asked: Asked, by: str, measure: str) -> str:
    return asked.query(by=by, measure="" if measure == "cost" else measure)


def _without(asked: Asked, name: str) -> str:
    return asked.query(**{name: ""})


def _chart(asked: Asked, by: str, found: Spending, measure: str) -> Chart | None:
    if not found.groups:
        return None
    drawn = found.groups[: spending.DRAWN]
    values = spending.over_time(asked.wanted, by, [group.id for group in drawn], span=asked.range, measure=measure)
    series = [
        Series(_name(by, group)[:60], one, tone) for group, one, tone in zip(drawn, values.values, _TONES, strict=False)
    ]
    if any(values.values[-1]):
        series.append(Series("Other", values.values[-1], "s4"))
    step = overview.step_of(asked.range)
    return charts.columns(_TITLES[measure], values.starts, series, figure=_FIGURES[measure], step=step)
