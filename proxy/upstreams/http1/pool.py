"""Connections that wait for their next request."""

import asyncio
from asyncio.events import TimerHandle

from proxy.upstreams.http1.connection import Connection
from proxy.upstreams.http1.dialling import Origin

KEPT_SECONDS = 15.0
"""Shorter than what common servers and load balancers wait: a request must not meet a connection about to close."""


class IdlePool:
    """The idle connections of each origin; the one that waited least is taken first, the others grow old and go."""

    def __init__(self, kept_seconds: float = KEPT_SECONDS) -> None:
        self._kept_seconds = kept_seconds
        self._idle: dict[Origin, list[Connection]] = {}
        self._timer: TimerHandle | None = None
        self._is_closed = False

    def take(self, origin: Origin) -> Connection | None:
        """One that is still open, or None."""
        idle = self._idle.get(origin)
        now = asyncio.get_running_loop().time()
        while idle:
            connection = idle.pop()
            if connection.is_open and now - connection.parked_at < self._kept_seconds:
                return connection
            connection.close()
        return None

    def give(self, origin: Origin, connection: Connection) -> None:
        """Keep a connection whose answer is read, or close it where it takes no other request."""
        if self._is_closed or not connection.can_be_kept:
            connection.close()
            return
        loop = asyncio.get_running_loop()
        connection.parked_at = loop.time()
        self._idle.setdefault(origin, []).append(connection)
        if self._timer is None:
            self._timer = loop.call_later(self._kept_seconds, self._sweep)

    def close(self) -> None:
        """Close all of them, and every one that is given from now on."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        for connections in self._idle.values():
            for connection in connections:
                connection.close()
        self._idle.clear()

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        oldest = loop.time() - self._kept_seconds
        for origin, connections in list(self._idle.items()):
            fresh = [one for one in connections if one.is_open and one.parked_at > oldest]
            for connection in set(connections) - set(fresh):
                connection.close()
            if fresh:
                self._idle[origin] = fresh
            else:
                del self._idle[origin]
        self._timer = loop.call_later(self._kept_seconds, self._sweep) if self._idle else None
