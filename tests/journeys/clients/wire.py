"""A relay in front of a server that keeps every request and reply, byte for byte."""

import contextlib
import http.client
import io
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Request:
    """One request as the client sent it; header names in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    received_at: float


@dataclass(frozen=True)
class Reply:
    """One reply as the client got it, its body without the chunks it came in."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class _Connection:
    requests: list[Request] = field(default_factory=list)
    answered: bytearray = field(default_factory=bytearray)


class Wire:
    """Listens on a free port while entered; what passes is in `requests` and `replies`."""

    def __init__(self, target: str) -> None:
        where = urlsplit(target)
        self._target = (where.hostname or "", where.port or 80)
        self._connections: list[_Connection] = []
        self._open: set[socket.socket] = set()

    @property
    def requests(self) -> list[Request]:
        """Every request so far, in the order of their arrival."""
        found = [request for connection in self._connections for request in connection.requests]
        return sorted(found, key=lambda request: request.received_at)

    @property
    def replies(self) -> list[Reply]:
        """The reply to each of `requests`."""
        found = []
        for connection in self._connections:
            found.extend(zip(connection.requests, _replies(connection), strict=True))
        return [reply for _request, reply in sorted(found, key=lambda pair: pair[0].received_at)]

    def clear(self) -> None:
        """Forget what passed. Only while nothing passes: an idle connection stays usable."""
        for connection in self._connections:
            connection.requests.clear()
            connection.answered.clear()

    def __enter__(self) -> "Wire":
        wire = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                wire._carry(self.request)

        class Server(socketserver.ThreadingTCPServer):
            request_queue_size = 256  # the default of 5 makes a burst of clients wait for a second

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        for side in list(self._open):
            with contextlib.suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)
        self._server.server_close()  # waits for the threads of all connections

    def _carry(self, client: socket.socket) -> None:
        connection = _Connection()
        self._connections.append(connection)
        with socket.create_connection(self._target) as server:
            self._open |= {client, server}
            back = threading.Thread(target=_pump, args=(server, client, connection.answered.extend))
            back.start()
            reader = _Reader(connection.requests)
            _pump(client, server, reader.feed)
            back.join()
            self._open -= {client, server}


class _Reader:
    """Cuts one connection's bytes into requests."""

    def __init__(self, found: list[Request]) -> None:
        self._found = found
        self._held = b""
        self._began_at = 0.0

    def feed(self, data: bytes) -> None:
        if not self._held:
            self._began_at = time.monotonic()
        self._held += data
        while (end := self._held.find(b"\r\n\r\n")) >= 0:
            first, *lines = self._held[:end].decode("latin-1").split("\r\n")
            method, target, _ = first.split(" ", 2)
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            assert "transfer-encoding" not in headers, "clients send their length; chunks are not read here"
            size = end + 4 + int(headers.get("content-length", 0))
            if len(self._held) < size:
                return
            self._found.append(Request(method, target, headers, self._held[end + 4 : size], self._began_at))
            self._held = self._held[size:]


def _pump(source: socket.socket, target: socket.socket, keep: Any) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            keep(data)
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


class _Socket(io.BytesIO):
    """Lets the standard library's parser read one reply after the other from the same bytes."""

    def makefile(self, _mode: str) -> "_Socket":
        return self

    def close(self) -> None:
        """Replies close what they read from; the next one still needs it."""


def _replies(connection: _Connection) -> Iterator[Reply]:
    stream: Any = _Socket(bytes(connection.answered))
    for request in connection.requests:
        response = http.client.HTTPResponse(stream, method=request.method)
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        yield Reply(response.status, headers, response.read())
