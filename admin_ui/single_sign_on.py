"""Who comes from the organisation's own sign-in: who is let in, and what they join."""

from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest
from django.shortcuts import render

from proxy import openid
from tenants import actions
from tenants.models import Tenant

ACTOR = "single sign-on"


class SingleSignOnAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Accounts are made at the first sign-in of whom a rule of LLMP_OIDC_JOIN means; nobody else gets one.

    An account that is there already is never taken over by an address that is alike: its owner connects it.
    """

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        claims = _claims(sociallogin)
        is_connecting = sociallogin.state.get("process") == "connect"
        if claims is None or not (sociallogin.is_existing or is_connecting or _rules(claims)):
            who = (claims or {}).get("email") or (claims or {}).get("preferred_username") or ""
            raise ImmediateHttpResponse(render(request, "admin_ui/not_let_in.html", {"who": who}, status=403))

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: dict[str, Any]) -> User:
        user: User = super().populate_user(request, sociallogin, data)
        user.username = user.email or user.username  # where it is taken, another is made of it
        return user

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return True  # whoever came past the question above

    def is_auto_signup_allowed(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return True  # there is no form to fill

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: Any = None) -> User:
        with transaction.atomic():
            user: User = super().save_user(request, sociallogin, form)
            actions.add_person(actor=ACTOR, user=user)
            for rule in _rules(_claims(sociallogin) or {}):
                _join(user, rule)
        return user


def _claims(sociallogin: SocialLogin) -> dict[str, Any] | None:
    """What the provider says of the person; None if its two answers speak of different ones."""
    told: dict[str, Any] = sociallogin.account.extra_data
    token, info = told.get("id_token") or {}, told.get("userinfo") or {}
    if token and info and token.get("sub") != info.get("sub"):
        return None
    return {**token, **info}


def _rules(claims: dict[str, Any]) -> list[openid.Rule]:
    return [rule for rule in openid.parse_rules(settings.CONFIG.oidc_join) if rule.fits(claims)]


def _join(user: User, rule: openid.Rule) -> None:
    """The first rule that fits a tenant counts; one that is not there is passed over."""
    tenant = Tenant.objects.filter(slug=rule.tenant).first()
    if tenant is not None and not tenant.memberships.filter(user=user).exists():
        actions.set_role(actor=ACTOR, tenant=tenant, user=user, role=rule.role)
