"""What people see of alerts: of one tenant, or of the installation; never of another tenant."""

from collections.abc import Mapping
from datetime import datetime

from django.db.models import Q, QuerySet
from django.urls import reverse

from admin_ui.pages import Place
from proxy.alerts.models import KINDS, Alert, PlatformKind, Severity
from tenants.models import EventKind, Tenant

SHOWN = {"open": "Open", "acknowledged": "Acknowledged", "all": "All"}
TONES = {Severity.INFO: "info", Severity.WARN: "warn", Severity.BAD: "bad"}
_MOST_COUNTED = 99
_OBJECT_ROUTES = {"key": "keys_edit", "upstream": "upstreams_edit"}


def of(tenant: Tenant | None) -> "QuerySet[Alert]":
    """The tenant's alerts; without one those of the installation."""
    return Alert.objects.filter(tenant_id=tenant.pk if tenant else None)


def unread(tenant: Tenant | None) -> "QuerySet[Alert]":
    """Those that somebody should look at: nobody has acknowledged them, and they are more than news."""
    return of(tenant).filter(acknowledged_at=None).exclude(severity=Severity.INFO)


def count(tenant: Tenant | None) -> str:
    """How many are unread, for the bell: `` or `7` or `99+`."""
    found = unread(tenant)[: _MOST_COUNTED + 1].count()
    return "" if not found else str(found) if found <= _MOST_COUNTED else f"{_MOST_COUNTED}+"


def asked(query: Mapping[str, str]) -> dict[str, str]:
    """The filters that are asked for, each one of its choices or empty."""
    show = query.get("show", "open")
    return {
        "show": show if show in SHOWN else "open",
        "kind": _one_of(query.get("kind", ""), [kind for kind, _label in KINDS]),
        "severity": _one_of(query.get("severity", ""), Severity.values),
    }


def found(tenant: Tenant | None, filters: Mapping[str, str]) -> "QuerySet[Alert]":
    """The alerts that the filters leave, the newest first."""
    wanted = {
        "open": Q(acknowledged_at=None),
        "acknowledged": Q(acknowledged_at__isnull=False),
        "all": Q(),
    }[filters["show"]]
    if filters["kind"]:
        wanted &= Q(kind=filters["kind"])
    if filters["severity"]:
        wanted &= Q(severity=filters["severity"])
    return of(tenant).filter(wanted)


def kinds(tenant: Tenant | None) -> list[tuple[str, str]]:
    """The kinds that may be among them."""
    return list(EventKind.choices if tenant else PlatformKind.choices)


def acknowledge(alerts: "QuerySet[Alert]", *, by: str, at: datetime) -> int:
    """Say that somebody has seen them; who was first stays. How many it was."""
    return alerts.filter(acknowledged_at=None).update(acknowledged_at=at, acknowledged_by=by[:150])


def link(alert: Alert, place: Place) -> str:
    """The page of what it is about, '' where there is none for this person."""
    if place.tenant is None:
        return reverse("all_audit" if alert.kind.startswith("audit.") else "health")
    if alert.object_type == "upstream" and not place.is_manager:
        return ""
    if alert.object_type in _OBJECT_ROUTES:
        return reverse(_OBJECT_ROUTES[alert.object_type], args=[place.tenant.slug, alert.object_id])
    return reverse("usage", args=[place.tenant.slug]) if alert.object_type == "tenant" else ""


def _one_of(value: str, choices: list[str]) -> str:
    return value if value in choices else ""
