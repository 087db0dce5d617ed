"""Privacy: what is done with personal data, for the tenant and for keys that differ, and a box to try it in."""

import re
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django.utils import timezone
from django.views.decorators.http import require_POST

from admin_ui import forms, pages, privacy_counts, privacy_forms, timerange
from admin_ui.privacy_forms import KeyPrivacyForm, PrivacyForm, RecogniserForm, Recognisers
from admin_ui.views.keys import get_or_post
from proxy.call import Privacy
from proxy.privacy import trying
from proxy.privacy.compiling import compiled
from proxy.privacy.detection.detector import DetectionTimedOut, DetectionUnavailable, Detector
from proxy.privacy.rules import Mode, Rules
from tenants import access, actions, placeholder_keys, secrets
from tenants.models import ApiKey, Tenant

_MOST_TRIED_CHARS = 20_000
_OWN = re.compile(r"custom\[(\d+)\]\.(\w+?)(?:\[\d+\])?: (.*)", re.DOTALL)


@get_or_post
@pages.tenant_page(roles=access.MANAGERS)
def index(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """The settings."""
    before = access.tenant_for(pages.person(request), tenant.slug).pii
    form = PrivacyForm(request.POST or None, settings=before)
    own = Recognisers(request.POST or None, initial=before.get("custom", []), prefix="own")
    if request.method == "POST" and form.is_valid() and own.is_valid():
        kept = [one for one in own.forms if one.cleaned_data and not one.cleaned_data.get("DELETE")]
        try:
            settings = form.settings([one.recogniser for one in kept])
            actions.change_tenant(actor=pages.actor(request), tenant=tenant, pii=settings)
        except ValidationError as refused:
            _adopt(form, kept, refused)
        else:
            messages.success(request, "Saved. It holds from the next second on.")
            return HttpResponseRedirect(resolve_url("privacy", tenant.slug))
    is_wrong = bool(form.errors or any(own.errors))
    context = {
        "form": form,
        "own": own,
        "modes": privacy_forms.MODES,
        "differing": _differing(tenant),
        "found": privacy_counts.of_tenant(tenant.pk, timerange.of(request.GET, timezone.now())),
        "latest": privacy_counts.LATEST,
        "is_off": compiled(before, {}) is None,
    }
    return render(request, "admin_ui/privacy/index.html", context, status=422 if is_wrong else 200)


@get_or_post
@pages.tenant_page(roles=access.MANAGERS)
def key(request: HttpRequest, tenant: Tenant, key_id: UUID) -> HttpResponse:
    """Where one key differs."""
    row = access.key_for(tenant, key_id)
    form = KeyPrivacyForm(request.POST or None, settings=row.pii, own=tenant.pii.get("custom", []))
    if request.method == "POST" and form.is_valid():
        try:
            actions.change_key(actor=pages.actor(request), key=row, pii=form.settings())
        except ValidationError as refused:
            forms.adopt(form, refused)
        else:
            messages.success(request, "Saved. It holds from the next second on.")
            return HttpResponseRedirect(resolve_url("privacy", tenant.slug))
    context = {"form": form, "key": row, "is_off": not tenant.pii}
    return render(request, "admin_ui/privacy/key.html", context, status=422 if form.errors else 200)


@require_POST
@pages.tenant_page(roles=access.MANAGERS)
def trial(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """What would be found in a text, and sent of it. The text is kept nowhere."""
    text = request.POST.get("text", "")[:_MOST_TRIED_CHARS]
    detector = detector_of(request)
    context: dict[str, Any] = {"is_off": compiled(tenant.pii, {}) is None}
    if not text.strip():
        context["problem"] = "Paste a text first."
    elif detector is None:
        context["problem"] = "Detection is not running in this process. Try again in a moment."
    else:
        try:
            context["tried"] = async_to_sync(trying.tried)(text, _rules(tenant), detector)
        except (DetectionTimedOut, DetectionUnavailable) as failed:
            context["problem"] = str(failed)
    return render(request, "admin_ui/privacy/_tried.html", context)


@require_POST
@pages.tenant_page(roles=access.MANAGERS)
def examples(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """Whether a recogniser's examples prove it, while it is being written."""
    form = RecogniserForm(request.POST, prefix=request.POST.get("prefix", "own-0")[:20])
    form.is_valid()
    said = form.cleaned_data
    problem, proved = privacy_forms.proved(
        said.get("regex", ""), {True: said.get("matches", []), False: said.get("misses", [])}
    )
    context = {"problem": problem if said.get("regex") else "", "proved": proved}
    return render(request, "admin_ui/privacy/_examples.html", context)


@get_or_post
@pages.tenant_page(roles=access.MANAGERS)
def renew(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """Say what another key of placeholders means, then make it."""
    if request.method == "POST":
        actions.renew_placeholder_key(actor=pages.actor(request), tenant=tenant)
        messages.success(request, "From now on every value has another placeholder.")
        return HttpResponseRedirect(resolve_url("privacy", tenant.slug))
    return pages.ask(request, "admin_ui/privacy/renew.html", {})


def detector_of(request: HttpRequest) -> Detector | None:
    """The one of this web process, which its calls use; None before it has started."""
    runtime = getattr(request, "scope", {}).get("runtime")
    return runtime.detector if runtime is not None else None


def _rules(tenant: Tenant) -> Privacy:
    """The tenant's rules; where it has none, everything is shown as if it were counted."""
    try:
        made = placeholder_keys.of(tenant)
    except secrets.CannotDecrypt:
        made = tenant.pk.bytes  # only for show: calls are refused without the true one
    return Privacy(compiled(tenant.pii, {}) or Rules(default_mode=Mode.MONITOR), made)


def _differing(tenant: Tenant) -> list[ApiKey]:
    active = ApiKey.objects.filter(tenant=tenant, status=ApiKey.Status.ACTIVE).order_by("name")
    return list(active[:200])


def _adopt(form: PrivacyForm, own: list[Any], refused: ValidationError) -> None:
    """Show what was refused at the recogniser it is about, else above the form."""
    for message in refused.messages:
        match = _OWN.fullmatch(message)
        if match and int(match[1]) < len(own):
            own[int(match[1])].add_error(match[2] if match[2] in own[int(match[1])].fields else None, match[3])
            form.add_error(None, f"{own[int(match[1])].cleaned_data.get('name', match[1])}: {match[3]}")
        else:
            form.add_error(None, message)
