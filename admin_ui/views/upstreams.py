"""Where a tenant's requests go: health, addresses, credentials that go in and never come out."""

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from admin_ui import forms, onboarding, pages, upstream_health
from admin_ui.upstream_health import Health
from admin_ui.views.keys import get_or_post
from proxy.doctor import upstreams as doctor_upstreams
from tenants import access, actions
from tenants.models import Tenant, Upstream


@require_safe
@pages.tenant_page()
def index(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """The upstreams in the order in which they are asked."""
    health = upstream_health.by_upstream(tenant)
    upstreams = Upstream.objects.filter(tenant=tenant).order_by("-is_enabled", "priority", "name")
    rows = [{"upstream": row, "health": health.get(row.pk, Health())} for row in upstreams]
    return render(request, "admin_ui/upstreams/index.html", {"rows": rows})


@never_cache
@get_or_post
@pages.tenant_page(roles=access.MANAGERS)
def new(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """The form of a new upstream."""
    form = forms.UpstreamForm(request.POST or None, instance=Upstream(tenant=tenant))
    if request.method == "POST" and form.is_valid():
        credential = form.cleaned_data["new_credential"]
        try:
            row = actions.add_upstream(actor=pages.actor(request), tenant=tenant, credential=credential, **form.values)
        except ValidationError as refused:
            forms.adopt(form, refused)
        else:
            messages.success(request, f"{row.name} is connected. Test it to see whether it answers.")
            return HttpResponseRedirect(resolve_url("upstreams", tenant.slug))
    return render(request, "admin_ui/upstreams/new.html", {"form": form}, status=422 if form.errors else 200)


@never_cache
@get_or_post
@pages.tenant_page(roles=access.MANAGERS)
def edit(request: HttpRequest, tenant: Tenant, upstream_id: UUID) -> HttpResponse:
    """One upstream. Another address drops the stored credential, unless a new one comes along."""
    row = access.upstream_for(tenant, upstream_id)
    form = forms.UpstreamForm(request.POST or None, instance=access.upstream_for(tenant, upstream_id))
    if request.method == "POST" and form.is_valid():
        try:
            actions.change_upstream(
                actor=pages.actor(request), upstream=row, credential=form.credential, **form.changes
            )
        except ValidationError as refused:
            forms.adopt(form, refused)
        else:
            messages.success(request, "Saved. It holds from the next second on.")
            return HttpResponseRedirect(resolve_url("upstreams_edit", tenant.slug, row.pk))
    health = upstream_health.by_upstream(tenant).get(row.pk, Health())
    context = {
        "form": form,
        "upstream": row,
        "health": health,
        "last_asked": upstream_health.last_asked(row),
        "has_credential": row.credential is not None,
    }
    return render(request, "admin_ui/upstreams/edit.html", context, status=422 if form.errors else 200)


@require_POST
@pages.tenant_page(roles=access.MANAGERS)
def test(request: HttpRequest, tenant: Tenant, upstream_id: UUID) -> HttpResponse:
    """Ask the upstream as it is stored. Nothing of the request decides where the credential goes."""
    row = access.upstream_for(tenant, upstream_id)
    finding = doctor_upstreams.look(row)
    if finding.level == "ok":
        onboarding.note_answer(row)
    return render(request, "admin_ui/upstreams/_tested.html", {"finding": finding, "upstream": row})


@never_cache
@get_or_post
@pages.tenant_page(roles=access.MANAGERS)
def delete(request: HttpRequest, tenant: Tenant, upstream_id: UUID) -> HttpResponse:
    """Say what goes with it, then remove it."""
    row = access.upstream_for(tenant, upstream_id)
    if request.method == "POST":
        actions.delete_upstream(actor=pages.actor(request), upstream=row)
        messages.success(request, f"{row.name} is removed.")
        return HttpResponseRedirect(resolve_url("upstreams", tenant.slug))
    health = upstream_health.by_upstream(tenant).get(row.pk, Health())
    others = Upstream.objects.filter(tenant=tenant, is_enabled=True).exclude(pk=row.pk).count()
    context = {"upstream": row, "health": health, "others": others}
    return pages.ask(request, "admin_ui/upstreams/delete.html", context)
