"""Audit: who changed what, each change as before and after, and whether the chain holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from admin_ui import differences, pages, timerange
from admin_ui.differences import Difference
from tenants import access, audit
from tenants.models import AuditEntry, Tenant

PAGE_ROWS = 50
_MOST_CHARS = 200


@dataclass(frozen=True, slots=True)
class Row:
    """One entry with what it changed."""

    entry: AuditEntry
    differences: Sequence[Difference]


@require_safe
@pages.tenant_page(roles=access.MANAGERS)
def trail(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """The changes of one tenant."""
    return _page(request, AuditEntry.objects.filter(tenant_id=tenant.pk), tenant)


@require_safe
@pages.staff_page
def whole_trail(request: HttpRequest) -> HttpResponse:
    """The changes of everything."""
    return _page(request, AuditEntry.objects.all(), None)


@require_POST
@pages.staff_page
def verify(request: HttpRequest) -> HttpResponse:
    """Check the whole chain, and say what came of it."""
    verdict = audit.verify()
    if verdict.is_intact:
        messages.success(request, f"The trail is intact: {verdict.head.revision} entries, head {verdict.head}.")
    else:
        messages.error(request, f"The trail is not intact: {'; '.join(verdict.problems)}.")
    return redirect("all_audit")


def _page(request: HttpRequest, entries: "QuerySet[AuditEntry]", tenant: Tenant | None) -> HttpResponse:
    span = timerange.of(request.GET, timezone.now(), default="30d")
    asked = {name: request.GET.get(name, "").strip()[:_MOST_CHARS] for name in ("actor", "action", "object", "q")}
    found = entries.filter(_wanted(asked), at__gte=span.start, at__lt=span.end)
    behind = request.GET.get("before", "")
    if behind.isascii() and behind.isdecimal() and len(behind) < 19:
        found = found.filter(revision__lt=int(behind))
    rows = list(found.order_by("-revision")[: PAGE_ROWS + 1])
    shown = rows[:PAGE_ROWS]
    context = {
        "tenant": tenant,
        "range": span,
        "asked": asked,
        "is_narrowed": any(asked.values()),
        "rows": [Row(entry, differences.of(entry.changes)) for entry in shown],
        "older": shown[-1].revision if len(rows) > PAGE_ROWS else None,
        "is_first_page": not behind,
        "actions": _values(entries, "action"),
        "objects": _values(entries, "object_type"),
    }
    return render(request, "admin_ui/audit.html", context)


def _wanted(asked: dict[str, str]) -> Q:
    """Actor and label by what they contain; Django escapes what would be a wildcard."""
    wanted = Q()
    if asked["actor"]:
        wanted &= Q(actor__icontains=asked["actor"])
    if asked["action"]:
        wanted &= Q(action=asked["action"])
    if asked["object"]:
        wanted &= Q(object_type=asked["object"])
    if asked["q"]:
        wanted &= Q(object_label__icontains=asked["q"]) | Q(object_id=asked["q"])
    return wanted


def _values(entries: "QuerySet[AuditEntry]", column: str) -> list[Any]:
    return list(entries.order_by(column).values_list(column, flat=True).distinct())
