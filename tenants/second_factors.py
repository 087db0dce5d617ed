"""The secrets of people's second factors at rest: AES-256-GCM, with the key's version before the ciphertext.

Authenticator apps keep a seed, recovery codes one or (moved from elsewhere) each by itself; passkeys keep no secret.
"""

import base64
import secrets as randomness
from collections import Counter
from typing import Any

from allauth.mfa.models import Authenticator
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from tenants import secrets

_NONCE_BYTES = 12
_BOUND_TO = b"second factor"
_FIELDS = {Authenticator.Type.TOTP: ("secret",), Authenticator.Type.RECOVERY_CODES: ("seed", "migrated_codes")}


def seal(text: str) -> str:
    """The text as it is stored: `version:base64`, sealed by the newest key."""
    version, key = next(iter(settings.ENCRYPTION_KEYS.items()))
    nonce = randomness.token_bytes(_NONCE_BYTES)
    sealed = nonce + AESGCM(key).encrypt(nonce, text.encode(), _BOUND_TO)
    return f"{version}:{base64.b64encode(sealed).decode()}"


def open_sealed(stored: str) -> str:
    """The text in clear. Raises CannotDecrypt."""
    version, _, encoded = stored.partition(":")
    key = settings.ENCRYPTION_KEYS.get(int(version)) if version.isdecimal() else None
    if key is None:
        raise secrets.CannotDecrypt(
            f"A second factor is sealed with encryption key version {version[:9]}, which is not in "
            "LLMP_ENCRYPTION_KEYS. Add that version again, or let its owner set up a new one."
        )
    try:
        sealed = base64.b64decode(encoded, validate=True)
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _BOUND_TO).decode()
    except (InvalidTag, ValueError) as broken:
        raise secrets.CannotDecrypt(
            f"A second factor does not open with encryption key version {version}: the key differs from the one that "
            "sealed it, or the row was altered. Let its owner set up a new one."
        ) from broken


def by_version() -> dict[int, int]:
    """How many authenticators need each version of the encryption keys."""
    counted: Counter[int] = Counter()
    for row in sealed_rows():
        counted.update(versions(row))
    return dict(counted)


def sealed_rows() -> list[Authenticator]:
    """Every authenticator that keeps a secret, with its owner."""
    rows = Authenticator.objects.filter(type__in=_FIELDS).select_related("user").order_by("pk")
    return list(rows)


def _names(row: Authenticator) -> list[str]:
    return [name for name in _FIELDS[row.type] if row.data.get(name)]


def versions(row: Authenticator) -> set[int]:
    """Of the encryption keys that the row needs; 0 for what no key of ours made."""
    found = set()
    for name in _names(row):
        for stored in _each(row.data[name]):
            version = stored.partition(":")[0]
            found.add(int(version) if version.isdecimal() else 0)
    return found


def _each(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def resealed(row: Authenticator) -> dict[str, Any]:
    """The row's data, sealed by the newest key. Raises CannotDecrypt."""
    fresh = {}
    for name in _names(row):
        parts = [seal(open_sealed(stored)) for stored in _each(row.data[name])]
        fresh[name] = parts if isinstance(row.data[name], list) else parts[0]
    return {**row.data, **fresh}
