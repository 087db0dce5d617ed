"""The operator's pages on prices and on what calls left behind."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from proxy.models import Price, UsageRecord
from tenants import audit
from tenants.admin.audited import actor_of
from tenants.models import Tenant

_NANO = 10**9
_MOST_MODELS = 50


@admin.register(Price)
class PriceAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Each change is in the audit: of no tenant, so every web process reads the price list again."""

    list_display = [
        "model_glob",
        "above_input_tokens",
        "effective_from",
        "input_usd",
        "output_usd",
        "cache_write_5m_usd",
        "cache_write_1h_usd",
        "cache_read_usd",
        "source",
    ]
    search_fields = ["model_glob", "source"]
    list_filter = ["effective_from"]
    save_as = True  # a new price is the old row with another date

    def save_model(self, request: HttpRequest, obj: Price, form: "ModelForm[Price]", change: bool) -> None:
        names = form.changed_data if change else list(form.cleaned_data)
        if change and not names:
            return
        with audit.change(actor=actor_of(request)) as trail:
            before = Price.objects.filter(pk=obj.pk).values(*names).first() or {}
            obj.save()
            changes = {name: [before.get(name), getattr(obj, name)] for name in names}
            trail.record("price.change" if change else "price.add", obj, changes)

    def delete_model(self, request: HttpRequest, obj: Price) -> None:
        self._delete(request, [obj])

    def delete_queryset(self, request: HttpRequest, queryset: "QuerySet[Price]") -> None:
        self._delete(request, queryset)

    def _delete(self, request: HttpRequest, rows: Iterable[Price]) -> None:
        with audit.change(actor=actor_of(request)) as trail:
            for row in rows:
                trail.record("price.delete", row)
                row.delete()


class TenantFilter(admin.SimpleListFilter):
    """By the tenants there are: asking the records for theirs would read all of them."""

    title = "tenant"
    parameter_name = "tenant"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, str]]:
        return [(str(id), slug) for id, slug in Tenant.objects.values_list("id", "slug")]

    def queryset(self, _request: HttpRequest, records: "QuerySet[Any]") -> "QuerySet[Any]":
        known = {value for value, _slug in self.lookup_choices}
        return records.filter(tenant_id=self.value()) if self.value() in known else records


class ModelFilter(admin.SimpleListFilter):
    """By the models that were served in the last days."""

    title = "model"
    parameter_name = "model"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, str]]:
        recent = UsageRecord.objects.filter(started_at__gte=timezone.now() - timedelta(days=7)).exclude(model_served="")
        names = recent.order_by("model_served").values_list("model_served", flat=True).distinct()
        return [(name, name) for name in names[:_MOST_MODELS]]

    def queryset(self, _request: HttpRequest, records: "QuerySet[Any]") -> "QuerySet[Any]":
        return records.filter(model_served=self.value()) if self.value() else records


@admin.register(UsageRecord)
class UsageRecordAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """To be read and searched. Nothing here can be altered."""

    list_display = ["started", "who", "served", "ending", "tokens", "cost", "duration"]
    list_filter = ["state", TenantFilter, ModelFilter, "is_price_default", "is_usage_estimated"]
    search_fields = ["id__exact", "session_id__exact", "upstream_request_id__exact"]
    search_help_text = "A request id, an upstream's request id or a Claude Code session id, whole."
    date_hierarchy = "started_at"
    show_full_result_count = False
    fieldsets = [
        (None, {"fields": ["id", "state", "status", "endpoint", "is_streaming", "started_at", "ended_at", "process"]}),
        ("Who", {"fields": ["tenant_slug", "tenant_id", "key_name", "key_id", "client_ip", "user_agent"]}),
        ("Claude Code", {"fields": ["session_id", "agent_id", "parent_agent_id"]}),
        ("Where", {"fields": ["model_asked", "model_served", "upstream_name", "upstream_id", "upstream_request_id"]}),
        ("How it ended", {"fields": ["stop_reason", "error_type", "error_message"]}),
        (
            "Tokens",
            {
                "fields": [
                    "input_tokens",
                    "output_tokens",
                    "cache_write_5m_tokens",
                    "cache_write_1h_tokens",
                    "cache_read_tokens",
                    "thinking_tokens",
                    "is_usage_estimated",
                ]
            },
        ),
        ("Cost", {"fields": ["cost", "price_id", "is_price_default"]}),
        ("Times and sizes", {"fields": ["times", "request_bytes", "response_bytes"]}),
        ("What each step decided", {"fields": ["steps"]}),
    ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="Started", ordering="started_at")
    def started(self, row: UsageRecord) -> str:
        return date_format(timezone.localtime(row.started_at), "j M H:i:s")

    @admin.display(description="Tenant / key", ordering="tenant_slug")
    def who(self, row: UsageRecord) -> str:
        return f"{row.tenant_slug} / {row.key_name}"

    @admin.display(description="State", ordering="state")
    def ending(self, row: UsageRecord) -> str:
        return f"{row.state} {row.status or ''}"

    @admin.display(description="Model", ordering="model_served")
    def served(self, row: UsageRecord) -> str:
        return row.model_served or row.model_asked

    @admin.display(description="In / out")
    def tokens(self, row: UsageRecord) -> str:
        prompt = row.input_tokens + row.cache_write_5m_tokens + row.cache_write_1h_tokens + row.cache_read_tokens
        return f"{'~' if row.is_usage_estimated else ''}{prompt:,} / {row.output_tokens:,}"

    @admin.display(description="Cost", ordering="cost_nano_usd")
    def cost(self, row: UsageRecord) -> str:
        return dollars(row.cost_nano_usd)

    @admin.display(description="Total", ordering="total_us")
    def duration(self, row: UsageRecord) -> str:
        return _milliseconds(row.total_us)

    @admin.display(description="Times")
    def times(self, row: UsageRecord) -> SafeString:
        parts = [
            ("to the end", row.total_us),
            ("to the first byte", row.first_byte_us),
            ("waiting for a connection", row.queue_us),
            ("of the proxy's own", row.overhead_us),
        ]
        return format_html_join("", "<div>{} {}</div>", ((_milliseconds(micros), name) for name, micros in parts))

    @admin.display(description="Steps")
    def steps(self, row: UsageRecord) -> SafeString:
        lines = format_html_join(
            "",
            "<tr><td>{}</td><td>{}</td><td>{}</td></tr>",
            ((step.get("step", ""), _milliseconds(step.get("us")), _facts(step)) for step in row.trace),
        )
        return format_html("<table><tr><th>Step</th><th>Time</th><th>Decided</th></tr>{}</table>", lines)


def dollars(nano_usd: int) -> str:
    """An exact amount, with at least two decimals."""
    whole, rest = divmod(nano_usd, _NANO)
    return f"${whole:,}.{f'{rest:09}'.rstrip('0'):0<2}"


def _milliseconds(micros: int | None) -> str:
    return "–" if micros is None else f"{micros / 1000:,.1f} ms"


def _facts(step: dict[str, Any]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in step.items() if name not in ("step", "us"))
