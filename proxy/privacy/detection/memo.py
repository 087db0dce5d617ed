"""What was found in texts seen before, by a keyed hash of the text: offsets and types, never a value."""

from collections import OrderedDict
from hashlib import blake2b

from proxy.privacy.findings import Finding

_ENTRY_BYTES = 250  # a digest, a tuple and their places in the table, measured
_FINDING_BYTES = 150

Digest = bytes


def digest(tenant_key: bytes, fingerprint: bytes, text: str) -> Digest:
    """The key of a text under a tenant's rules. Without the tenant's key nobody can tell which text it was."""
    hashed = blake2b(fingerprint, digest_size=20, key=blake2b(tenant_key, digest_size=32).digest())
    hashed.update(text.encode("utf-8", "surrogatepass"))
    return hashed.digest()


class Memo:
    """The least recently used go first once `most_bytes` are taken."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._kept: OrderedDict[Digest, tuple[Finding, ...]] = OrderedDict()

    def get(self, key: Digest) -> tuple[Finding, ...] | None:
        """What was found, if it is remembered."""
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def put(self, key: Digest, found: tuple[Finding, ...]) -> None:
        """Remember it."""
        if key in self._kept:
            return
        self._kept[key] = found
        self._bytes += _size(found)
        while self._bytes > self._most_bytes:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= _size(oldest)


def _size(found: tuple[Finding, ...]) -> int:
    return _ENTRY_BYTES + _FINDING_BYTES * len(found)
