"""Limits and budgets as they stand: what is spent, held and free, when it resets, and who is nearest to the end."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from admin_ui import allowances, pages
from admin_ui.allowances import WARN_AT
from proxy.ledger.budgets.reserving import Standing
from proxy.models import BudgetWindow
from tenants import access
from tenants.models import ApiKey, Tenant

_PER_PAGE = 50


@dataclass(frozen=True, slots=True)
class Line:
    """A key or a tenant with its budgets, the tightest first."""

    owner: ApiKey | Tenant
    standings: list[Standing]

    @property
    def tightest(self) -> Standing:
        return self.standings[0]


@require_safe
@pages.tenant_page()
def limits(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """The tenant's own, and its keys' with the nearest to their end first."""
    now = timezone.now()
    lines = _of_keys(ApiKey.objects.filter(tenant=tenant), request)
    page = Paginator(lines, _PER_PAGE).get_page(request.GET.get("page"))
    limited = ApiKey.objects.filter(tenant=tenant, status=ApiKey.Status.ACTIVE).exclude(limits={}).order_by("name")
    context = {
        "own": allowances.of_tenants([tenant], now).get(tenant.pk, []),
        "rates": allowances.rates(tenant.pk, tenant.limits),
        "page": page,
        "q": _search(request),
        "near": sum(line.tightest.utilization >= WARN_AT for line in lines),
        "limited": list(limited[:_PER_PAGE]),
        "limited_count": limited.count(),
        "at": now,
    }
    return render(request, "admin_ui/limits/index.html", context)


@require_safe
@pages.tenant_page()
def key(request: HttpRequest, tenant: Tenant, key_id: UUID) -> HttpResponse:
    """Everything that one key falls under: its own, and what it shares with the tenant's other keys."""
    row, now = access.key_for(tenant, key_id), timezone.now()
    context = {
        "key": row,
        "own": allowances.of_keys([row], now).get(row.pk, []),
        "rates": allowances.rates(row.pk, row.limits),
        "shared": allowances.of_tenants([tenant], now).get(tenant.pk, []),
        "shared_rates": allowances.rates(tenant.pk, tenant.limits),
        "at": now,
    }
    return render(request, "admin_ui/limits/key.html", context)


@require_safe
@pages.staff_page
def all_limits(request: HttpRequest) -> HttpResponse:
    """All tenants' budgets, and the keys that are nearest to their end."""
    now, search = timezone.now(), _search(request)
    tenants = Tenant.objects.filter(status=Tenant.Status.ACTIVE).exclude(budgets=[])
    tenants = tenants.filter(name__icontains=search) if search else tenants
    of_tenants = _lines(tenants, allowances.of_tenants(tenants, now))
    # Of ten thousand keys those are read that used something of a budget.
    open_windows = BudgetWindow.objects.filter(Q(ends_at=None) | Q(ends_at__gt=now), Q(spent__gt=0) | Q(held__gt=0))
    used = ApiKey.objects.filter(tenant__status=Tenant.Status.ACTIVE, pk__in=open_windows.values("owner_id"))
    keys = _of_keys(used, request)
    context = {
        "page": Paginator(of_tenants, _PER_PAGE).get_page(request.GET.get("page")),
        "keys": keys[:_PER_PAGE],
        "keys_count": len(keys),
        "near": sum(line.tightest.utilization >= WARN_AT for line in (*of_tenants, *keys)),
        "q": search,
        "at": now,
    }
    return render(request, "admin_ui/limits/all.html", context)


def _of_keys(keys: "QuerySet[ApiKey]", request: HttpRequest) -> list[Line]:
    active = keys.filter(status=ApiKey.Status.ACTIVE).exclude(budgets=[]).select_related("tenant")
    search = _search(request)
    active = active.filter(name__icontains=search) if search else active
    rows = list(active.only("name", "budgets", "last_used_at", "tenant__slug", "tenant__name", "tenant__timezone"))
    return _lines(rows, allowances.of_keys(rows, timezone.now()))


def _lines(owners: Iterable[ApiKey | Tenant], standings: dict[UUID, list[Standing]]) -> list[Line]:
    lines = [Line(owner, standings[owner.pk]) for owner in owners if owner.pk in standings]
    return sorted(lines, key=lambda line: (-line.tightest.utilization, line.owner.name))


def _search(request: HttpRequest) -> str:
    return request.GET.get("q", "").strip()[:100]
