"""A call's text as one ciphertext: AES-256-GCM under a key of its tenant's, bound to the tenant and the request."""

import json
import secrets as randomness
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tenants.secrets import CannotDecrypt

_NONCE_BYTES = 12
_LEVEL = 1  # most of what zlib gains, at a third of the time
_TABLE = "transcripts_transcript"


@dataclass(frozen=True, slots=True)
class Said:
    """What was said in a call. `request` is JSON as it was judged, but for personal data that the tenant keeps back."""

    request: bytes = field(repr=False)
    answer: Mapping[str, Any] | None = field(default=None, repr=False)  # a message; None: there was none, or too long
    is_whole: bool = True  # whether the answer came to its end
    metadata: Mapping[str, Any] = field(default_factory=dict)  # the key's
    types: Sequence[str] = ()  # of the personal data that was found


def seal(said: Said, key: bytes, tenant_id: UUID, request_id: str) -> bytes:
    """The ciphertext. It opens for this tenant and request only."""
    text = orjson.dumps(
        {
            "request": orjson.Fragment(said.request),
            "answer": said.answer,
            "is_whole": said.is_whole,
            "metadata": dict(said.metadata),
            "types": list(said.types),
        }
    )
    nonce = randomness.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, zlib.compress(text, _LEVEL), _bound(tenant_id, request_id))


def opened(sealed: bytes, key: bytes, tenant_id: UUID, request_id: str) -> Said:
    """What was sealed. Raises CannotDecrypt."""
    nonce, ciphertext = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    try:
        text = zlib.decompress(AESGCM(key).decrypt(nonce, ciphertext, _bound(tenant_id, request_id)))
    except (InvalidTag, ValueError, zlib.error) as broken:
        raise CannotDecrypt(f"{_TABLE} {request_id}: it does not open with its tenant's key.") from broken
    kept = orjson.loads(text)
    return Said(orjson.dumps(kept["request"]), kept["answer"], kept["is_whole"], kept["metadata"], kept["types"])


def _bound(tenant_id: UUID, request_id: str) -> bytes:
    return json.dumps([_TABLE, request_id, str(tenant_id)]).encode()
