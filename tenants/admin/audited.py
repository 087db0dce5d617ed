"""Admin pages whose every write is one of `tenants.actions`, and so in the audit."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect


def actor_of(request: HttpRequest) -> str:
    """Who the audit names for what is done in this request."""
    return f"user:{request.user.get_username()}"


class AuditedAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Subclasses say which action adds, changes and removes a row."""

    def add_row(self, request: HttpRequest, form: "ModelForm[Any]") -> Model:
        raise NotImplementedError

    def change_row(self, request: HttpRequest, row: Any, form: "ModelForm[Any]") -> Model:
        raise NotImplementedError

    def remove_row(self, request: HttpRequest, row: Any) -> None:
        raise NotImplementedError

    def save_model(self, request: HttpRequest, obj: Any, form: "ModelForm[Any]", change: bool) -> None:
        row = self.change_row(request, obj, form) if change else self.add_row(request, form)
        obj.pk = row.pk
        obj.refresh_from_db()

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self.remove_row(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> None:
        for row in queryset:
            self.remove_row(request, row)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except ValidationError as refused:  # the form was good, but somebody else's change came first
            self.message_user(request, " ".join(refused.messages), messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())


def changed(form: "ModelForm[Any]") -> dict[str, Any]:
    """The model's fields that the form changed, as the actions take them."""
    names = {field.name for field in form._meta.model._meta.get_fields()}
    return {name: form.cleaned_data[name] for name in form.changed_data if name in names}
