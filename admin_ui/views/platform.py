"""All tenants, for platform staff."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django.utils import timezone
from django.views.decorators.http import require_safe

from admin_ui import forms, overview, pages, timerange
from admin_ui.views.keys import get_or_post
from tenants import actions
from tenants.models import ApiKey, Membership, Tenant

_PER_PAGE = 50


@require_safe
@pages.staff_page
def index(request: HttpRequest) -> HttpResponse:
    """The tenants with what each used in the time, and all of them together."""
    span = timerange.of(request.GET, timezone.now())
    text = request.GET.get("q", "").strip()[:100]
    page = Paginator(_tenants(text), _PER_PAGE).get_page(request.GET.get("page"))
    used = overview.by_tenant(span)
    rows = [{"tenant": tenant, "totals": used.get(tenant.pk, overview.Totals())} for tenant in page]
    context = {
        "page": page,
        "rows": rows,
        "q": text,
        "range": span,
        "totals": _all(used),
        "has_any": Tenant.objects.exists(),
    }
    return render(request, "admin_ui/platform/index.html", context)


@get_or_post
@pages.staff_page
def new(request: HttpRequest) -> HttpResponse:
    """The form of a new tenant."""
    form = forms.TenantForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            tenant = actions.create_tenant(actor=pages.actor(request), **form.cleaned_data)
        except ValidationError as refused:
            forms.adopt(form, refused)
        else:
            messages.success(request, f"{tenant.name} is created.")
            return HttpResponseRedirect(resolve_url("home", tenant.slug))
    return render(request, "admin_ui/platform/new.html", {"form": form}, status=422 if form.errors else 200)


def _tenants(text: str) -> QuerySet[Tenant]:
    tenants = Tenant.objects.order_by("name", "slug")
    if text:
        tenants = tenants.filter(Q(name__icontains=text) | Q(slug__icontains=text))
    active = ApiKey.objects.filter(status=ApiKey.Status.ACTIVE)
    return tenants.annotate(keys_count=_count(active), members_count=_count(Membership.objects.all()))


def _count(rows: "QuerySet[Any]") -> Coalesce:
    """How many of these each tenant has; a join for each would multiply the rows."""
    mine = rows.filter(tenant=OuterRef("pk")).order_by().values("tenant").annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(mine), 0)


def _all(used: dict[Any, overview.Totals]) -> overview.Totals:
    return overview.Totals(
        requests=sum(one.requests for one in used.values()),
        refused=sum(one.refused for one in used.values()),
        failed=sum(one.failed for one in used.values()),
        tokens=sum(one.tokens for one in used.values()),
        cost_nano_usd=sum(one.cost_nano_usd for one in used.values()),
    )
