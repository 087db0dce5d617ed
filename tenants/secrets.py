"""Secrets at rest: AES-256-GCM, bound to the one cell they were written for.

Tenant, table, row, column and key version are authenticated with the ciphertext, so that one moved to another
row, tenant or version does not open there.
"""

import json
import secrets
from dataclasses import dataclass
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

_NONCE_BYTES = 12


class CannotDecrypt(Exception):
    """The stored secret does not open: its key is not configured, or it was not written for this place."""


@dataclass(frozen=True, slots=True)
class Place:
    """The cell a secret belongs to."""

    table: str
    row_id: UUID
    column: str
    tenant_id: UUID

    def bound(self, version: int) -> bytes:
        """The place and the key version as bytes, without ambiguity between the parts."""
        return json.dumps([self.table, str(self.row_id), self.column, str(self.tenant_id), version]).encode()


def newest_version() -> int:
    """The version of the key that seals from now on."""
    return next(iter(settings.ENCRYPTION_KEYS))


def seal(plaintext: str, place: Place) -> tuple[bytes, int]:
    """The ciphertext for this place, and the version of the key that made it."""
    version, key = next(iter(settings.ENCRYPTION_KEYS.items()))
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plaintext.encode(), place.bound(version)), version


def open_sealed(sealed: bytes, version: int, place: Place) -> str:
    """The secret in clear. Raises CannotDecrypt; never returns less than what was sealed."""
    key = settings.ENCRYPTION_KEYS.get(version)
    if key is None:
        raise CannotDecrypt(
            f"{place.table} {place.row_id}: its {place.column} is sealed with encryption key version {version}, "
            "which is not in LLMP_ENCRYPTION_KEYS. Add that version again, or store the credential anew."
        )
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], place.bound(version)).decode()
    except (InvalidTag, ValueError) as broken:
        raise CannotDecrypt(
            f"{place.table} {place.row_id}: its {place.column} does not open with encryption key version {version}. "
            "The key differs from the one that sealed it, or the row was altered; store the credential anew."
        ) from broken
