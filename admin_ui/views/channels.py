"""Channels: whom alerts are sent to beside these pages, and what became of each message."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from admin_ui import forms, pages
from admin_ui.channel_forms import FORMS
from admin_ui.views.keys import get_or_post
from proxy.alerts import queue, testing
from proxy.alerts.models import Delivery
from tenants import access, actions
from tenants.models import AlertChannel, Tenant

_PER_PAGE = 50


@require_safe
@pages.tenant_page(roles=access.MANAGERS)
def index(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """The channels, with how their messages fared."""
    dead = Count("deliveries", filter=Q(deliveries__state=Delivery.State.DEAD))
    waiting = Count("deliveries", filter=Q(deliveries__state=Delivery.State.PENDING))
    rows = AlertChannel.objects.filter(tenant=tenant).annotate(dead=dead, waiting=waiting).order_by("name")
    return render(request, "admin_ui/alerts/channels.html", {"rows": rows, "has_mail": bool(settings.EMAIL_HOST)})


@never_cache
@get_or_post
@pages.tenant_page(roles=access.MANAGERS)
def new(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """The form of a new channel; a webhook's answer shows its signing secret, once."""
    kind = request.GET.get("kind", "email")
    kind = kind if kind in FORMS else "email"
    form = FORMS[kind](request.POST or None, instance=AlertChannel(tenant=tenant))
    if request.method == "POST" and form.is_valid():
        try:
            issued = actions.add_channel(actor=pages.actor(request), tenant=tenant, kind=kind, **form.values)
        except ValidationError as refused:
            forms.adopt(form, refused)
        else:
            if issued.secret:
                return _show_once(request, issued, is_rotation=False)
            messages.success(request, f"{issued.channel.name} is told from now on.")
            return HttpResponseRedirect(resolve_url("alerts_channels_edit", tenant.slug, issued.channel.pk))
    context = {"form": form, "kind": kind, "has_mail": bool(settings.EMAIL_HOST)}
    return render(request, "admin_ui/alerts/new.html", context, status=422 if form.errors else 200)


@never_cache
@get_or_post
@pages.tenant_page(roles=access.MANAGERS)
def edit(request: HttpRequest, tenant: Tenant, channel_id: UUID) -> HttpResponse:
    """One channel: its form, and the log of its messages."""
    row = access.channel_for(tenant, channel_id)
    form = FORMS[row.kind](request.POST or None, instance=access.channel_for(tenant, channel_id))
    if request.method == "POST" and form.is_valid():
        try:
            actions.change_channel(actor=pages.actor(request), channel=row, **form.changes)
        except ValidationError as refused:
            forms.adopt(form, refused)
        else:
            messages.success(request, "Saved.")
            return HttpResponseRedirect(resolve_url("alerts_channels_edit", tenant.slug, row.pk))
    log = Delivery.objects.filter(channel=row).select_related("alert").order_by("-created_at", "-pk")
    context = {
        "form": form,
        "channel": row,
        "page": Paginator(log, _PER_PAGE).get_page(request.GET.get("page")),
        "old_signs": row.old_secret_until is not None and row.old_secret_until > timezone.now(),
        "has_mail": bool(settings.EMAIL_HOST),
    }
    return render(request, "admin_ui/alerts/edit.html", context, status=422 if form.errors else 200)


@require_POST
@pages.tenant_page(roles=access.MANAGERS)
def test(request: HttpRequest, tenant: Tenant, channel_id: UUID) -> HttpResponse:
    """Send a test to the channel as it is stored, and say what came of it."""
    row = access.channel_for(tenant, channel_id)
    _delivery, outcome = testing.send(row, timezone.now(), by=pages.person(request).get_username())
    return render(request, "admin_ui/alerts/_tested.html", {"channel": row, "outcome": outcome})


@require_POST
@pages.tenant_page(roles=access.MANAGERS)
def pause(request: HttpRequest, tenant: Tenant, channel_id: UUID) -> HttpResponse:
    """Pause the channel, or let it go on."""
    row = access.channel_for(tenant, channel_id)
    row = actions.change_channel(actor=pages.actor(request), channel=row, is_enabled=not row.is_enabled)
    words = "is told again" if row.is_enabled else "is paused: what happens meanwhile is on these pages alone"
    messages.success(request, f"{row.name} {words}.")
    return HttpResponseRedirect(resolve_url("alerts_channels_edit", tenant.slug, row.pk))


@never_cache
@get_or_post
@pages.tenant_page(roles=access.MANAGERS)
def rotate(request: HttpRequest, tenant: Tenant, channel_id: UUID) -> HttpResponse:
    """Ask; the answer shows the new signing secret, once."""
    row = access.channel_for(tenant, channel_id)
    if row.kind != AlertChannel.Kind.WEBHOOK:
        raise Http404
    if request.method == "POST":
        issued = actions.rotate_channel_secret(actor=pages.actor(request), channel=row, at=timezone.now())
        return _show_once(request, issued, is_rotation=True)
    return pages.ask(request, "admin_ui/alerts/rotate.html", {"channel": row})


@get_or_post
@pages.tenant_page(roles=access.MANAGERS)
def delete(request: HttpRequest, tenant: Tenant, channel_id: UUID) -> HttpResponse:
    """Say what goes with it, then remove it."""
    row = access.channel_for(tenant, channel_id)
    if request.method == "POST":
        actions.delete_channel(actor=pages.actor(request), channel=row)
        messages.success(request, f"{row.name} is removed.")
        return HttpResponseRedirect(resolve_url("alerts_channels", tenant.slug))
    waiting = Delivery.objects.filter(channel=row, state=Delivery.State.PENDING).count()
    return pages.ask(request, "admin_ui/alerts/delete.html", {"channel": row, "waiting": waiting})


@require_POST
@pages.tenant_page(roles=access.MANAGERS)
def again(request: HttpRequest, tenant: Tenant, channel_id: UUID, delivery_id: int) -> HttpResponse:
    """Send a message once more, under its own id."""
    row = access.channel_for(tenant, channel_id)
    delivery = Delivery.objects.filter(channel=row, pk=delivery_id).first()
    if delivery is None:
        raise Http404
    queue.again(delivery, timezone.now())
    messages.success(request, "It is sent again within some seconds.")
    return HttpResponseRedirect(resolve_url("alerts_channels_edit", tenant.slug, row.pk))


def _show_once(request: HttpRequest, issued: actions.IssuedChannel, *, is_rotation: bool) -> HttpResponse:
    context = {"channel": issued.channel, "secret": issued.secret, "is_rotation": is_rotation}
    response = render(request, "admin_ui/alerts/secret.html", context)
    response.headers["Cache-Control"] = "no-store"
    return response
