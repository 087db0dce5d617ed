"""Accounts: Django's own pages, with every change in the audit."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from tenants import actions
from tenants.admin.audited import actor_of

admin.site.unregister(User)


@admin.register(User)
class PersonAdmin(UserAdmin):  # type: ignore[type-arg]
    list_display = ["username", "email", "is_active", "is_staff", "is_superuser", "last_login"]

    def save_model(self, request: HttpRequest, obj: User, form: "ModelForm[Any]", change: bool) -> None:
        if change:
            before = {name: form.initial.get(name) for name in form.changed_data}
            actions.change_person(actor=actor_of(request), user=obj, before=before)
        else:
            actions.add_person(actor=actor_of(request), user=obj)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        response: HttpResponse = super().user_change_password(request, id, form_url)
        user = self.get_object(request, id)
        if request.method == "POST" and response.status_code == 302 and user is not None:
            actions.note_password(actor=actor_of(request), user=user)
        return response

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        actions.remove_person(actor=actor_of(request), user=obj)

    def delete_queryset(self, request: HttpRequest, queryset: "QuerySet[User]") -> None:
        with transaction.atomic():  # all or none
            for user in queryset:
                actions.remove_person(actor=actor_of(request), user=user)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except ValidationError as refused:
            self.message_user(request, " ".join(refused.messages), messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        try:
            response: HttpResponse = super().changelist_view(request, extra_context)
        except ValidationError as refused:
            self.message_user(request, " ".join(refused.messages), messages.ERROR)
            return HttpResponseRedirect(reverse("admin:auth_user_changelist"))
        return response
