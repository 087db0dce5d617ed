"""Buckets in the memory of one process."""

import time
from collections.abc import Callable, Sequence

from proxy.ledger.buckets.demand import WINDOW_SECONDS, Demand, Taken, refilled, wait_for

_MOST_BUCKETS = 100_000


class LocalBuckets:
    """For a single web process, and for one that lost the store it shares with others."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, *, most_buckets: int = _MOST_BUCKETS) -> None:
        self._clock = clock
        self._most_buckets = most_buckets
        self._levels: dict[str, tuple[float, float]] = {}  # a content, and when it was that
        self._running: dict[str, int] = {}

    async def take(self, demand: Demand) -> Taken:
        """As `Buckets.take`; never down."""
        at = self._clock()
        levels = [self._level(want.bucket, want.limit, at) for want in demand.wants]
        waits = [wait_for(want, level) for want, level in zip(demand.wants, levels, strict=True)]
        running = [self._running.get(place.owner, 0) for place in demand.places]
        is_given = not any(waits)
        for place, taken in zip(demand.places, running, strict=True):
            is_given = is_given and taken < place.limit
        if is_given:
            for number, want in enumerate(demand.wants):
                levels[number] -= want.need
                self._levels[want.bucket] = (levels[number], at)
            for place, taken in zip(demand.places, running, strict=True):
                self._running[place.owner] = taken + 1
            self._forget(at)
        return Taken(demand, is_given, levels, waits, running, self)

    def give(self, demand: Demand, amounts: Sequence[float], *, is_over: bool) -> None:
        """As `Buckets.give`."""
        at = self._clock()
        for want, amount in zip(demand.wants, amounts, strict=True):
            if amount:
                level = self._level(want.bucket, want.limit, at) + amount
                self._levels[want.bucket] = (min(level, float(want.limit)), at)
        if is_over:
            for place in demand.places:
                self._running[place.owner] -= 1
                if self._running[place.owner] <= 0:
                    del self._running[place.owner]

    def _level(self, bucket: str, limit: int, at: float) -> float:
        kept = self._levels.get(bucket)
        return float(limit) if kept is None else refilled(*kept, limit, at)

    def _forget(self, at: float) -> None:
        """Buckets that had time to fill up are as good as new ones."""
        if len(self._levels) > self._most_buckets:
            old = at - WINDOW_SECONDS
            self._levels = {name: kept for name, kept in self._levels.items() if kept[1] > old or kept[0] < 0}
