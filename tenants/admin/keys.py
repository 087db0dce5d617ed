"""API keys: issue, narrow, rotate, revoke. A new secret is in the answer to the request that made it, nowhere else."""

from typing import Any
from weakref import WeakKeyDictionary

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from tenants import actions
from tenants.admin.audited import AuditedAdmin, actor_of, changed
from tenants.admin.forms import ApiKeyForm, RotateForm
from tenants.models import ApiKey, KeySecret

_FACTS = ("state", "all_secrets", "last_used_at", "created_at")


@admin.register(ApiKey)
class ApiKeyAdmin(AuditedAdmin):
    form = ApiKeyForm
    list_display = ["name", "tenant", "secret", "state", "last_used_at", "expires_at", "created_at"]
    list_filter = ["status", ("tenant", admin.RelatedOnlyFieldListFilter), "expires_at", "last_used_at"]
    list_select_related = ["tenant"]
    search_fields = ["name", "tenant__slug", "tenant__name", "secrets__prefix", "secrets__last_four"]
    autocomplete_fields = ["tenant"]

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        # From the write to the answer of one request: not on the row, whose life is longer.
        self._issued: WeakKeyDictionary[HttpRequest, actions.IssuedKey] = WeakKeyDictionary()

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Any]":
        return super().get_queryset(request).prefetch_related("secrets")

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> list[Any]:
        return [*ApiKeyForm.Meta.fields, *(_FACTS if obj else ())]

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> list[str]:
        return ["tenant", *_FACTS] if obj else []

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return {}  # nothing is done to several keys at once

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(
                "<path:object_id>/rotate/", self.admin_site.admin_view(self.rotate_view), name="tenants_apikey_rotate"
            ),
            path(
                "<path:object_id>/revoke/", self.admin_site.admin_view(self.revoke_view), name="tenants_apikey_revoke"
            ),
        ]
        return own + super().get_urls()

    def has_change_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        is_revoked = obj is not None and obj.status == ApiKey.Status.REVOKED
        return not is_revoked and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        return False  # revoked keys stay: usage records name them

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {"title": "Issue a key", "show_save_and_continue": False, "show_save_and_add_another": False}
        return super().add_view(request, form_url, {**context, **(extra_context or {})})

    def add_row(self, request: HttpRequest, form: "ModelForm[Any]") -> ApiKey:
        self._issued[request] = actions.issue_key(actor=actor_of(request), **form.cleaned_data)
        return self._issued[request].key

    def change_row(self, request: HttpRequest, row: ApiKey, form: "ModelForm[Any]") -> ApiKey:
        return actions.change_key(actor=actor_of(request), key=row, **changed(form))

    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None) -> HttpResponse:
        return self._show_once(request, self._issued.pop(request))

    def rotate_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for the overlap, then show the new secret."""
        key = self._changeable(request, object_id)
        newest = key.secrets.first()
        form = RotateForm(request.POST or None, newest=newest.pk if newest else 0)
        if request.method == "POST" and form.is_valid():
            issued = actions.rotate_key(
                actor=actor_of(request), key=key, at=timezone.now(), overlap=form.cleaned_data["overlap"]
            )
            self.log_change(request, issued.key, "Rotated.")
            return self._show_once(request, issued)
        return self._page(request, "rotate", key, title=f"Rotate {key.name}", form=form)

    def revoke_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask once more, then revoke."""
        key = self._changeable(request, object_id)
        if request.method == "POST":
            actions.revoke_key(actor=actor_of(request), key=key)
            self.log_change(request, key, "Revoked.")
            self.message_user(request, f"{key} is revoked.", messages.SUCCESS)
            return HttpResponseRedirect(reverse("admin:tenants_apikey_changelist"))
        return self._page(request, "revoke", key, title=f"Revoke {key.name}")

    def _changeable(self, request: HttpRequest, object_id: str) -> ApiKey:
        if not super().has_change_permission(request):
            raise PermissionDenied
        key: ApiKey | None = self.get_object(request, object_id)
        if key is None or key.status != ApiKey.Status.ACTIVE:
            raise Http404
        return key

    def _show_once(self, request: HttpRequest, issued: actions.IssuedKey) -> HttpResponse:
        response = self._page(request, "issued", issued.key, title="The key's secret", secret=issued.secret)
        response["Cache-Control"] = "no-store"
        return response

    def _page(self, request: HttpRequest, page: str, key: ApiKey, **context: Any) -> TemplateResponse:
        shared = {**self.admin_site.each_context(request), "opts": self.opts, "key": key}
        return TemplateResponse(request, f"admin/tenants/apikey/{page}.html", {**shared, **context})

    @admin.display(description="Secret")
    def secret(self, row: ApiKey) -> str:
        return next((str(secret) for secret in row.secrets.all()), "none")

    @admin.display(description="Status")
    def state(self, row: ApiKey) -> str:
        is_over = row.expires_at is not None and row.expires_at <= timezone.now()
        return "Expired" if is_over and row.status == ApiKey.Status.ACTIVE else ApiKey.Status(row.status).label

    @admin.display(description="Secrets")
    def all_secrets(self, row: ApiKey) -> SafeString:
        return format_html_join("", "<div>{} {}</div>", ((str(one), _ending(one)) for one in row.secrets.all()))


def _ending(secret: KeySecret) -> str:
    return "" if secret.expires_at is None else f"(replaced, ends {secret.expires_at:%Y-%m-%d %H:%M} UTC)"
