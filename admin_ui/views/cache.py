"""The cache: whether answers are kept, what that saved, and forgetting them."""

from datetime import datetime
from uuid import UUID

import structlog
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django.utils import timezone

from admin_ui import forms, pages, savings, timerange
from admin_ui.cache_forms import CacheForm, PurgeForm
from admin_ui.views.keys import get_or_post
from proxy.answers import purging
from proxy.answers.kept import Usage
from proxy.answers.stores import Filter, StoreDown
from tenants import access, actions
from tenants.models import Tenant

log = structlog.get_logger(__name__)


@get_or_post
@pages.tenant_page(roles=access.MANAGERS)
def index(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """Settings and savings."""
    form = CacheForm(request.POST or None, settings=access.tenant_for(pages.person(request), tenant.slug).cache)
    if request.method == "POST" and form.is_valid():
        try:
            actions.change_tenant(actor=pages.actor(request), tenant=tenant, cache=form.settings())
        except ValidationError as refused:
            forms.adopt(form, refused)
        else:
            messages.success(request, "Saved. It holds from the next second on.")
            return HttpResponseRedirect(resolve_url("cache", tenant.slug))
    now = timezone.now()
    span = timerange.of(request.GET, now, default="7d")
    context = {
        "form": form,
        "range": span,
        "savings": savings.of_tenant(tenant.pk, span),
        "stored": _stored(tenant.pk, now),
    }
    return render(request, "admin_ui/cache/index.html", context, status=422 if form.errors else 200)


@get_or_post
@pages.tenant_page(roles=access.MANAGERS)
def purge(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """Forget answers, after asking which."""
    form = PurgeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            count = purging.purge(tenant.pk, Filter(**form.which))
        except StoreDown as down:
            log.warning("kept answers cannot be forgotten", tenant=tenant.slug, error=str(down))
            messages.error(request, "The store of kept answers is away. Nothing was forgotten; try again shortly.")
        else:
            actions.note_purge(actor=pages.actor(request), tenant=tenant, which=form.which, count=count)
            messages.success(request, f"{count} kept answer{'' if count == 1 else 's'} forgotten.")
        return HttpResponseRedirect(resolve_url("cache", tenant.slug))
    return pages.ask(request, "admin_ui/cache/purge.html", {"form": form}, 422 if form.errors else 200)


def _stored(tenant_id: UUID, now: datetime) -> Usage | None:
    """None where the store is away: the page has more to show."""
    try:
        return purging.usage(tenant_id, now.timestamp())
    except StoreDown as down:
        log.warning("the store of kept answers is away", error=str(down))
        return None
