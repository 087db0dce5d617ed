"""Requests: the table with its filters in the address, rows that come in live, the file, and each one's own page."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from admin_ui import csv, pages, passages, policy_counts, privacy_counts, request_filters, request_rows, waterfall
from admin_ui.request_filters import Asked
from admin_ui.views import saved_views
from proxy.ledger import usage_queries
from proxy.ledger.usage_queries import Filter
from proxy.models import UsageRecord
from proxy.transcripts import shelf
from tenants.models import ApiKey, Tenant, Upstream

PAGE_ROWS = 50
_MOST_CHOICES = 500
_RECENT = 1000
COLUMNS = (
    "id", "started_at", "ended_at", "state", "status", "tenant_slug", "key_name", "endpoint", "is_streaming",
    "model_asked", "model_served", "upstream_name", "upstream_request_id", "error_type", "error_message", "stop_reason",
    "input_tokens", "output_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens", "cache_read_tokens",
    "thinking_tokens", "is_usage_estimated", "cost_nano_usd", "first_byte_us", "total_us", "overhead_us", "client_ip",
    "user_agent", "session_id", "agent_id", "parent_agent_id",
)  # fmt: skip
"""What the file holds, in this order."""


@require_safe
@pages.tenant_page()
def requests(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """The tenant's requests."""
    return _table(request, tenant)


@require_safe
@pages.staff_page
def all_requests(request: HttpRequest) -> HttpResponse:
    """The requests of all tenants."""
    return _table(request, None)


@require_safe
@pages.tenant_page()
def export(request: HttpRequest, tenant: Tenant) -> HttpResponseBase:
    """The tenant's requests that the filters leave, as a file."""
    return _file(_asked(request, tenant), f"requests-{tenant.slug}")


@require_safe
@pages.staff_page
def export_all(request: HttpRequest) -> HttpResponseBase:
    """The same of all tenants."""
    return _file(_asked(request, None), "requests")


@require_safe
@pages.tenant_page()
def detail(request: HttpRequest, tenant: Tenant, request_id: str) -> HttpResponse:
    """One of the tenant's requests."""
    return _detail(request, Filter(tenant_id=tenant.pk), request_id)


@require_safe
@pages.staff_page
def detail_of_all(request: HttpRequest, request_id: str) -> HttpResponse:
    """One request of any tenant."""
    return _detail(request, Filter(tenant_id=None), request_id)


def _asked(request: HttpRequest, tenant: Tenant | None) -> Asked:
    return request_filters.read(request.GET, tenant_id=tenant.pk if tenant else None, now=timezone.now())


def _table(request: HttpRequest, tenant: Tenant | None) -> HttpResponse:
    asked = _asked(request, tenant)
    behind = request_filters.cursor(request.GET.get("before", ""))
    page = usage_queries.page(asked.wanted, behind=behind, size=PAGE_ROWS)
    older = request_filters.cursor_text(page.older) if page.older else ""
    address = _addresses(tenant)
    context = {
        **address,
        "tenant": tenant,
        "asked": asked,
        "range": asked.range,
        "rows": request_rows.rows(page.rows, is_of_all=tenant is None),
        "is_of_all": tenant is None,
        "is_first_page": behind is None,
        "older_url": f"{address['table_url']}?{asked.query(before=older)}" if older else "",
        "newest_url": f"{address['table_url']}?{asked.query()}",
        "export_url": f"{address['export_url']}?{asked.query()}",
        "socket_url": f"{address['socket_url']}?{asked.query()}" if behind is None and asked.range.preset else "",
        "choices": _choices(tenant),
        "chips": _chips(asked, address["table_url"], tenant),
        "query": asked.query(),
        "views": saved_views.links(request, tenant, asked.query()) if tenant else (),
    }
    return render(request, "admin_ui/requests.html", context)


