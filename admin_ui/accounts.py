"""What signing in means here: who is slowed down, who may sign up (nobody), how second factors are stored."""

import hashlib
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django_ratelimit.core import get_usage

from admin_ui import visitors
from tenants import second_factors

FAILURES = "5/15m"  # of one person from one address: elsewhere the person can still sign in
ATTEMPTS = "20/m"  # of one address


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Counts attempts by address, and failures by person and address. Never by person alone: that locks others out."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        return visitors.address(request)

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        failures = _failures(request, credentials, increment=False)
        attempts = get_usage(request, group="sign-in", key=visitors.by_address, rate=ATTEMPTS, increment=True)
        for usage in (failures, attempts):
            if usage and (usage["should_limit"] or usage["count"] > usage["limit"]):
                minutes = max(1, round(usage["time_left"] / 60))
                raise ValidationError(f"Too many attempts from your address. Try again in {minutes} min.")

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Any:
        self._login_failed_rl_usage = None
        return super().authenticate(request, **credentials)

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        _failures(request, credentials, increment=True)


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Keeps the secrets of authenticator apps and recovery codes encrypted, like upstream credentials."""

    def encrypt(self, text: str) -> str:
        return second_factors.seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        return second_factors.open_sealed(encrypted_text)


def _failures(request: HttpRequest, credentials: dict[str, Any], *, increment: bool) -> dict[str, Any] | None:
    name = str(credentials.get("username", "")).casefold()
    key = hashlib.sha256(f"{visitors.address(request)}\n{name}".encode()).hexdigest()
    usage: dict[str, Any] | None = get_usage(
        request, group="sign-in-failures", key=lambda _group, _request: key, rate=FAILURES, increment=increment
    )
    if usage is not None and not increment:
        usage["should_limit"] = usage["count"] >= usage["limit"]
    return usage
