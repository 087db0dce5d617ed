"""The key that a tenant's placeholders are made with: random, sealed at rest, never shown.

Another key makes other placeholders. Nothing that is kept depends on it, so it needs no overlap; but an upstream's
prompt caches are cold once. Sealing it anew under another encryption key changes no placeholder.
"""

import secrets as randomness
from collections import Counter

from tenants import secrets
from tenants.models import Tenant

_KEY_BYTES = 32


def ensure(tenant: Tenant) -> None:
    """Give a tenant with privacy settings a key, unless it has one. Saves nothing."""
    if tenant.pii and tenant.placeholder_key is None:
        seal(tenant, randomness.token_bytes(_KEY_BYTES))


def seal(tenant: Tenant, key: bytes) -> None:
    """Put the key into the row, sealed with the newest encryption key. Saves nothing."""
    tenant.placeholder_key, tenant.placeholder_key_version = secrets.seal(key.hex(), _place(tenant))


def of(tenant: Tenant) -> bytes:
    """The tenant's key. Raises secrets.CannotDecrypt, also where there is none."""
    if tenant.placeholder_key is None or tenant.placeholder_key_version is None:
        raise secrets.CannotDecrypt(f"{tenant}: it has no key for placeholders. Save its privacy settings once.")
    sealed = bytes(tenant.placeholder_key)
    return bytes.fromhex(secrets.open_sealed(sealed, tenant.placeholder_key_version, _place(tenant)))


def by_version() -> dict[int, int]:
    """How many of them each version of the encryption keys has sealed."""
    sealed = Tenant.objects.filter(placeholder_key__isnull=False)
    return dict(Counter(sealed.values_list("placeholder_key_version", flat=True)))  # type: ignore[arg-type]


def _place(tenant: Tenant) -> secrets.Place:
    return secrets.Place(table=tenant._meta.db_table, row_id=tenant.pk, column="placeholder_key", tenant_id=tenant.pk)
