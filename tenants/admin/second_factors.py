"""Second factors: who has which. What is kept of one is nobody's to read or to write."""

from typing import Any

from allauth.mfa import admin as mfa
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.http import HttpRequest

admin.site.unregister(Authenticator)


@admin.register(Authenticator)
class SecondFactorAdmin(mfa.AuthenticatorAdmin):  # type: ignore[misc]  # allauth's has no types
    """To be seen, and to be removed for a person who lost theirs."""

    fields = readonly_fields = ["user", "type", "created_at", "last_used_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
