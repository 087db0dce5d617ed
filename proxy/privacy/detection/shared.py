"""What was found in long texts, shared by all web processes through Redis: offsets and types under a keyed hash.

Who can write to Redis cannot hide a finding: each entry is signed with the tenant's key. Who can read it learns
nothing of a text. Entries of another release, whose recognisers may find something else, are not seen.
"""

import hmac
import time
from functools import cache
from hashlib import blake2b
from pathlib import Path

import orjson
import structlog
from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError

from proxy.privacy.detection.memo import Digest
from proxy.privacy.findings import Finding

LEAST_CHARS = 2_000
"""Shorter texts are read in the time a look into Redis takes."""
_KEEP_SECONDS = 24 * 3600
_PATIENCE_SECONDS = 0.1
_PAUSE_SECONDS = 5.0  # for which a Redis that failed is left alone
_CONNECTIONS = 8
_PREFIX = b"llmp:pii:"
_SIGNATURE_BYTES = 16

log = structlog.get_logger(__name__)


class SharedMemo:
    """Never in the way: without Redis a text is read here."""

    def __init__(self, url: str) -> None:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=_CONNECTIONS,
            timeout=_PATIENCE_SECONDS,
            socket_timeout=_PATIENCE_SECONDS,
            socket_connect_timeout=_PATIENCE_SECONDS,
        )
        self._redis = Redis.from_pool(pool)
        self._away_until = 0.0

    async def get(self, key: Digest, tenant_key: bytes) -> tuple[Finding, ...] | None:
        """What another process found, or None."""
        if time.monotonic() < self._away_until:
            return None
        try:
            entry = await self._redis.get(_name(key))
        except (RedisError, OSError) as error:
            self._leave_alone(error)
            return None
        if not isinstance(entry, bytes) or not hmac.compare_digest(
            entry[:_SIGNATURE_BYTES], _signature(key, entry, tenant_key)
        ):
            return None
        kept = orjson.loads(entry[_SIGNATURE_BYTES:])
        return tuple(Finding(start, end, name, score, tuple(within)) for start, end, name, score, within in kept)

    async def put(self, key: Digest, found: tuple[Finding, ...], tenant_key: bytes) -> None:
        """Let the others know."""
        if time.monotonic() < self._away_until:
            return
        body = orjson.dumps([[one.start, one.end, one.entity_type, one.score, one.within] for one in found])
        entry = bytes(_SIGNATURE_BYTES) + body
        try:
            await self._redis.set(_name(key), _signature(key, entry, tenant_key) + body, ex=_KEEP_SECONDS)
        except (RedisError, OSError) as error:
            self._leave_alone(error)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    def _leave_alone(self, error: Exception) -> None:
        self._away_until = time.monotonic() + _PAUSE_SECONDS
        log.warning("findings are not shared", error=type(error).__name__)


def _signature(key: Digest, entry: bytes, tenant_key: bytes) -> bytes:
    secret = blake2b(tenant_key, digest_size=32, person=b"llmp findings").digest()
    return blake2b(key + entry[_SIGNATURE_BYTES:], digest_size=_SIGNATURE_BYTES, key=secret).digest()


def _name(key: Digest) -> bytes:
    return _PREFIX + _release() + b":" + key.hex().encode()


@cache
def _release() -> bytes:
    """Tells releases apart whose recognisers differ: a hash of everything in this folder."""
    hashed = blake2b(digest_size=6)
    for path in sorted(Path(__file__).parent.rglob("*.*")):
        if path.suffix in (".py", ".txt"):
            hashed.update(path.read_bytes())
    return hashed.hexdigest().encode()
