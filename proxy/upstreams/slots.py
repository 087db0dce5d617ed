"""How many calls may be open towards an upstream at a time; the rest wait a little, in order."""

import asyncio
from uuid import UUID

from proxy.call import UpstreamRules
from proxy.errors import Refused


class UpstreamBusy(Refused):
    """Every connection to the upstream was taken for as long as connecting may take."""

    status = 529
    type = "overloaded_error"
    headers = {"retry-after": "2"}


class Slots:
    """A counted set of places per upstream. Its size follows `max_connections` from call to call."""

    def __init__(self) -> None:
        self._taken: dict[UUID, int] = {}
        self._waiting: dict[UUID, list[asyncio.Future[None]]] = {}

    async def take(self, upstream: UpstreamRules) -> None:
        """Take one place, to be released. Raises UpstreamBusy after the upstream's connect timeout."""
        if self._taken.get(upstream.id, 0) >= upstream.max_connections:
            await self._wait(upstream)
        self._taken[upstream.id] = self._taken.get(upstream.id, 0) + 1

    async def _wait(self, upstream: UpstreamRules) -> None:
        waiting = self._waiting.setdefault(upstream.id, [])
        try:
            async with asyncio.timeout(upstream.connect_timeout_seconds):
                while self._taken.get(upstream.id, 0) >= upstream.max_connections:
                    place = asyncio.get_running_loop().create_future()
                    waiting.append(place)
                    try:
                        await place
                    except BaseException:
                        if place.done() and not place.cancelled():
                            self._wake(upstream.id)  # ours to take no more: pass it on
                        raise
                    finally:
                        waiting.remove(place)
        except TimeoutError:
            raise UpstreamBusy(f"All {upstream.max_connections} connections to {upstream.name!r} are busy.") from None

    def release(self, upstream_id: UUID) -> None:
        """Give a place back."""
        left = self._taken[upstream_id] - 1
        if left:
            self._taken[upstream_id] = left
        else:
            del self._taken[upstream_id]
        self._wake(upstream_id)

    def _wake(self, upstream_id: UUID) -> None:
        for place in self._waiting.get(upstream_id, ()):
            if not place.done():
                place.set_result(None)
                return
