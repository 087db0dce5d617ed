"""Tenants and their members."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.forms import BaseModelFormSet, ModelForm
from django.http import HttpRequest

from tenants import actions
from tenants.admin.audited import AuditedAdmin, actor_of, changed
from tenants.admin.forms import MemberForm, TenantForm
from tenants.models import ApiKey, Membership, Tenant


class MemberInline(admin.TabularInline):  # type: ignore[type-arg]
    model = Membership
    form = MemberForm
    extra = 0
    autocomplete_fields = ["user"]
    verbose_name_plural = "members"


@admin.register(Tenant)
class TenantAdmin(AuditedAdmin):
    form = TenantForm
    fields = tuple(TenantForm.Meta.fields)
    inlines = [MemberInline]
    list_display = ["slug", "name", "status", "timezone", "active_keys", "upstreams", "created_at"]
    list_filter = ["status"]
    search_fields = ["slug", "name"]

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Any]":
        live = Q(keys__status=ApiKey.Status.ACTIVE)
        return Tenant.objects.annotate(
            key_count=Count("keys", filter=live, distinct=True), upstream_count=Count("upstreams", distinct=True)
        ).order_by("slug")

    def get_readonly_fields(self, request: HttpRequest, obj: Tenant | None = None) -> list[str]:
        return ["slug"] if obj else []

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Keys are revoked rather than deleted one by one; with their tenant they may go."""
        rows, counts, _missing, protected = super().get_deleted_objects(objs, request)
        return rows, counts, set(), protected

    def add_row(self, request: HttpRequest, form: "ModelForm[Any]") -> Tenant:
        given = dict(form.cleaned_data)
        status = given.pop("status")
        row = actions.create_tenant(actor=actor_of(request), **given)
        return actions.change_tenant(actor=actor_of(request), tenant=row, status=status)

    def change_row(self, request: HttpRequest, row: Tenant, form: "ModelForm[Any]") -> Tenant:
        return actions.change_tenant(actor=actor_of(request), tenant=row, **changed(form))

    def remove_row(self, request: HttpRequest, row: Tenant) -> None:
        actions.delete_tenant(actor=actor_of(request), tenant=row)

    def save_formset(
        self, request: HttpRequest, form: Any, formset: "BaseModelFormSet[Membership, Any]", change: bool
    ) -> None:
        for row in formset.save(commit=False):
            actions.set_role(actor=actor_of(request), tenant=row.tenant, user=row.user, role=row.role)
        for row in formset.deleted_objects:
            actions.remove_member(actor=actor_of(request), tenant=row.tenant, user=row.user)

    @admin.display(description="Active keys", ordering="key_count")
    def active_keys(self, row: Any) -> int:
        return int(row.key_count)

    @admin.display(description="Upstreams", ordering="upstream_count")
    def upstreams(self, row: Any) -> int:
        return int(row.upstream_count)
