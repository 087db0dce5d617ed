"""A reply's head goes out with the first bytes of its body: one packet, and the client is woken once."""

from asyncio import AbstractEventLoop, Transport
from typing import Any

_HEAD = b"HTTP/1.1 "


class Corked:
    """A transport that keeps a head until the next bytes are written, or until the loop's next turn."""

    def __init__(self, transport: Transport, loop: AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._head = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Write it; what begins like a head a moment later."""
        if self._head:
            data, self._head = self._head + data, b""
        elif data.startswith(_HEAD):
            self._head = data
            self._loop.call_soon(self.flush)
            return
        self._transport.write(data)

    def flush(self) -> None:
        """Write what is kept back."""
        if self._head:
            head, self._head = self._head, b""
            self._transport.write(head)

    def close(self) -> None:
        """Close it after what was written."""
        self.flush()
        self._transport.close()
