"""A tenant's settings, and its suspension by platform staff."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render, resolve_url

from admin_ui import forms, pages
from admin_ui.views.keys import get_or_post
from tenants import access, actions, transcripts
from tenants.models import ApiKey, Tenant


@get_or_post
@pages.tenant_page(roles=access.MANAGERS)
def index(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """Name, zone and aliases."""
    form = forms.SettingsForm(request.POST or None, instance=access.tenant_for(pages.person(request), tenant.slug))
    if request.method == "POST" and form.is_valid():
        try:
            actions.change_tenant(actor=pages.actor(request), tenant=tenant, **form.changes)
        except ValidationError as refused:
            forms.adopt(form, refused)
        else:
            messages.success(request, "Saved.")
            return HttpResponseRedirect(resolve_url("settings", tenant.slug))
    context = {"form": form, "keeps_text": transcripts.effective(tenant.transcripts)["enabled"]}
    return render(request, "admin_ui/settings/index.html", context, status=422 if form.errors else 200)


@get_or_post
@pages.tenant_page()
def suspend(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """Suspend the tenant or make it active again; for platform staff, to others there is no such page."""
    if not pages.person(request).is_superuser:
        raise Http404
    is_active = tenant.status == Tenant.Status.ACTIVE
    if request.method == "POST":
        status = Tenant.Status.SUSPENDED if is_active else Tenant.Status.ACTIVE
        actions.change_tenant(actor=pages.actor(request), tenant=tenant, status=status)
        messages.success(request, f"{tenant.name} is {'suspended' if is_active else 'active again'}.")
        return HttpResponseRedirect(resolve_url("settings", tenant.slug))
    keys = ApiKey.objects.filter(tenant=tenant, status=ApiKey.Status.ACTIVE).count()
    return pages.ask(request, "admin_ui/settings/suspend.html", {"is_active": is_active, "keys": keys})
