"""The rail: which entries there are, and who sees them. A page's further routes begin with its entry's name."""

from collections.abc import Collection
from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse

from admin_ui.pages import Place
from tenants import access
from tenants.access import Role


@dataclass(frozen=True, slots=True)
class Entry:
    """One page of the rail."""

    word: str
    route: str  # the URL's name; sub-pages are called `<route>_…`
    icon: str
    roles: Collection[Role] = access.EVERY_ROLE
    key: str = ""  # the letter that leads here after `g`; one page each


@dataclass(frozen=True, slots=True)
class Link:
    """An entry as it is shown to one person in one place."""

    word: str
    url: str
    icon: str
    is_current: bool
    key: str = ""


TENANT = (
    (
        "Watch",
        (
            Entry("Home", "home", "home", key="h"),
            Entry("Requests", "requests", "list", key="r"),
            Entry("Usage", "usage", "chart", key="u"),
            Entry("Limits", "limits", "gauge", key="b"),
        ),
    ),
    (
        "Try",
        (
            Entry("Playground", "playground", "play", key="p"),
            Entry("Collections", "collections", "book", key="d"),
        ),
    ),
    (
        "Access",
        (
            Entry("Keys", "keys", "key", key="k"),
            Entry("Members", "members", "people", key="m"),
            Entry("Upstreams", "upstreams", "cloud", key="s"),
        ),
    ),
    (
        "Protect",
        (
            Entry("Policies", "policies", "rules", access.MANAGERS, key="o"),
            Entry("Privacy", "privacy", "shield", access.MANAGERS, key="y"),
            Entry("Cache", "cache", "layers", access.MANAGERS, key="c"),
        ),
    ),
    (
        "System",
        (
            Entry("Audit", "audit", "audit", access.MANAGERS, key="a"),
            Entry("Alerts", "alerts", "bell", key="l"),
            Entry("Settings", "settings", "sliders", access.MANAGERS, key="t"),
        ),
    ),
)
PLATFORM = (
    (
        "Watch",
        (
            Entry("All tenants", "platform", "grid", key="t"),
            Entry("Requests", "all_requests", "list", key="r"),
            Entry("Usage", "all_usage", "chart", key="u"),
            Entry("Limits", "all_limits", "gauge", key="b"),
        ),
    ),
    ("Protect", (Entry("Policies", "all_policies", "rules", key="o"),)),
    (
        "System",
        (
            Entry("Audit", "all_audit", "audit", key="a"),
            Entry("Alerts", "all_alerts", "bell", key="l"),
            Entry("Health", "health", "pulse", key="h"),
        ),
    ),
)


def groups(request: HttpRequest, place: Place) -> list[tuple[str, list[Link]]]:
    """The rail's groups with what this person may open here; empty groups are left out."""
    current = request.resolver_match.url_name if request.resolver_match else ""
    shown = []
    for name, entries in TENANT if place.tenant else PLATFORM:
        links = [_link(entry, place, current or "") for entry in entries if _may_see(entry, place)]
        if links:
            shown.append((name, links))
    return shown


def _may_see(entry: Entry, place: Place) -> bool:
    return place.tenant is None or place.role in entry.roles


def _link(entry: Entry, place: Place, current: str) -> Link:
    url = reverse(entry.route, args=[place.tenant.slug] if place.tenant else [])
    is_current = current == entry.route or current.startswith(f"{entry.route}_")
    return Link(entry.word, url, entry.icon, is_current, entry.key)
