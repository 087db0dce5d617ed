"""Upstreams. Their credential can be written here, never read."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters

from tenants import actions
from tenants.admin.audited import AuditedAdmin, actor_of, changed
from tenants.admin.forms import UpstreamForm
from tenants.models import Upstream


@admin.register(Upstream)
class UpstreamAdmin(AuditedAdmin):
    form = UpstreamForm
    list_display = ["name", "tenant", "kind", "base_url", "has_credential", "priority", "is_enabled"]
    list_filter = ["kind", "is_enabled", ("tenant", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["tenant"]
    search_fields = ["name", "base_url", "tenant__slug", "tenant__name"]
    autocomplete_fields = ["tenant"]
    fieldsets = [
        (None, {"fields": ["tenant", "name", "kind", "is_enabled"]}),
        ("Where it is", {"fields": ["base_url", "has_credential", "new_credential", "clear_credential"]}),
        ("What it serves", {"fields": ["model_globs", "model_aliases", "priority"]}),
        ("Limits", {"fields": ["connect_timeout_seconds", "read_timeout_seconds", "max_connections"]}),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Upstream | None = None) -> list[str]:
        return ["has_credential", "tenant"] if obj else ["has_credential"]

    @method_decorator(sensitive_post_parameters("new_credential"))
    def changeform_view(self, request: HttpRequest, *args: Any, **options: Any) -> HttpResponse:
        return super().changeform_view(request, *args, **options)

    def add_row(self, request: HttpRequest, form: Any) -> Upstream:
        given = dict(form.cleaned_data)
        del given["clear_credential"]
        return actions.add_upstream(actor=actor_of(request), credential=given.pop("new_credential"), **given)

    def change_row(self, request: HttpRequest, row: Upstream, form: Any) -> Upstream:
        had = row.credential is not None
        values = {**changed(form), "base_url": form.cleaned_data["base_url"]}
        row = actions.change_upstream(actor=actor_of(request), upstream=row, credential=form.credential, **values)
        if had and row.credential is None:
            self.message_user(request, "The stored credential was cleared. Enter a new one.", messages.WARNING)
        return row

    def remove_row(self, request: HttpRequest, row: Upstream) -> None:
        actions.delete_upstream(actor=actor_of(request), upstream=row)

    @admin.display(description="Credential set", boolean=True)
    def has_credential(self, row: Upstream) -> bool:
        return row.credential is not None
