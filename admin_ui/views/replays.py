"""Replays: a policy tried on what was asked, with its progress, its report and the report as a file.

Every view takes a tenant, or None for the platform's policy, as those of `policies` do.
"""

import json
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone

from admin_ui import csv, forms, pages, policy_pages, replay_pages
from admin_ui.replay_forms import ReplayForm, title_of
from proxy.replays import queue, wakening
from proxy.replays.models import PolicyReplay
from proxy.replays.report import COLUMNS, Report
from proxy.transcripts import shelf
from tenants import actions, secrets, transcripts
from tenants.models import PolicyVersion, Tenant

_MOST_LISTED = 50


def index(request: HttpRequest, tenant: Tenant | None) -> HttpResponse:
    """The form and the replays of the last days."""
    stock = shelf.stock(tenant, timezone.now()) if tenant else None
    has_text = bool(stock and stock.calls)
    form = ReplayForm(
        request.POST or None,
        request.FILES or None,
        tenant=tenant,
        has_text=has_text,
        number=request.GET.get("version", ""),
    )
    if request.method == "POST" and form.is_valid():
        try:
            row = _asked(request, tenant, form)
        except ValidationError as refused:
            forms.adopt(form, refused)
        else:
            return HttpResponseRedirect(_url(tenant, row))
    context = {
        **policy_pages.addresses(tenant),
        "form": form,
        "stock": stock,
        "has_text": has_text,
        "keeps_text": bool(tenant and transcripts.effective(tenant.transcripts)["enabled"]),
        "has_versions": PolicyVersion.objects.filter(tenant=tenant).exists(),
        "replays": [(row, _url(tenant, row)) for row in _of(tenant)],
    }
    return render(request, "admin_ui/policies/replays.html", context, status=422 if form.errors else 200)


def _of(tenant: Tenant | None) -> list[PolicyReplay]:
    big = ("tried", "holding", "above", "report", "sample")
    return list(PolicyReplay.objects.filter(tenant=tenant).defer(*big)[:_MOST_LISTED])


def _asked(request: HttpRequest, tenant: Tenant | None, form: ReplayForm) -> PolicyReplay:
    version: PolicyVersion = form.cleaned_data["version"]
    row = queue.ask(
        tenant, version.document, form.material, title=title_of(version), author=pages.person(request).get_username()
    )
    wakening.wake()
    return row


def report(request: HttpRequest, tenant: Tenant | None, replay_id: UUID) -> HttpResponse:
    """How far it is and what it found; POST ends it."""
    row = _one(tenant, replay_id)
    if request.method == "POST":
        if queue.cancel(row):
            messages.success(request, "It is cancelled. What it found so far stays.")
        return HttpResponseRedirect(_url(tenant, row))
    return render(request, "admin_ui/policies/replay.html", _context(tenant, row))


def progress(request: HttpRequest, tenant: Tenant | None, replay_id: UUID) -> HttpResponse:
    """The same without the frame, for who watches it."""
    return render(request, "admin_ui/policies/_replay.html", _context(tenant, _one(tenant, replay_id)))


def calls(request: HttpRequest, tenant: Tenant | None, replay_id: UUID) -> HttpResponseBase:
    """The calls that fit, as a CSV file."""
    row = _one(tenant, replay_id)
    return csv.response(f"replay-{row.pk}", COLUMNS, [Report.of(row.report).rows()])


def data(request: HttpRequest, tenant: Tenant | None, replay_id: UUID) -> HttpResponse:
    """The whole report, as a JSON file."""
    row = _one(tenant, replay_id)
    whole = {"replay": str(row.pk), "policy": row.title, "state": row.state, **Report.of(row.report).stored()}
    answer = HttpResponse(json.dumps(whole, ensure_ascii=False, indent=1), content_type="application/json")
    answer.headers["Content-Disposition"] = f'attachment; filename="replay-{row.pk}.json"'
    return answer


def where(request: HttpRequest, tenant: Tenant | None, replay_id: UUID) -> HttpResponse:
    """Where rules fit the text of one call, which the audit notes."""
    row, name = _one(tenant, replay_id), request.POST.get("call", "")[:100]
    kept = shelf.one(tenant, name, timezone.now()) if tenant and replay_pages.holds_call(row, name) else None
    if tenant is None or kept is None:
        return render(request, "admin_ui/policies/_where.html", {"problem": "Its text is not kept any more."})
    try:
        found = replay_pages.places(row, shelf.opened(kept, tenant))
    except secrets.CannotDecrypt as broken:
        return render(request, "admin_ui/policies/_where.html", {"problem": str(broken)})
    actions.note_transcript_seen(actor=pages.actor(request), tenant=tenant, request_id=kept.pk)
    return render(request, "admin_ui/policies/_where.html", {"found": found})


def _one(tenant: Tenant | None, replay_id: UUID) -> PolicyReplay:
    row = queue.of_owner(tenant, replay_id)
    if row is None:
        raise Http404
    return row


def _url(tenant: Tenant | None, row: PolicyReplay) -> str:
    return f"{policy_pages.addresses(tenant)['replays_url']}{row.pk}/"


def _context(tenant: Tenant | None, row: PolicyReplay) -> dict[str, object]:
    return {
        **policy_pages.addresses(tenant),
        "replay": row,
        "replay_url": _url(tenant, row),
        "shown": replay_pages.shown(row),
        "most": replay_pages.SHOWN,
    }
