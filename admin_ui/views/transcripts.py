"""Kept text: whether it is kept, deleting it, and looking at one request's, which the audit notes."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django.utils import timezone
from django.views.decorators.http import require_POST

from admin_ui import forms, pages, transcript_turns
from admin_ui.transcript_forms import TranscriptsForm
from admin_ui.views.keys import get_or_post
from proxy.transcripts import retention, shelf
from tenants import access, actions, secrets
from tenants.models import Tenant


@get_or_post
@pages.tenant_page(roles=access.MANAGERS)
def index(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """Settings, what they mean, and how much there is."""
    form = TranscriptsForm(request.POST or None, settings=tenant.transcripts)
    if request.method == "POST" and form.is_valid():
        try:
            actions.change_tenant(actor=pages.actor(request), tenant=tenant, transcripts=form.settings())
        except ValidationError as refused:
            forms.adopt(form, refused)
        else:
            is_on = form.cleaned_data["enabled"]
            messages.success(request, "Text is kept from the next second on." if is_on else "No more text is kept.")
            return HttpResponseRedirect(resolve_url("settings_text", tenant.slug))
    context = {"form": form, "stock": shelf.stock(tenant, timezone.now())}
    return render(request, "admin_ui/transcripts/index.html", context, status=422 if form.errors else 200)


@get_or_post
@pages.tenant_page(roles=access.MANAGERS)
def forget(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """Delete all of it, after asking."""
    if request.method == "POST":
        count = retention.forget_all(tenant)
        actions.note_forgotten_transcripts(actor=pages.actor(request), tenant=tenant, count=count)
        messages.success(request, f"The text of {count} request{'' if count == 1 else 's'} is deleted.")
        return HttpResponseRedirect(resolve_url("settings_text", tenant.slug))
    context = {"stock": shelf.stock(tenant, timezone.now())}
    return pages.ask(request, "admin_ui/transcripts/forget.html", context)


@require_POST
@pages.tenant_page(roles=access.MANAGERS)
def show(request: HttpRequest, tenant: Tenant, request_id: str) -> HttpResponse:
    """What was said in one request."""
    row = shelf.one(tenant, request_id, timezone.now())
    if row is None:
        raise Http404
    context: dict[str, object] = {"request_id": row.pk}
    try:
        context["read"] = transcript_turns.read(shelf.opened(row, tenant))
    except secrets.CannotDecrypt as broken:
        context["problem"] = str(broken)
    else:
        actions.note_transcript_seen(actor=pages.actor(request), tenant=tenant, request_id=row.pk)
    is_part = request.headers.get("hx-request") == "true"
    template = "_said.html" if is_part else "said.html"
    return render(request, f"admin_ui/transcripts/{template}", context)
