"""One kept answer, sealed for the tenant and the question it belongs to."""

import secrets
import zlib
from dataclasses import dataclass, field
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

_NONCE_BYTES = 12
_LEVEL = 1  # most of what zlib gains, at a third of the time


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer as a store holds it. Times in seconds since 1970; `sealed` is ciphertext."""

    id: str
    tenant_id: UUID
    key: bytes
    model: str
    tag: str
    created_at: float
    expires_at: float
    cost_nano_usd: int  # what its asking cost: what each hit saves
    key_version: int
    sealed: bytes = field(repr=False)
    rest: bytes = b""  # what it shares with like questions; b"": it is compared with none
    likeness: bytes = field(repr=False, default=b"")  # ciphertext: what like questions are compared by

    @property
    def bytes(self) -> int:
        """What it takes of a tenant's share of the store."""
        return len(self.sealed) + len(self.likeness) + 256  # the row around it


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A kept answer to a question that differs in the last text only, without the answer."""

    id: str
    key: bytes
    created_at: float
    key_version: int
    likeness: bytes = field(repr=False)


def seal(text: bytes, tenant_id: UUID, bound: bytes) -> tuple[int, bytes]:
    """The version of the encryption key, and the ciphertext: it opens for this tenant and what it is bound to only."""
    version, key = next(iter(settings.ENCRYPTION_KEYS.items()))
    nonce = secrets.token_bytes(_NONCE_BYTES)
    packed = zlib.compress(text, _LEVEL)
    return version, nonce + AESGCM(key).encrypt(nonce, packed, _bound(tenant_id, bound))


def opened(sealed: bytes, key_version: int, tenant_id: UUID, bound: bytes) -> bytes | None:
    """What was sealed; None where it does not open here, for whatever reason."""
    key = settings.ENCRYPTION_KEYS.get(key_version)
    if key is None:
        return None
    nonce, ciphertext = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    try:
        return zlib.decompress(AESGCM(key).decrypt(nonce, ciphertext, _bound(tenant_id, bound)))
    except (InvalidTag, ValueError, zlib.error):
        return None


def new_id() -> str:
    """The name that replies, traces and purges know an entry by."""
    return "ans_" + secrets.token_hex(8)


def _bound(tenant_id: UUID, to: bytes) -> bytes:
    return b"llmp-answer\0" + tenant_id.bytes + to


@dataclass(frozen=True, slots=True)
class Usage:
    """What a tenant's kept answers take."""

    entries: int
    bytes: int
