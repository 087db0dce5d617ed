"""What a tenant used, holds and has left, as JSON: what `GET /v1/usage` tells a key, for its members."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from admin_ui import allowances, pages, request_filters, spending
from admin_ui.allowances import Rate
from admin_ui.request_filters import Asked
from proxy import usage
from proxy.ledger.budgets.reserving import Standing
from proxy.ledger.rollups.sums import Sums
from tenants.models import ApiKey, Tenant

_NANO = 10**9
_BY = ("key", "model", "session", "agent", "client")

Json = dict[str, Any]


@require_safe
@pages.tenant_page()
def tenant_usage(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """The tenant's own limits and budgets, its keys', and what was used in the time, with the filters of the page."""
    params = request.GET.copy()
    params.setdefault("range", "7d")
    asked, now = request_filters.read(params, tenant_id=tenant.pk, now=timezone.now()), timezone.now()
    told = {
        "type": "tenant_usage",
        "at": now,
        "timezone": tenant.timezone,
        "tenant": {
            "slug": tenant.slug,
            "limits": [_limit(rate) for rate in allowances.rates(tenant.pk, tenant.limits)],
            "budgets": _budgets(allowances.of_tenants([tenant], now).get(tenant.pk, []), tenant),
        },
        "keys": _keys(tenant),
        "used": {"from": asked.range.start, "to": asked.range.end, **_used(asked)},
    }
    return JsonResponse(told)


def _keys(tenant: Tenant) -> list[Json]:
    """Active keys that have limits or budgets of their own, by name."""
    rows = [key for key in _active(tenant) if key.limits or key.budgets]
    standings = allowances.of_keys(rows, timezone.now())
    return [
        {
            "id": str(key.pk),
            "name": key.name,
            "limits": [_limit(rate) for rate in allowances.rates(key.pk, key.limits)],
            "budgets": _budgets(standings.get(key.pk, []), tenant),
        }
        for key in rows
    ]


def _active(tenant: Tenant) -> Iterable[ApiKey]:
    return ApiKey.objects.filter(tenant=tenant, status=ApiKey.Status.ACTIVE).select_related("tenant").order_by("name")


def _used(asked: Asked) -> Json:
    found = {name: spending.by(asked.wanted, name) for name in _BY}
    parts: Json = {}
    for name, spent in found.items():
        rows = [{"id": group.id, "name": group.name, **_shown(group.sums)} for group in spent.groups]
        parts[f"by_{name}"] = rows + ([{"id": None, "name": "other", **_shown(spent.other)}] if spent.other else [])
    days = spending.by_day(asked.wanted, asked.range)
    parts["by_day"] = [{"day": start.date(), **_shown(sums)} for start, sums in days]
    return {**_shown(found["key"].total), **parts}


def _limit(rate: Rate) -> Json:
    return {"limit": rate.name, "amount": rate.limit, "used": rate.used, "left": rate.free}


def _budgets(standings: Iterable[Standing], tenant: Tenant) -> list[Json]:
    return [usage.budget_as_json(standing, tenant.timezone) for standing in standings]


def _shown(sums: Sums) -> Json:
    shown = asdict(sums)
    return {**shown, "cost_usd": shown.pop("cost_nano_usd") / _NANO}
