"""Who changed what, to be read and searched. Nothing here can be altered."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from tenants.models import AuditEntry


@admin.register(AuditEntry)
class AuditEntryAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["revision", "at", "actor", "action", "object_label", "summary"]
    list_filter = ["action", "object_type", "at"]
    search_fields = ["actor", "action", "object_label", "object_id"]
    date_hierarchy = "at"
    readonly_fields = [
        "revision",
        "at",
        "actor",
        "action",
        "object_type",
        "object_label",
        "object_id",
        "tenant_id",
        "details",
    ]
    fields = tuple(readonly_fields)
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="Changed")
    def summary(self, row: AuditEntry) -> str:
        return ", ".join(row.changes)

    @admin.display(description="Changes")
    def details(self, row: AuditEntry) -> SafeString:
        return format_html_join(
            "", "<div><b>{}</b>: {} → {}</div>", ((name, *_pair(change)) for name, change in row.changes.items())
        )


def _pair(change: Any) -> tuple[Any, Any]:
    return tuple(change) if isinstance(change, list) and len(change) == 2 else ("", change)
