"""Playground: ask a model from the browser, through the same door and with the same kind of key as any program.

The page itself calls `/v1/messages` with a key that the person pastes and that stays in the page. So nothing here can
act as a key whose secret its user does not hold, and what is tried is the real path: limits, routing, record and all.
"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from admin_ui import pages, request_filters
from proxy import snippets
from proxy.models import UsageRecord
from tenants.models import Tenant

_RECENT = 1000


@require_safe
@pages.tenant_page()
def playground(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """The page; asking is its script's."""
    recent = UsageRecord.objects.filter(tenant_id=tenant.pk).order_by("-started_at")
    models = {model for (model,) in recent.values_list("model_asked")[:_RECENT] if model}
    context = {
        "tenant": tenant,
        "models": sorted(models | {snippets.MODEL}),
        "model": request.GET.get("model", "")[: request_filters.MOST_CHARS] or snippets.MODEL,
        "requests_url": reverse("requests", args=[tenant.slug]),
    }
    return render(request, "admin_ui/playground.html", context)
