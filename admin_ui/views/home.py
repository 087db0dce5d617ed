"""Home: is it healthy, what does it cost, who uses it, what was stopped."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django.utils import timezone
from django.views.decorators.http import require_safe

from admin_ui import (
    addresses,
    allowances,
    charts,
    figures,
    links,
    onboarding,
    overview,
    pages,
    policy_counts,
    privacy_counts,
    savings,
    timerange,
    upstream_health,
)
from admin_ui.overview import Ranked, Summary, Totals
from admin_ui.timerange import TimeRange
from proxy import snippets
from tenants import access, queries
from tenants.models import Tenant

_BUDGETS = 4  # the tightest
_RULES = 6
_TIMES = 300  # percent, above which one speaks of times


@require_safe
@login_required
def start(request: HttpRequest) -> HttpResponse:
    """Where a person belongs after signing in: the only tenant, else the list of them."""
    person = pages.person(request)
    mine = list(access.tenants_of(person).order_by("name", "slug")[:2])
    if person.is_superuser and len(mine) != 1:
        return HttpResponseRedirect(resolve_url("platform"))
    if mine:
        return HttpResponseRedirect(resolve_url("home", mine[0].slug))
    return render(request, "admin_ui/no_tenant.html")


@require_safe
@pages.tenant_page()
def home(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """The page itself."""
    span = timerange.of(request.GET, timezone.now())
    summary, before = overview.summary(tenant.pk, span), overview.totals(tenant.pk, span.before)
    now = summary.totals
    total, first_byte = overview.latencies(tenant.pk, span)
    context = {
        "range": span,
        "totals": now,
        "savings": savings.of_tenant(tenant.pk, span) if tenant.cache else None,
        "changes": _changes(now, before),
        "error_share": figures.percent(now.errors, now.requests),
        "total_times": total,
        "first_byte_times": first_byte,
        "charts": _charts(tenant, span),
        "lists": _lists(tenant, span, summary),
        "budgets": allowances.of_tenants([tenant], timezone.now()).get(tenant.pk, [])[:_BUDGETS],
        "troubled": upstream_health.troubled(tenant),
        "found": privacy_counts.of_tenant(tenant.pk, span) if tenant.pii else [],
        "fitting": policy_counts.most_of(tenant, span, _RULES),
        "has_rules": bool(tenant.policy) or bool(queries.platform_policy()),
        "all_url": links.requests(tenant, span),
        "failed_url": links.requests(tenant, span, status="4xx" if now.refused > now.failed else "5xx"),
        **_checklist(request, tenant),
    }
    return render(request, "admin_ui/home/home.html", context)


@require_safe
@pages.tenant_page()
def checklist(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """The checklist alone, for the page that waits for the first request; 204 leaves the page as it is."""
    context = _checklist(request, tenant)
    if request.GET.get("seen") == context["seen"]:
        return HttpResponse(status=204)
    return render(request, "admin_ui/home/_checklist.html", context)


def _checklist(request: HttpRequest, tenant: Tenant) -> dict[str, object]:
    found = onboarding.checklist(tenant)
    return {
        "tenant": tenant,
        "checklist": found,
        "seen": found.mark,
        "snippets": snippets.snippets(address=addresses.public(request)),
    }


def _charts(tenant: Tenant, span: TimeRange) -> list[charts.Chart]:
    step = overview.step_of(span)
    slots = overview.series(tenant.pk, span, step)
    starts = [slot.start for slot in slots]
    refused = [sum(slot.states[state] for state in overview.REFUSED) for slot in slots]
    failed = [sum(slot.states[state] for state in overview.FAILED) for slot in slots]
    answered = [
        sum(slot.states.values()) - no - broken for slot, no, broken in zip(slots, refused, failed, strict=True)
    ]
    requests = [
        charts.Series("Answered", answered, "s1"),
        charts.Series("Refused", refused, "s4"),
        charts.Series("Failed", failed, "s2"),
    ]
    spend = [charts.Series("Spend", [slot.cost_nano_usd for slot in slots], "s3")]
    return [
        charts.columns("Requests", starts, requests, figure=figures.count, step=step),
        charts.columns("Spend", starts, spend, figure=figures.money, step=step),
    ]


def _lists(tenant: Tenant, span: TimeRange, summary: Summary) -> list[dict[str, object]]:
    def linked(rows: list[Ranked], name: str) -> list[tuple[Ranked, str]]:
        return [(row, links.requests(tenant, span, **{name: row.value})) for row in rows]

    keys, models, errors = overview.top_keys(tenant.pk, span), summary.models, summary.errors
    return [
        {"title": "Keys by spend", "rows": linked(keys, "key"), "most": _most(keys), "none": "No key was used."},
        {
            "title": "Models by spend",
            "rows": linked(models, "model"),
            "most": _most(models),
            "none": "No model was asked.",
        },
        {
            "title": "Errors",
            "rows": linked(errors, "status"),
            "most": max((row.requests for row in errors), default=0),
            "none": "No request was refused, none failed.",
            "by_count": True,
        },
    ]


def _most(rows: list[Ranked]) -> int:
    return max((row.cost_nano_usd for row in rows), default=0)


def _changes(now: Totals, before: Totals) -> dict[str, str]:
    return {
        "requests": _change(now.requests, before.requests),
        "tokens": _change(now.tokens, before.tokens),
        "cost": _change(now.cost_nano_usd, before.cost_nano_usd),
        "errors": f"{figures.percent(before.errors, before.requests)} the period before" if before.requests else "",
    }


def _change(now: int, before: int) -> str:
    """In words, as nobody should have to know whether up is good."""
    if not before:
        return "none the period before" if now else ""
    share = 100 * (now - before) / before
    if share > _TIMES:
        return f"{now / before:,.0f} times as many as before"
    if abs(share) < 1:
        return "as the period before"
    return f"{abs(share):,.0f} % {'more' if share > 0 else 'less'} than before"
