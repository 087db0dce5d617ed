"""The chain of the audit trail: each entry's hash covers the entry and the hash before it, under a key that the
database does not hold. Whoever alters, removes, adds or reorders entries there cannot make the hashes fit again.

    hash(n) = HMAC-SHA-256(key, hash(n-1) ‖ canonical(entry n))        hash(0) = 64 zeros

The key is derived from the encryption key whose version the entry names (docs/audit.md).
"""

import hashlib
import hmac
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

GENESIS = "0" * 64
FIELDS = (
    "revision",
    "at",
    "actor",
    "action",
    "tenant_id",
    "object_type",
    "object_id",
    "object_label",
    "changes",
    "key_version",
)
"""What a hash covers, in this order. Never change it: old hashes would not fit any more."""

_EXACT = 2**53  # integers beyond it are floats to some readers of JSON


class UnknownKey(Exception):
    """The entry was written under an encryption key that is not configured any more."""


@dataclass(frozen=True, slots=True)
class Link:
    """One entry as the chain sees it."""

    values: Sequence[Any]  # in the order of FIELDS
    previous_hash: str
    hash: str

    @property
    def revision(self) -> int:
        return int(self.values[0])


def newest_key() -> int:
    """The version of the key for entries from now on."""
    return next(iter(settings.ENCRYPTION_KEYS))


def hash_of(values: Sequence[Any], previous_hash: str) -> str:
    """The hash of an entry (in the order of FIELDS) that follows this one. Raises UnknownKey."""
    version = values[-1]
    secret = settings.ENCRYPTION_KEYS.get(version)
    if secret is None:
        raise UnknownKey(f"encryption key version {version} is not in LLMP_ENCRYPTION_KEYS")
    return hmac.new(_derived(secret), previous_hash.encode() + canonical(values), hashlib.sha256).hexdigest()


def canonical(values: Sequence[Any]) -> bytes:
    """The same bytes for the same entry, whichever database it was read from."""
    plain = [_plain(value) for value in values]
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def problems(links: Iterator[Link], *, head: tuple[int, str]) -> Iterator[str]:
    """What is wrong with the entries, the first to the last, that should end with this head."""
    revision, running = 0, GENESIS
    for link in links:
        yield from _missing(revision + 1, link.revision - 1)
        if link.previous_hash != running:
            yield f"entry {link.revision} does not follow the entry before it"
        yield from _altered(link)
        revision, running = link.revision, link.hash
    yield from _missing(revision + 1, head[0])
    if revision == head[0] and running != head[1]:
        yield f"entry {revision} is not the one that the head names"


def _missing(first: int, last: int) -> Iterator[str]:
    if first == last:
        yield f"entry {first} is missing"
    elif first < last:
        yield f"entries {first} to {last} are missing"


def _altered(link: Link) -> Iterator[str]:
    try:
        if not hmac.compare_digest(hash_of(link.values, link.previous_hash), link.hash):
            yield f"entry {link.revision} was altered"
    except UnknownKey as unknown:
        yield f"entry {link.revision} cannot be checked: {unknown}"


@lru_cache(maxsize=16)
def _derived(secret: bytes) -> bytes:
    return HKDF(SHA256(), length=32, salt=None, info=b"llmproxy audit chain 1").derive(secret)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int | float):
        return _number(value)
    return str(value)  # a UUID


def _number(value: int | float) -> int | float | str:
    """PostgreSQL's jsonb gives 1e22 back as an integer, SQLite as it was."""
    if abs(value) < _EXACT:
        return int(value) if value == int(value) else value
    try:
        return repr(float(value))
    except OverflowError:
        return str(value)
