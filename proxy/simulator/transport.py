"""The simulator in process: an httpx transport, so that an upstream client needs no socket to reach it."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator

import httpx

from proxy.simulator import service
from proxy.simulator.frames import Frame

_EVENTS_PER_TURN = 64


class SimulatorTransport(httpx.AsyncBaseTransport):
    """Answers Messages API requests itself. In process nobody needs a key, so none is asked for by default."""

    def __init__(self, *, requires_key: bool = False) -> None:
        self._requires_key = requires_key

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer at once, or once the asked delay is over; a stream starts at once and keeps its own pace."""
        body = await request.aread()
        target = request.url.raw_path.decode("ascii")
        reply = service.handle(request.method, target, request.headers, body, requires_key=self._requires_key)
        if reply.body is not None:
            return httpx.Response(reply.status, headers=reply.headers, stream=httpx.ByteStream(reply.body))
        planned = iter(reply.frames)
        first = next(planned)
        await asyncio.sleep(first.pause_seconds)
        stream = FrameStream(Frame(0, first.data, first.breaks), planned)
        return httpx.Response(reply.status, headers=reply.headers, stream=stream)


class FrameStream(httpx.AsyncByteStream):
    """Frames at their pace. Closing it ends a pause at once, whichever task is waiting in it."""

    def __init__(self, first: Frame, rest: Iterable[Frame]) -> None:
        self._frames = _chained(first, rest)
        self._closed = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for count, frame in enumerate(self._frames):
            if frame.pause_seconds:
                await self._pause(frame.pause_seconds)
            elif not count % _EVENTS_PER_TURN:
                await asyncio.sleep(0)  # a long answer without pauses must not hold up everyone else
            if self._closed.is_set():
                return
            if frame.data:
                yield frame.data
            if frame.breaks:
                raise httpx.ReadError("the simulator was asked to cut the connection")

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._closed.wait()
        except TimeoutError:
            return

    async def aclose(self) -> None:
        """Stop; nothing more will be sent."""
        self._closed.set()


def _chained(first: Frame, rest: Iterable[Frame]) -> Iterator[Frame]:
    yield first
    yield from rest
