"""What the layout needs on every page."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from admin_ui import alerts, navigation, pages
from tenants import access

THEMES = ("light", "dark")
_MAX_SWITCHER = 12


def layout(request: HttpRequest) -> dict[str, Any]:
    """The theme everywhere; the rail only within the frame, so that plain pages cost no query."""
    theme = request.COOKIES.get("theme", "")
    context: dict[str, Any] = {"theme": theme if theme in THEMES else ""}
    place = pages.place_of(request)
    if place is None:
        return context
    person = pages.person(request)
    tenants = list(access.tenants_of(person).order_by("name", "slug")[: _MAX_SWITCHER + 1])
    return {
        **context,
        "place": place,
        "navigation": navigation.groups(request, place),
        "switcher": tenants[:_MAX_SWITCHER],
        "switcher_has_more": len(tenants) > _MAX_SWITCHER,
        "environment": settings.CONFIG.environment,
        "single_sign_on": bool(settings.CONFIG.oidc_issuer),
        "unread_alerts": alerts.count(place.tenant),
    }
