"""Single flight: of several calls that ask the same question at once, one asks the upstream and the others wait."""

import asyncio
from types import TracebackType


class Flights:
    """The questions under way in this process."""

    def __init__(self) -> None:
        self._under_way: dict[bytes, asyncio.Event] = {}

    def join(self, key: bytes) -> "Flight":
        """To be entered by every call that asks this question."""
        return Flight(self._under_way, key)


class Flight:
    """One call's part in it. Whoever leads lets the next one lead when it leaves, whatever came of it."""

    def __init__(self, under_way: dict[bytes, asyncio.Event], key: bytes) -> None:
        self._under_way = under_way
        self._key = key
        self._own: asyncio.Event | None = None

    async def wait(self, timeout_seconds: float) -> bool:
        """Wait while another call asks. True: it has ended, look again. False: this call asks the upstream."""
        other = self._under_way.get(self._key)
        if other is None:
            self._own = self._under_way[self._key] = asyncio.Event()
            return False
        try:
            async with asyncio.timeout(timeout_seconds):
                await other.wait()
        except TimeoutError:
            return False
        return True

    def land(self) -> None:
        """The answer is kept, or will not be: the others may look."""
        if self._own is not None:
            del self._under_way[self._key]
            self._own.set()
            self._own = None

    async def __aenter__(self) -> "Flight":
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _where: TracebackType | None
    ) -> None:
        self.land()
