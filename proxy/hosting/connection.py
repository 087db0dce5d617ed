"""One client's connection: what is refused before a request reaches the application.

uvicorn's httptools parser neither times headers out, nor limits them, nor looks at Host; this subclass does.
"""

import re
from asyncio import Transport
from asyncio.events import TimerHandle
from typing import Any

from django.conf import settings
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from proxy.hosting.corking import Corked

MAX_HEADERS = 100
MAX_HEADER_BYTES = 32 * 1024
_HOST = re.compile(rb"[A-Za-z0-9._\-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?")
_TOO_LARGE = "The request's headers are larger than 32 KiB."
# The error types Anthropic's clients know, for the statuses this file answers.
_ERROR_TYPES = {
    400: b"invalid_request_error",
    408: b"timeout_error",
    431: b"invalid_request_error",
    503: b"api_error",
}


class _Refusal(Exception):
    """Raised inside a parser callback to stop the parser; the answer is in `GuardedProtocol.refusal`."""


class GuardedProtocol(HttpToolsProtocol):
    """HTTP/1.1 with a deadline, a size and a strict grammar for everything before the body."""

    header_timeout_seconds: float = settings.CONFIG.header_timeout_seconds
    max_connections: int = settings.CONFIG.max_connections

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.refusal: tuple[int, str] | None = None
        self.header_timer: TimerHandle | None = None
        self.is_in_headers = False
        self.header_bytes = 0
        self.is_websocket = False  # and somebody else's from then on
        self.is_deaf = False  # the connection ends with the answer that is under way

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(Corked(transport, self.loop))  # type: ignore[arg-type]
        if len(self.connections) > self.max_connections:
            self.is_deaf = True
            self._answer_and_close(503, "This server has as many connections as it may.")
        else:
            self._start_header_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_header_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.is_deaf:
            return
        super().data_received(data)
        # Afterwards: headers mostly come in one piece, and a timer costs as much as a step of the pipeline.
        if self.header_timer is None and self._is_awaiting_headers():
            self._start_header_timer()
        # Headers that never end come to no callback, so their bytes are counted here.
        if self.is_in_headers and not self.transport.is_closing():
            self.header_bytes += len(data)
            if self.header_bytes > MAX_HEADER_BYTES:
                self._answer_and_close(431, _TOO_LARGE)

    def on_message_begin(self) -> None:
        if not self._is_idle():
            self._stop_listening()
        super().on_message_begin()
        self.is_in_headers = True
        self.header_bytes = 0

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > MAX_HEADER_BYTES:
            self._refuse(431, "The request's address is larger than 32 KiB.")

    def on_headers_complete(self) -> None:
        self.is_in_headers = False
        self._stop_header_timer()
        self._check_size()
        self._check_host()
        self._check_framing()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Called by uvicorn when the parser stopped, for its own reasons or because of `_refuse`."""
        if self.is_deaf:
            return
        self._answer_and_close(*(self.refusal or (400, msg)))

    def _check_size(self) -> None:
        if len(self.headers) > MAX_HEADERS:
            self._refuse(431, "The request has more than 100 headers.")
        if sum([len(name) + len(value) + 4 for name, value in self.headers]) > MAX_HEADER_BYTES:
            self._refuse(431, _TOO_LARGE)

    def _check_host(self) -> None:
        hosts = [value for name, value in self.headers if name == b"host"]
        if not hosts and self.parser.get_http_version() == "1.0":  # simple health checkers
            return
        if len(hosts) != 1:
            self._refuse(400, "A request must have exactly one Host header.")
        if not _HOST.fullmatch(hosts[0]):
            self._refuse(400, "The Host header is not a host name with an optional port.")

    def _check_framing(self) -> None:
        """One way to tell where the body ends, so that no two servers can disagree about it."""
        encodings = [value for name, value in self.headers if name == b"transfer-encoding"]
        lengths = [value for name, value in self.headers if name == b"content-length"]
        if encodings and (lengths or encodings != [b"chunked"] or self.parser.get_http_version() == "1.0"):
            self._refuse(400, "The request's Transfer-Encoding is not acceptable.")
        if len(lengths) > 1 or not all(value.isdigit() for value in lengths):
            self._refuse(400, "The request's Content-Length is not acceptable.")
        # The parser stops in front of such a body: nobody would answer, and no deadline would be running.
        if (encodings or lengths) and self.parser.should_upgrade():
            self._refuse(400, "A request with an Upgrade header must have no body.")

    def _stop_listening(self) -> None:
        """No client sends a request before it has its answer. uvicorn would queue it and stop reading, so that
        nothing would tell when the client hangs up: the connection is closed after the answer instead."""
        assert self.cycle is not None  # it is not idle
        self.cycle.keep_alive = False
        self.is_deaf = True
        raise _Refusal("a request before the last one was answered")

    def handle_websocket_upgrade(self) -> None:
        """As uvicorn does it: another protocol has the connection afterwards, and its own deadlines."""
        super().handle_websocket_upgrade()
        self.is_websocket = True

    def _is_awaiting_headers(self) -> bool:
        if self.is_websocket or self.transport.is_closing():
            return False
        return self.is_in_headers or self._is_idle()

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _start_header_timer(self) -> None:
        self.header_timer = self.loop.call_later(self.header_timeout_seconds, self._headers_are_late)

    def _stop_header_timer(self) -> None:
        if self.header_timer is not None:
            self.header_timer.cancel()
            self.header_timer = None

    def _headers_are_late(self) -> None:
        self.header_timer = None
        if self.is_in_headers:
            self._answer_and_close(408, "The request's headers did not arrive in time.")
        else:
            self.transport.close()

    def _refuse(self, status: int, message: str) -> None:
        self.refusal = (status, message)
        raise _Refusal(message)

    def _answer_and_close(self, status: int, message: str) -> None:
        if self._is_idle() and not self.transport.is_closing():  # never into the middle of another answer
            self.transport.write(_error_response(status, message))
        self.transport.close()


def _error_response(status: int, message: str) -> bytes:
    body = b'{"type":"error","error":{"type":"%s","message":"%s"}}' % (_ERROR_TYPES[status], message.encode())
    again = b"retry-after: 2" if status == 503 else b"x-should-retry: false"
    return (
        STATUS_LINE[status]
        + b"content-type: application/json\r\nconnection: close\r\n%s\r\n" % again
        + b"content-length: %d\r\n\r\n" % len(body)
        + body
    )
