"""A kept answer in the place of an upstream's: whole, or as a stream at a pace that people can follow."""

import asyncio
import math
from collections.abc import Iterator
from itertools import islice
from types import TracebackType

import orjson

from proxy.answers import replaying
from proxy.formats.sse import Event

_STEPS = 100
_STEP_SECONDS = 0.01  # a long answer takes about a second: quick, and still seen to come in


class Replay:
    """What `upstreams.Answer` is to its reader. `raw` is the message as JSON."""

    status = 200
    request_id = ""

    def __init__(self, raw: bytes, *, is_stream: bool) -> None:
        self._raw = raw
        self.is_stream = is_stream
        self.headers = [(b"content-type", b"text/event-stream; charset=utf-8" if is_stream else b"application/json")]
        self._events: Iterator[Event] = iter(())
        self._step_events = 1
        self._is_begun = False

    async def read(self) -> bytes:
        """The whole answer."""
        return self._raw

    async def piece(self, _patience_seconds: float) -> bytes:
        """The next events, b"" after the last."""
        if self._is_begun:
            await asyncio.sleep(_STEP_SECONDS)
        else:
            self._begin()
        return b"".join([event.raw for event in islice(self._events, self._step_events)])

    def _begin(self) -> None:
        events = list(replaying.events_of(orjson.loads(self._raw)))
        self._events, self._is_begun = iter(events), True
        self._step_events = math.ceil(len(events) / _STEPS)

    async def __aenter__(self) -> "Replay":
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _where: TracebackType | None
    ) -> None:
        """Nothing is held open."""
