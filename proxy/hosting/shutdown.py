"""How a web process ends: it says that it is not ready, then it accepts nothing more, then it ends what still runs."""

import asyncio
import signal
from collections.abc import Callable
from typing import Any


class Shutdown:
    """Stands between the signals and the web server.

    SIGTERM: `is_draining` for `drain_seconds`, while everything is served, so that load balancers can notice; then the
    server is told. SIGINT or a second SIGTERM: it is told at once. `grace_seconds` later `end_calls` is called.
    """

    def __init__(self, *, drain_seconds: float, grace_seconds: float, end_calls: Callable[[], None]) -> None:
        self._drain_seconds = drain_seconds
        self._grace_seconds = grace_seconds
        self._end_calls = end_calls
        self._is_told = False
        self.is_draining = False

    def listen(self) -> None:
        """Take the signals over, if there is a server that waits for them. Call it in the main thread's event loop."""
        servers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
        if not callable(servers[signal.SIGTERM]):
            return
        for number, server in servers.items():
            if callable(server):
                asyncio.get_running_loop().add_signal_handler(number, self._hear, number, server)

    def _hear(self, number: int, server: Callable[[int, Any], object]) -> None:
        if number == signal.SIGTERM and not self.is_draining and self._drain_seconds:
            self.is_draining = True
            asyncio.get_running_loop().call_later(self._drain_seconds, self._tell, number, server)
        else:
            self._tell(number, server)

    def _tell(self, number: int, server: Callable[[int, Any], object]) -> None:
        server(number, None)
        if not self._is_told:
            self._is_told = self.is_draining = True
            asyncio.get_running_loop().call_later(self._grace_seconds, self._end_calls)
