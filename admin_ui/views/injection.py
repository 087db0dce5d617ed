"""Which passages requests are given: for the tenant, and for keys that differ."""

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render, resolve_url

from admin_ui import collection_forms, forms, pages
from admin_ui.injection_forms import InjectForm, KeyInjectForm
from admin_ui.views.keys import get_or_post
from tenants import access, actions, queries
from tenants.models import ApiKey, Tenant

_MOST_KEYS = 200


@get_or_post
@pages.tenant_page(roles=access.MANAGERS)
def index(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """The tenant's settings, and which keys differ."""
    collections = queries.collections_of(tenant)
    form = InjectForm(request.POST or None, settings=tenant.inject, collections=collections)
    if request.method == "POST" and form.is_valid():
        try:
            actions.change_tenant(actor=pages.actor(request), tenant=tenant, inject=form.settings())
        except ValidationError as refused:
            forms.adopt(form, refused)
        else:
            messages.success(request, "Saved. It holds from the next second on.")
            return HttpResponseRedirect(resolve_url("collections_requests", tenant.slug))
    keys = list(ApiKey.objects.filter(tenant=tenant, status=ApiKey.Status.ACTIVE).order_by("name")[:_MOST_KEYS])
    context = {
        "tenant": tenant,
        "form": form,
        "has_collections": bool(collections),
        "differing": collection_forms.differing(keys),
        "others": [key for key in keys if not key.inject],
    }
    return render(request, "admin_ui/collections/requests.html", context, status=422 if form.errors else 200)


@get_or_post
@pages.tenant_page(roles=access.MANAGERS)
def key(request: HttpRequest, tenant: Tenant, key_id: UUID) -> HttpResponse:
    """Where one key differs."""
    row = access.key_for(tenant, key_id)
    form = KeyInjectForm(
        request.POST or None,
        settings=row.inject,
        tenant=tenant.inject,
        collections=queries.collections_of_key(row),
    )
    if request.method == "POST" and form.is_valid():
        try:
            actions.change_key(actor=pages.actor(request), key=row, inject=form.settings())
        except ValidationError as refused:
            forms.adopt(form, refused)
        else:
            messages.success(request, "Saved. It holds from the next second on.")
            return HttpResponseRedirect(resolve_url("collections_requests", tenant.slug))
    context = {"tenant": tenant, "form": form, "key": row}
    return render(request, "admin_ui/collections/requests_key.html", context, status=422 if form.errors else 200)
