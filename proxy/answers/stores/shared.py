"""Answers that all machines share in Redis, one round trip each."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError

from proxy.answers.kept import Kept, Neighbour, Usage
from proxy.answers.stores.store import GONE_SECONDS, Filter, StoreDown

PATIENCE_SECONDS = 0.25
"""How long a call waits for Redis before it goes on without."""
_CONNECTIONS = 16
_PREFIX = "llmp:answers:"
_FOLDER = Path(__file__).parent


class SharedStore:
    """A tenant's keys: its answers; which of them were used, grow old, take how much and are alike; that it is gone."""

    def __init__(self, url: str, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=_CONNECTIONS,
            timeout=4 * patience_seconds,
            socket_timeout=patience_seconds,
            socket_connect_timeout=patience_seconds,
        )
        self._redis = Redis.from_pool(pool)
        self._put = self._redis.register_script((_FOLDER / "put.lua").read_text())
        self._get = self._redis.register_script((_FOLDER / "get.lua").read_text())
        self._near = self._redis.register_script((_FOLDER / "near.lua").read_text())
        self._purge = self._redis.register_script((_FOLDER / "purge.lua").read_text())

    async def get(self, tenant_id: UUID, key: bytes, now: float) -> Kept | None:
        """As `Store.get`."""
        prefix, (_answer, used, _aged, _sizes) = _keys(tenant_id, "")
        row = await self._run(self._get, [f"{prefix}{key.hex()}", used], [key.hex(), now])
        if not row:
            return None
        fields = dict(zip(row[::2], row[1::2], strict=True))
        if float(fields[b"expires_at"]) <= now:
            return None
        return Kept(
            id=fields[b"id"].decode(),
            tenant_id=tenant_id,
            key=key,
            model=fields[b"model"].decode(),
            tag=fields[b"tag"].decode(),
            created_at=float(fields[b"created_at"]),
            expires_at=float(fields[b"expires_at"]),
            cost_nano_usd=int(fields[b"cost"]),
            key_version=int(fields[b"key_version"]),
            sealed=fields[b"sealed"],
            rest=bytes.fromhex(fields.get(b"rest", b"").decode()),
            likeness=fields.get(b"likeness", b""),
        )

    async def put(self, kept: Kept, most_bytes: int) -> None:
        """As `Store.put`."""
        if kept.bytes > most_bytes:
            return
        prefix, keys = _keys(kept.tenant_id, kept.key.hex())
        fields = {
            "id": kept.id,
            "model": kept.model,
            "tag": kept.tag,
            "created_at": kept.created_at,
            "expires_at": kept.expires_at,
            "cost": kept.cost_nano_usd,
            "key_version": kept.key_version,
            "sealed": kept.sealed,
            "rest": kept.rest.hex(),
            "likeness": kept.likeness,
        }
        pairs = [item for pair in fields.items() for item in pair]
        numbers = [kept.created_at, kept.expires_at, kept.bytes, most_bytes]
        await self._run(self._put, keys, [prefix, kept.key.hex(), kept.rest.hex(), *numbers, *pairs])

    async def purge(self, tenant_id: UUID, which: Filter) -> int:
        """As `Store.purge`."""
        prefix, keys = _keys(tenant_id, "")
        return int(await self._run(self._purge, keys[1:], [prefix, which.id, which.model, which.tag, 0]))

    async def near(self, tenant_id: UUID, rest: bytes, now: float, most: int) -> Sequence[Neighbour]:
        """As `Store.near`."""
        prefix, _all = _keys(tenant_id, "")
        rows = await self._run(self._near, [f"{prefix}near:{rest.hex()}"], [prefix, now, most]) if rest else []
        return [
            Neighbour(row[1].decode(), bytes.fromhex(row[0].decode()), float(row[2]), int(row[3]), row[4])
            for row in rows
        ]

    async def end(self, tenant_id: UUID, now: float) -> int:
        """As `Store.end`."""
        prefix, keys = _keys(tenant_id, "")
        return int(await self._run(self._purge, keys[1:], [prefix, "", "", "", int(GONE_SECONDS)]))

    async def usage(self, tenant_id: UUID, now: float) -> Usage:
        """As `Store.usage`. What is too old counts until the next answer is kept."""
        _prefix, (_answer, _used, aged, sizes) = _keys(tenant_id, "")
        try:
            pipe = self._redis.pipeline(transaction=False)
            pipe.zcount(aged, now, "+inf")
            pipe.hget(sizes, "all")
            entries, size = await pipe.execute()
        except (RedisError, OSError) as error:
            raise StoreDown(str(error)) from error
        return Usage(entries, int(size or 0))

    async def aclose(self) -> None:
        """As `Store.aclose`."""
        await self._redis.aclose()

    async def _run(self, script: Any, keys: list[str], arguments: list[Any]) -> Any:
        try:
            return await script(keys=keys, args=arguments)
        except (RedisError, OSError) as error:
            raise StoreDown(str(error)) from error


def _keys(tenant_id: UUID, name: str) -> tuple[str, list[str]]:
    # Braces: a Redis cluster keeps what belongs together in one place.
    prefix = f"{_PREFIX}{{{tenant_id.hex}}}:"
    return prefix, [f"{prefix}{name}", f"{prefix}used", f"{prefix}aged", f"{prefix}sizes"]
