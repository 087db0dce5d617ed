"""The doors of signed-in pages. A page gets its tenant here; what is another's answers like what does not exist."""

import zoneinfo
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import wraps
from typing import Any, cast

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone

from admin_ui import sessions
from tenants import access
from tenants.access import Role
from tenants.models import Tenant

ZONE_COOKIE = "zone"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a signed-in person is: in a tenant with a role, or (`tenant` None) on the platform's pages."""

    tenant: Tenant | None
    role: Role | None

    @property
    def is_manager(self) -> bool:
        """Whether the person may change keys, upstreams and members here."""
        return self.tenant is None or self.role in access.MANAGERS


View = Callable[..., HttpResponseBase]


def tenant_page(*, roles: Collection[Role] = access.EVERY_ROLE) -> Callable[[View], View]:
    """For `view(request, tenant, …)` at `/t/<slug>/…`: members with one of these roles, and platform staff."""

    def decorate(view: View) -> View:
        @wraps(view)
        def page(request: HttpRequest, slug: str, *args: Any, **kwargs: Any) -> HttpResponseBase:
            user = person(request)
            try:
                tenant = access.tenant_for(user, slug)
                enter(request, Place(tenant, access.role_in(user, tenant)))
                access.tenant_for(user, slug, roles=roles)
                if not sessions.meets(tenant, user, request.session):
                    return sessions.lead_to_second_factor(request, tenant.name)
                with timezone.override(_zone(request, tenant.timezone)):
                    return _kept_nowhere(view(request, tenant, *args, **kwargs))
            except access.NotFound:
                raise Http404 from None
            except access.NotAllowed as refused:
                raise PermissionDenied(str(refused)) from None

        return login_required(page)

    return decorate


def staff_page(view: View) -> View:
    """For `view(request, …)` at `/platform/…`: platform staff; to everybody else the page does not exist."""

    @wraps(view)
    def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not person(request).is_superuser:
            raise Http404
        enter(request, Place(None, None))
        with timezone.override(_zone(request, "UTC")):
            return _kept_nowhere(view(request, *args, **kwargs))

    return login_required(page)


def _kept_nowhere(response: HttpResponseBase) -> HttpResponseBase:
    """What a browser kept could be looked at with its Back button after signing out."""
    response.headers.setdefault("Cache-Control", "private, no-store")
    return response


def person(request: HttpRequest) -> User:
    """Who is signed in; only behind the doors above."""
    return cast(User, request.user)


def actor(request: HttpRequest) -> str:
    """Who the audit names for what is done in this request."""
    return f"user:{person(request).get_username()}"


def enter(request: HttpRequest, place: Place) -> None:
    """Remember where the person is, for the rail and the buttons."""
    request.place = place  # type: ignore[attr-defined]


def place_of(request: HttpRequest) -> Place | None:
    """Where the person is; None outside the frame."""
    return getattr(request, "place", None)


def role(request: HttpRequest) -> Role | None:
    """What the person is in this tenant; None on the platform's pages."""
    place = place_of(request)
    return place.role if place else None


def is_script(request: HttpRequest) -> bool:
    """Whether a page's script asks, which wants JSON, and not a browser that goes to a page."""
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"


def ask(request: HttpRequest, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    """A page that asks before something is done: in the dialog where htmx fetched it, else in the frame."""
    in_dialog = request.headers.get("hx-request") == "true"
    layout = "dialog.html" if in_dialog else "ask.html"
    response = render(request, template, {**context, "layout": layout, "in_dialog": in_dialog}, status=status)
    response.headers["Vary"] = "HX-Request"
    return response


def _zone(request: HttpRequest, default: str) -> zoneinfo.ZoneInfo:
    """The zone of the viewer's browser, else the tenant's."""
    name = request.COOKIES.get(ZONE_COOKIE, "")
    return zoneinfo.ZoneInfo(name if name in zoneinfo.available_timezones() else default)
