"""What every store of answers can do."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from proxy.answers.kept import Kept, Neighbour, Usage

GONE_SECONDS = 24 * 3600.0
"""For how long nothing is kept of a tenant that is gone: longer than its last call takes."""


class StoreDown(Exception):
    """The store does not answer, or not in time."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which of a tenant's answers: those that fit everything that is given."""

    id: str = ""
    model: str = ""
    tag: str = ""


class Store(Protocol):
    """Every method may raise StoreDown. Nothing of one tenant is ever found under another's id."""

    async def get(self, tenant_id: UUID, key: bytes, now: float) -> Kept | None:
        """The answer to a question, unless it is too old; it counts as used now."""

    async def put(self, kept: Kept, most_bytes: int) -> None:
        """Keep an answer instead of any older one. What was not used for longest goes, down to `most_bytes`."""

    async def near(self, tenant_id: UUID, rest: bytes, now: float, most: int) -> Sequence[Neighbour]:
        """The newest answers to questions that share this rest and are not too old, the newest first."""

    async def purge(self, tenant_id: UUID, which: Filter) -> int:
        """Forget answers; how many they were."""

    async def end(self, tenant_id: UUID, now: float) -> int:
        """Forget a tenant that is gone, to the last byte, and keep nothing more of it; how many answers it had."""

    async def usage(self, tenant_id: UUID, now: float) -> Usage:
        """What the tenant's answers take."""

    async def aclose(self) -> None:
        """Let go of the file or the connections."""
