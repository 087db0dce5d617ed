"""Buckets that the web processes of all machines share in Redis, one round trip for each call or for several."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import structlog
from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError

from proxy.ledger.buckets.demand import PLACE_SECONDS, WINDOW_SECONDS, Demand, StoreDown, Taken, wait_for
from proxy.ledger.buckets.pipe import Pipe, Script

PROCESS_SECONDS = 15.0
"""How long a process counts as alive that is not heard of any more."""
PATIENCE_SECONDS = 0.25
"""How long a call waits for Redis before it goes on without."""
_CONNECTIONS = 16
_PREFIX = "llmp:limits:"
_PROCESSES = _PREFIX + "processes"
_FOLDER = Path(__file__).parent

log = structlog.get_logger(__name__)


class SharedBuckets:
    """`processes` is how many share the limits, as far as known: what each may take of them while Redis is away."""

    def __init__(self, url: str, name: str, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
        # A burst waits for a connection instead of opening one for each call.
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=_CONNECTIONS,
            timeout=4 * patience_seconds,
            socket_timeout=patience_seconds,
            socket_connect_timeout=patience_seconds,
        )
        self._redis = Redis.from_pool(pool)
        self._name = name
        self._pipe = Pipe(self._redis)
        self._take = Script(self._redis, (_FOLDER / "take.lua").read_text())
        self._give = Script(self._redis, (_FOLDER / "give.lua").read_text())
        self._held: dict[str, Demand] = {}  # this process's calls with places
        self._giving: set[asyncio.Task[None]] = set()
        self.processes = 1

    async def take(self, demand: Demand) -> Taken:
        """As `Buckets.take`."""
        work = asyncio.ensure_future(self._ask(demand))
        try:
            taken = await asyncio.shield(work)
        except asyncio.CancelledError:
            work.add_done_callback(lambda done: self._return(demand, done))
            raise
        if taken.is_given and demand.places:
            self._held[demand.id] = demand
        return taken

    def give(self, demand: Demand, amounts: Sequence[float], *, is_over: bool) -> None:
        """As `Buckets.give`."""
        if is_over:
            self._held.pop(demand.id, None)
        task = asyncio.ensure_future(self._put(demand, amounts, is_over))
        self._giving.add(task)
        task.add_done_callback(self._giving.discard)

    async def keep_places(self) -> None:
        """Say that this process and its calls live; learn how many processes there are. Raises StoreDown."""
        now = await self._now()
        pipe = self._redis.pipeline(transaction=False)
        for demand in self._held.values():
            for place in demand.places:
                pipe.zadd(_PREFIX + place.owner, {demand.id: now + PLACE_SECONDS}, xx=True)
                pipe.expire(_PREFIX + place.owner, int(PLACE_SECONDS) + 1)
        pipe.zremrangebyscore(_PROCESSES, "-inf", now)
        pipe.zadd(_PROCESSES, {self._name: now + PROCESS_SECONDS})
        pipe.zcard(_PROCESSES)
        try:
            answers = await pipe.execute()
        except (RedisError, OSError) as error:
            raise StoreDown(str(error)) from error
        self.processes = max(int(answers[-1]), 1)

    async def aclose(self) -> None:
        """Finish what was given back, and close the connections."""
        await asyncio.gather(*self._giving)
        try:
            await self._redis.zrem(_PROCESSES, self._name)
        except (RedisError, OSError) as error:
            log.debug("could not sign off", error=str(error))
        await self._redis.aclose()

    async def _now(self) -> float:
        """By Redis' own clock, as in the scripts: machines may differ."""
        try:
            seconds, micros = await self._redis.time()
        except (RedisError, OSError) as error:
            raise StoreDown(str(error) or type(error).__name__) from error
        return float(seconds + micros / 1_000_000)

    def _return(self, demand: Demand, done: "asyncio.Future[Taken]") -> None:
        """The call went away while it was waiting: what it was given is not its own any more."""
        if not done.cancelled() and done.exception() is None and done.result().is_given:
            self.give(demand, [want.need for want in demand.wants], is_over=True)

    async def _ask(self, demand: Demand) -> Taken:
        keys = [_PREFIX + want.bucket for want in demand.wants] + [_PREFIX + place.owner for place in demand.places]
        arguments: list[Any] = [len(demand.wants)]
        for want in demand.wants:
            arguments += want.limit, want.need
        arguments += [place.limit for place in demand.places]
        arguments += demand.id, PLACE_SECONDS, WINDOW_SECONDS
        try:
            is_given, raw_levels, running = await self._pipe.run(self._take, keys, arguments)
        except (RedisError, OSError) as error:
            raise StoreDown(str(error) or type(error).__name__) from error
        levels = [float(level) for level in raw_levels]
        waits = [0.0] * len(levels)
        if not is_given:
            waits = [wait_for(want, level) for want, level in zip(demand.wants, levels, strict=True)]
        return Taken(demand, bool(is_given), levels, waits, running, self)

    async def _put(self, demand: Demand, amounts: Sequence[float], is_over: bool) -> None:
        changed = [(want, amount) for want, amount in zip(demand.wants, amounts, strict=True) if amount]
        places = demand.places if is_over else ()
        if not changed and not places:
            return
        keys = [_PREFIX + want.bucket for want, _ in changed] + [_PREFIX + place.owner for place in places]
        arguments: list[Any] = [len(changed)]
        for want, amount in changed:
            arguments += want.limit, amount
        arguments += demand.id, WINDOW_SECONDS
        try:
            await self._pipe.run(self._give, keys, arguments)
        except (RedisError, OSError) as error:
            log.debug("rate limits could not be corrected", error=str(error))
