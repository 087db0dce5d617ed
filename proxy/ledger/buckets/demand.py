"""What a call asks of its buckets, what it is told, and the arithmetic every store shares.

Plain tuples: a dozen of them are made for every call.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

WINDOW_SECONDS = 60.0
PLACE_SECONDS = 45.0
"""How long a place stays taken when its process is not heard of any more."""
_ROUNDING = 1e-6


class StoreDown(Exception):
    """The store of buckets could not be asked."""


class Want(NamedTuple):
    """An amount from one bucket; it is given what the bucket never holds more of, so a full bucket always suffices."""

    bucket: str
    limit: int
    amount: int

    @property
    def need(self) -> int:
        """What is taken."""
        return min(self.amount, self.limit)


class Place(NamedTuple):
    """One of the calls that an owner may have under way at once."""

    owner: str
    limit: int


class Demand(NamedTuple):
    """Everything one call asks for. `id` tells its places from those of others."""

    id: str
    wants: Sequence[Want]
    places: Sequence[Place] = ()


def look(demand: Demand) -> Demand:
    """The same buckets and places, asked how they stand: to take it takes nothing."""
    return demand._replace(
        wants=[want._replace(amount=0) for want in demand.wants],
        places=[place._replace(limit=0) for place in demand.places],
    )


class Taken(NamedTuple):
    """The answer, in the order of the demand.

    Given or not, the level of each bucket now; how long it needs until it holds enough; how many of each place's
    owner are under way beside this one.
    """

    demand: Demand
    is_given: bool
    levels: Sequence[float]
    waits: Sequence[float]
    running: Sequence[int]
    store: "Store"

    def give(self, amounts: Sequence[float], *, is_over: bool) -> None:
        """Put so much back into each bucket, less than 0 takes more; `is_over` frees the places."""
        self.store.give(self.demand, amounts, is_over=is_over)


class Buckets(Protocol):
    """Where calls take from."""

    async def take(self, demand: Demand) -> Taken:
        """Take everything, or nothing where one bucket or place is short. Raises StoreDown."""


class Store(Buckets, Protocol):
    """Where buckets are kept."""

    def give(self, demand: Demand, amounts: Sequence[float], *, is_over: bool) -> None:
        """As `Taken.give`. Returns at once and never fails: what cannot be written, the refill makes good."""


def refilled(level: float, since: float, limit: int, at: float) -> float:
    """What a bucket holds by now that held `level` then; a clock that went back adds nothing."""
    return min(float(limit), level + max(at - since, 0.0) * limit / WINDOW_SECONDS)


def wait_for(want: Want, level: float) -> float:
    """How many seconds the bucket refills before it holds what is needed; 0: it does."""
    need = want.need
    return 0.0 if level + _ROUNDING >= need else (need - level) * WINDOW_SECONDS / want.limit
