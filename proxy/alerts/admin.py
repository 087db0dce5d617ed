"""What happened and who was told, for operators to read. Nothing here can be altered."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from proxy.alerts.models import Alert, Delivery
from tenants.models import AlertChannel


class _ReadOnly(admin.ModelAdmin):  # type: ignore[type-arg]
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Alert)
class AlertAdmin(_ReadOnly):
    list_display = ["at", "tenant_slug", "kind", "severity", "title", "resolved_at", "acknowledged_by"]
    list_filter = ["kind", "severity", "at"]
    search_fields = ["title", "tenant_slug", "id__exact"]
    date_hierarchy = "at"


@admin.register(Delivery)
class DeliveryAdmin(_ReadOnly):
    list_display = ["alert", "channel", "state", "attempts", "status", "error", "created_at"]
    list_filter = ["state", "created_at"]
    list_select_related = ["alert", "channel__tenant"]
    search_fields = ["alert__id__exact", "channel__name", "error"]


@admin.register(AlertChannel)
class ChannelAdmin(_ReadOnly):
    """Changed on the tenant's pages, or by file. Its secrets are shown nowhere."""

    fields = ("tenant", "name", "kind", "events", "recipients", "url", "is_enabled", "created_at")
    list_display = ["name", "tenant", "kind", "is_enabled", "created_at"]
    list_filter = ["kind", "is_enabled"]
    list_select_related = ["tenant"]
    search_fields = ["name", "tenant__slug"]
