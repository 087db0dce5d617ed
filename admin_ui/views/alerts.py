"""Alerts: what happened, and who has seen it."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Prefetch
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render, resolve_url
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from admin_ui import alerts, pages
from proxy.alerts.models import Delivery, Severity
from tenants.access import Role
from tenants.models import AlertChannel, Tenant

_PER_PAGE = 50
MAY_ACKNOWLEDGE = frozenset({Role.OWNER, Role.ADMIN, Role.MEMBER})


@require_safe
@pages.tenant_page()
def index(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """The alerts of a tenant."""
    return _page(request, tenant)


@require_safe
@pages.staff_page
def all_alerts(request: HttpRequest) -> HttpResponse:
    """Those of the installation."""
    return _page(request, None)


@require_POST
@pages.tenant_page(roles=MAY_ACKNOWLEDGE)
def acknowledge(request: HttpRequest, tenant: Tenant, alert_id: str) -> HttpResponse:
    """One alert was seen."""
    return _acknowledge_one(request, tenant, alert_id)


@require_POST
@pages.staff_page
def acknowledge_of_all(request: HttpRequest, alert_id: str) -> HttpResponse:
    """One of the installation was seen."""
    return _acknowledge_one(request, None, alert_id)


@require_POST
@pages.tenant_page(roles=MAY_ACKNOWLEDGE)
def acknowledge_all(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """All open ones were seen."""
    return _acknowledge_all(request, tenant)


@require_POST
@pages.staff_page
def acknowledge_all_of_all(request: HttpRequest) -> HttpResponse:
    """All open ones of the installation were seen."""
    return _acknowledge_all(request, None)


def _page(request: HttpRequest, tenant: Tenant | None) -> HttpResponse:
    asked = alerts.asked(request.GET)
    deliveries = Prefetch("deliveries", Delivery.objects.select_related("channel").order_by("pk"))
    found = alerts.found(tenant, asked).prefetch_related(deliveries)
    page = Paginator(found, _PER_PAGE).get_page(request.GET.get("page"))
    place = pages.place_of(request)
    assert place is not None
    context = {
        "tenant": tenant,
        "page": page,
        "rows": [
            {"alert": row, "tone": alerts.TONES[Severity(row.severity)], "link": alerts.link(row, place)}
            for row in page
        ],
        "asked": asked,
        "shown": alerts.SHOWN,
        "kinds": alerts.kinds(tenant),
        "severities": [("bad", "Problems"), ("warn", "Warnings"), ("info", "Information")],
        "is_narrowed": bool(asked["kind"] or asked["severity"]),
        "has_any": bool(page.paginator.count) or alerts.of(tenant).exists(),
        "has_channel": tenant is None or AlertChannel.objects.filter(tenant=tenant, is_enabled=True).exists(),
        "may_acknowledge": tenant is None or place.role in MAY_ACKNOWLEDGE,
    }
    return render(request, "admin_ui/alerts/index.html", context)


def _acknowledge_one(request: HttpRequest, tenant: Tenant | None, alert_id: str) -> HttpResponse:
    row = alerts.of(tenant).filter(pk=alert_id)
    if not row.exists():
        raise Http404
    alerts.acknowledge(row, by=pages.person(request).get_username(), at=timezone.now())
    back = request.POST.get("back", "")
    if url_has_allowed_host_and_scheme(back, allowed_hosts=None):
        return HttpResponseRedirect(back)
    return _to_list(tenant)


def _acknowledge_all(request: HttpRequest, tenant: Tenant | None) -> HttpResponse:
    done = alerts.acknowledge(alerts.of(tenant), by=pages.person(request).get_username(), at=timezone.now())
    messages.success(request, f"{done} alert{'' if done == 1 else 's'} acknowledged.")
    return _to_list(tenant)


def _to_list(tenant: Tenant | None) -> HttpResponse:
    return HttpResponseRedirect(resolve_url("alerts", tenant.slug)) if tenant else redirect("all_alerts")
