"""What a session must be to open any page, the admin's included: young enough, in use, and with its second factor."""

import time
from collections.abc import Awaitable
from typing import Any

from allauth.mfa.signals import authenticator_added, authenticator_removed, authenticator_used
from allauth.mfa.utils import is_mfa_enabled
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib import auth, messages
from django.contrib.auth import logout
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.auth.signals import user_logged_out
from django.contrib.auth.views import redirect_to_login
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.db import SessionStore
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url

from admin_ui.middleware import Middleware
from tenants import actions
from tenants.models import Tenant

_BEGAN, _SEEN, _PROVEN = "began_at", "seen_at", "second_factor_proven"
_SEEN_EVERY_SECONDS = 60
"""In a tenant's settings: true where its pages want a second factor."""
_OPEN_PATHS = ("/accounts/", "/static/")


class SessionRules(Middleware):
    """Asks before every view; what models are asked (`/v1`) knows no sessions."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if request.path.startswith("/v1/") or settings.SESSION_COOKIE_NAME not in request.COOKIES:
            return self.get_response(request)
        if self.is_async:
            return self._later(request)
        return _turned_away(request) or self.get_response(request)

    async def _later(self, request: HttpRequest) -> HttpResponseBase:
        refusal = await sync_to_async(_turned_away)(request)
        if refusal is not None:
            return refusal
        response = self.get_response(request)
        return response if isinstance(response, HttpResponseBase) else await response


def is_good(user: User | AnonymousUser, session: SessionBase) -> bool:
    """Whether this session may see anything now; for doors that are no views, such as websockets."""
    return user.is_authenticated and not _is_over(session, time.time()) and not _lacks(user, session)


def person_of(session_key: str) -> tuple[User | AnonymousUser, SessionBase]:
    """The person of a session as both are now, for doors that are no views; nobody where the session is not good.

    Ended sessions, changed passwords and closed accounts count.
    """
    request = HttpRequest()
    request.session = SessionStore(session_key)
    user = auth.get_user(request)
    return (user if is_good(user, request.session) else AnonymousUser()), request.session


def is_proven(user: User | AnonymousUser, session: SessionBase) -> bool:
    """Whether the person has shown a second factor in this session."""
    return user.pk is not None and bool(session.get(_PROVEN) == user.pk)


def meets(tenant: Tenant, user: User | AnonymousUser, session: SessionBase) -> bool:
    """Whether this session may see the tenant, which may want a second factor where the installation does not."""
    return not tenant.require_mfa or is_proven(user, session)


def lead_to_second_factor(request: HttpRequest, words: str) -> HttpResponse:
    """To the page where a person without one adds it."""
    messages.warning(request, f"{words} wants a second factor: add an authenticator app or a passkey.")
    return _lead(request, resolve_url("mfa_index"))


def must_have_second_factor(user: User | AnonymousUser) -> bool:
    """Whether LLMP_REQUIRE_MFA names this person."""
    required = settings.CONFIG.require_mfa
    return required == "all" or (required == "staff" and (user.is_staff or user.is_superuser))


def _turned_away(request: HttpRequest) -> HttpResponse | None:
    user, session, now = request.user, request.session, time.time()
    if not user.is_authenticated:
        return None
    if _is_over(session, now):
        logout(request)
        messages.info(request, "You were signed out, as the session was over. Sign in again.")
        return _lead(request, redirect_to_login(_path(request)).url)
    _note_use(request, now)
    lack = _lacks(user, session)
    if lack == "proof" and not request.path.startswith("/static/"):
        logout(request)
        return _lead(request, redirect_to_login(_path(request)).url)
    if lack == "factor" and not request.path.startswith(_OPEN_PATHS):
        return lead_to_second_factor(request, "This installation")
    return None


def _is_over(session: SessionBase, now: float) -> bool:
    age, idle = now - session.get(_BEGAN, now), now - session.get(_SEEN, now)
    return bool(age > settings.CONFIG.session_hours * 3600 or idle > settings.CONFIG.session_idle_minutes * 60)


def _note_use(request: HttpRequest, now: float) -> None:
    session = request.session
    session.setdefault(_BEGAN, now)
    is_poll = request.headers.get("hx-request") == "true" and request.method == "GET"
    if _SEEN not in session or (not is_poll and now - session[_SEEN] > _SEEN_EVERY_SECONDS):
        session[_SEEN] = now


def _lacks(user: User | AnonymousUser, session: SessionBase) -> str:
    """Either "proof" of a second factor the person has, the "factor" itself, or nothing ("")."""
    if is_proven(user, session):
        return ""
    if is_mfa_enabled(user):
        return "proof"
    return "factor" if must_have_second_factor(user) else ""


def _path(request: HttpRequest) -> str:
    """Where to come back to: what htmx fetched is a piece of a page, and what was posted is gone."""
    return "/start/" if request.headers.get("hx-request") or request.method != "GET" else request.get_full_path()


def _lead(request: HttpRequest, url: str) -> HttpResponse:
    if request.headers.get("hx-request") == "true":
        return HttpResponse(headers={"HX-Redirect": url})
    return HttpResponseRedirect(url)


@receiver(authenticator_used)
@receiver(authenticator_added)  # whoever adds one has just shown it
def _proven(request: HttpRequest, user: User, **_: Any) -> None:
    request.session[_PROVEN] = user.pk


@receiver(user_logged_out)
def _ended(request: HttpRequest, user: User | None, **_: Any) -> None:
    """What was given to the session ends with it."""
    if user is not None and request.session.session_key:
        actions.end_playground(actor=f"user:{user.get_username()}", session_key=request.session.session_key)


@receiver(authenticator_removed)
def _removed(request: HttpRequest, user: User, **_: Any) -> None:
    if not is_mfa_enabled(user):
        request.session.pop(_PROVEN, None)
