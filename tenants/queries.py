"""Reads that are more than a `.get`."""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Count, QuerySet

from tenants import secrets
from tenants.models import KeySecret, Tenant, Upstream


def secret_row(digests: Iterable[str]) -> KeySecret | None:
    """The secret with one of these digests, with its key and tenant, in one query. Its state is not judged here."""
    rows = KeySecret.objects.select_related("key__tenant").filter(digest__in=list(digests))
    return rows.order_by("id").first()


def enabled_upstreams(tenant: Tenant) -> list[Upstream]:
    """The upstreams that the tenant's calls may go to, in the order in which they are asked."""
    return list(Upstream.objects.filter(tenant=tenant, is_enabled=True).order_by("priority", "name"))


def place_of(upstream: Upstream) -> secrets.Place:
    """The cell that holds the upstream's credential."""
    return secrets.Place(
        table=upstream._meta.db_table, row_id=upstream.pk, column="credential", tenant_id=upstream.tenant_id
    )


def credential_of(upstream: Upstream) -> str:
    """The credential in clear, '' where none is set. Raises secrets.CannotDecrypt."""
    if upstream.credential is None or upstream.credential_version is None:
        return ""
    return secrets.open_sealed(bytes(upstream.credential), upstream.credential_version, place_of(upstream))


def credentials_by_version() -> dict[int, int]:
    """How many stored credentials each version of the encryption keys has sealed."""
    counted = Upstream.objects.order_by("credential_version").values("credential_version").annotate(rows=Count("pk"))
    return {version: row["rows"] for row in counted if (version := row["credential_version"]) is not None}


def secrets_by_pepper() -> dict[int, int]:
    """How many key secrets were digested with each version of the peppers."""
    counted = KeySecret.objects.order_by("pepper_version").values("pepper_version").annotate(rows=Count("pk"))
    return {row["pepper_version"]: row["rows"] for row in counted}


def to_reseal(*, after: UUID | None) -> QuerySet[Upstream]:
    """Upstreams whose credential an older key sealed, by id, beyond `after`."""
    old = Upstream.objects.filter(credential__isnull=False).exclude(credential_version=secrets.newest_version())
    return (old if after is None else old.filter(pk__gt=after)).order_by("pk")