def _addresses(tenant: Tenant | None) -> dict[str, str]:
    if tenant is None:
        return {
            "table_url": reverse("all_requests"),
            "export_url": reverse("all_requests_export"),
            "socket_url": "/ws/requests/",
        }
    return {
        "table_url": reverse("requests", args=[tenant.slug]),
        "export_url": reverse("requests_export", args=[tenant.slug]),
        "socket_url": f"/ws/t/{tenant.slug}/requests/",
    }


def _choices(tenant: Tenant | None) -> dict[str, Any]:
    """What the filters offer; staff's view of all tenants filters by what can be typed."""
    states = UsageRecord.State.choices
    if tenant is None:
        return {"states": states, "keys": (), "upstreams": (), "models": ()}
    return {
        "states": states,
        "keys": _named(ApiKey.objects.filter(tenant=tenant)),
        "upstreams": _named(Upstream.objects.filter(tenant=tenant)),
        "models": _recent_models(tenant),
    }


def _named(rows: "QuerySet[Any]") -> list[tuple[str, str]]:
    return [(str(pk), name) for pk, name in rows.order_by("name").values_list("pk", "name")[:_MOST_CHOICES]]


def _recent_models(tenant: Tenant) -> list[str]:
    recent = (
        UsageRecord.objects.filter(tenant_id=tenant.pk).order_by("-started_at").values_list("model_asked")[:_RECENT]
    )
    return sorted({model for (model,) in recent if model})


def _chips(asked: Asked, table_url: str, tenant: Tenant | None) -> list[tuple[str, str, str]]:
    """(name, value as people know it, the address without it) of each filter in use."""
    named = {
        "key": ApiKey.objects.filter(tenant=tenant, pk=asked.wanted.key_id) if asked.wanted.key_id else None,
        "upstream": Upstream.objects.filter(tenant=tenant, pk=asked.wanted.upstream_id)
        if asked.wanted.upstream_id
        else None,
    }
    chips = []
    for name, value in asked.chips:
        rows = named.get(name)
        row = rows.first() if rows is not None else None
        shown = str(getattr(row, "name", value))
        chips.append(("id" if name == "q" else name, shown, f"{table_url}?{asked.query(**{name: ''})}"))
    return chips


def _file(asked: Asked, name: str) -> HttpResponseBase:
    chunks = ([_cells(row) for row in page] for page in _pages(asked))
    return csv.response(name, COLUMNS, chunks)


def _pages(asked: Asked) -> Iterator[Sequence[UsageRecord]]:
    return usage_queries.pages(asked.wanted)


def _cells(record: UsageRecord) -> list[Any]:
    return [getattr(record, name) for name in COLUMNS]


def _detail(request: HttpRequest, wanted: Filter, request_id: str) -> HttpResponse:
    record = usage_queries.one(wanted, request_id)
    if record is None:
        raise Http404
    address = settings.CONFIG.public_url.rstrip("/") or request.build_absolute_uri("/").rstrip("/")
    context = {
        "record": record,
        "is_of_all": wanted.tenant_id is None,
        "table_url": reverse("all_requests")
        if wanted.tenant_id is None
        else reverse("requests", args=[record.tenant_slug]),
        "steps": waterfall.steps(record),
        "costs": waterfall.costs(record),
        "looked_up": passages.of_call(record),
        "fits": policy_counts.of_call(record),
        "found": privacy_counts.of_call(record),
        "restored": privacy_counts.restored(record),
        "snippets": waterfall.snippets(record, address),
        "raw_trace": json.dumps(record.trace, ensure_ascii=False, indent=1),
        "permalink": request.build_absolute_uri(request.path),
        "kept_until": _kept_until(request, record),
    }
    return render(request, "admin_ui/request.html", context)


def _kept_until(request: HttpRequest, record: UsageRecord) -> datetime | None:
    """Until when the request's text can be read, by those who may."""
    place = pages.place_of(request)
    if place is None or not place.is_manager:
        return None
    tenant = place.tenant or Tenant.objects.filter(pk=record.tenant_id).first()
    if tenant is None:
        return None
    row = shelf.one(tenant, record.pk, timezone.now())
    return row.started_at + shelf.life(tenant) if row else None
