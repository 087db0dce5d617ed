"""Reads that are more than a `.get`."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import Count, Model, Q, QuerySet

from tenants import access, secrets
from tenants.models import AlertChannel, ApiKey, Collection, KeySecret, PlaygroundPass, PolicyVersion, Tenant, Upstream

_SEALED: tuple[tuple[type[Model], str], ...] = (
    (Upstream, "credential_version"),
    (AlertChannel, "secret_version"),
    (AlertChannel, "old_secret_version"),
)
"""Every column that names the encryption key of a secret beside it."""


def secret_row(digests: Iterable[str]) -> KeySecret | None:
    """The secret with one of these digests, with its key and tenant, in one query. Its state is not judged here."""
    rows = KeySecret.objects.select_related("key__tenant").filter(digest__in=list(digests))
    return rows.order_by("id").first()


def playground_pass(digests: Iterable[str]) -> PlaygroundPass | None:
    """The pass with one of these digests, while its person may still ask as its key. Its time is not judged here."""
    rows = PlaygroundPass.objects.select_related("key__tenant", "user").filter(digest__in=list(digests))
    row = rows.order_by("id").first()
    if row is None or access.role_in(row.user, row.key.tenant) not in access.PLAYERS:
        return None
    return row


def enabled_upstreams(tenant: Tenant) -> list[Upstream]:
    """The upstreams that the tenant's calls may go to, in the order in which they are asked."""
    rows = Upstream.objects.filter(tenant=tenant, is_enabled=True).exclude(kind=Upstream.Kind.DETECTOR)
    return list(rows.order_by("priority", "name"))


def enabled_detectors(tenant: Tenant) -> list[Upstream]:
    """The servers that the tenant's rules may ask about texts."""
    return list(Upstream.objects.filter(tenant=tenant, is_enabled=True, kind=Upstream.Kind.DETECTOR))


def platform_policy() -> dict[str, Any]:
    """The policy that stands above every tenant's; empty where there is none."""
    active = PolicyVersion.objects.filter(tenant=None, state=PolicyVersion.State.ACTIVE)
    return active.values_list("document", flat=True).first() or {}


def collections_of(tenant: Tenant) -> list[Collection]:
    """The tenant's collections by name."""
    return list(Collection.objects.filter(tenant=tenant).order_by("name"))


def collections_of_key(key: ApiKey) -> list[Collection]:
    """The collections that the key may use, by name."""
    return [row for row in collections_of(key.tenant) if row.admits_key(key.name)]


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


def place_of_secret(channel: AlertChannel, column: str) -> secrets.Place:
    """The cell that holds a signing secret of the channel."""
    return secrets.Place(table=channel._meta.db_table, row_id=channel.pk, column=column, tenant_id=channel.tenant_id)


def signing_secret_of(channel: AlertChannel) -> str:
    """What the channel's messages are signed with, in clear; '' for e-mail. Raises secrets.CannotDecrypt."""
    if channel.secret is None or channel.secret_version is None:
        return ""
    return secrets.open_sealed(bytes(channel.secret), channel.secret_version, place_of_secret(channel, "secret"))


def old_signing_secret_of(channel: AlertChannel) -> str:
    """The one before, '' where there is none. Raises secrets.CannotDecrypt."""
    if channel.old_secret is None or channel.old_secret_version is None:
        return ""
    place = place_of_secret(channel, "old_secret")
    return secrets.open_sealed(bytes(channel.old_secret), channel.old_secret_version, place)


def credentials_by_version() -> dict[int, int]:
    """How many stored credentials and signing secrets each version of the encryption keys has sealed."""
    sums: dict[int, int] = {}
    for model, column in _SEALED:
        counted = model._default_manager.order_by(column).values(column).annotate(rows=Count("pk"))
        for row in counted:
            if row[column] is not None:
                sums[row[column]] = sums.get(row[column], 0) + row["rows"]
    return sums


def secrets_by_pepper() -> dict[int, int]:
    """How many key secrets were digested with each version of the peppers."""
    counted = KeySecret.objects.order_by("pepper_version").values("pepper_version").annotate(rows=Count("pk"))
    return {row["pepper_version"]: row["rows"] for row in counted}


def channels_to_reseal() -> QuerySet[AlertChannel]:
    """Channels with a secret that an older key sealed."""
    newest = secrets.newest_version()
    old = Q(secret__isnull=False) & ~Q(secret_version=newest)
    older = Q(old_secret__isnull=False) & ~Q(old_secret_version=newest)
    return AlertChannel.objects.filter(old | older).order_by("pk")


def to_reseal(*, after: UUID | None) -> QuerySet[Upstream]:
    """Upstreams whose credential an older key sealed, by id, beyond `after`."""
    old = Upstream.objects.filter(credential__isnull=False).exclude(credential_version=secrets.newest_version())
    return (old if after is None else old.filter(pk__gt=after)).order_by("pk")
