"""Keys that a tenant has of its own: random, sealed at rest, never shown, each for one purpose.

Sealing one anew under another encryption key changes nothing that was made with it.
"""

import secrets as randomness
from collections import Counter
from dataclasses import dataclass

from tenants import secrets
from tenants.models import Tenant

_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class TenantKey:
    """One kind of key. `column` of the tenant holds it sealed, `<column>_version` the encryption key's version."""

    column: str
    words: str  # what people call it
    remedy: str  # what to do where there is none

    @property
    def columns(self) -> list[str]:
        """What is saved with it."""
        return [self.column, f"{self.column}_version"]

    def make(self, tenant: Tenant) -> None:
        """Give the tenant one, unless it has it. Saves nothing."""
        if getattr(tenant, self.column) is None:
            self.seal(tenant, randomness.token_bytes(_KEY_BYTES))

    def clear(self, tenant: Tenant) -> None:
        """Take it away. Saves nothing."""
        for column in self.columns:
            setattr(tenant, column, None)

    def seal(self, tenant: Tenant, key: bytes) -> None:
        """Put the key into the row, sealed with the newest encryption key. Saves nothing."""
        for column, value in zip(self.columns, secrets.seal(key.hex(), self._place(tenant)), strict=True):
            setattr(tenant, column, value)

    def of(self, tenant: Tenant) -> bytes:
        """The tenant's key. Raises secrets.CannotDecrypt, also where there is none."""
        sealed, version = (getattr(tenant, column) for column in self.columns)
        if sealed is None or version is None:
            raise secrets.CannotDecrypt(f"{tenant}: it has no {self.words}. {self.remedy}")
        return bytes.fromhex(secrets.open_sealed(bytes(sealed), version, self._place(tenant)))

    def by_version(self) -> dict[int, int]:
        """How many of them each version of the encryption keys has sealed."""
        column, version = self.columns
        sealed = Tenant.objects.filter(**{f"{column}__isnull": False})
        return dict(Counter(sealed.values_list(version, flat=True)))

    def _place(self, tenant: Tenant) -> secrets.Place:
        return secrets.Place(table=tenant._meta.db_table, row_id=tenant.pk, column=self.column, tenant_id=tenant.pk)
