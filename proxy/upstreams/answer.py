"""What an upstream answered: judged at its headers, then read whole or piece by piece, always in bounded time."""

import asyncio
import re

import httpx
import structlog

from proxy.call import UpstreamRules
from proxy.errors import Refused

MAX_DOCUMENT_BYTES = 64 * 1024 * 1024
# An allow-list: an upstream's HSTS, CORS, cookie or routing headers would speak for this host.
_RELAYED_PREFIXES = (b"anthropic-",)
_RELAYED = frozenset((b"content-type", b"request-id", b"retry-after", b"retry-after-ms", b"x-should-retry"))
# A server refuses to send these, and would drop the whole reply.
_UNSENDABLE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]").search

log = structlog.get_logger(__name__)


class UpstreamFailed(Refused):
    """The upstream could not be reached, or what it sent is no answer of the Messages API."""

    status = 502
    type = "api_error"

    def __init__(self, message: str, *, status: int | None = None, headers: dict[str, str] | None = None) -> None:
        super().__init__(message, headers=headers)
        if status is not None:
            self.status = status
        if self.status == 504:
            self.type = "timeout_error"


class Answer:
    """An upstream's response whose body is still to come. Make one with `ask`, always `aclose` it.

    The transport sees to it that no silence outlasts the request's read timeout; here shorter ones are told.
    """

    def __init__(self, response: httpx.Response, upstream: UpstreamRules) -> None:
        self._response = response
        self._upstream = upstream
        self.status = response.status_code
        lowered = [(name.lower(), value) for name, value in response.headers.raw]
        self.headers = [item for item in lowered if _is_relayed(*item)]
        self._type = self._header(b"content-type").partition(";")[0].strip().lower()
        self._pieces = _stream(response).__aiter__()
        self._silent_seconds = 0.0

    @classmethod
    async def ask(
        cls, transport: httpx.AsyncBaseTransport, request: httpx.Request, upstream: UpstreamRules
    ) -> "Answer":
        """Send the request and judge the response by its status and headers. Raises UpstreamFailed."""
        try:
            response = await transport.handle_async_request(request)
        except httpx.TransportError as error:
            raise _failure(upstream, error) from error
        answer = cls(response, upstream)
        try:
            await answer._judge()
        except BaseException:
            await answer.aclose()
            raise
        return answer

    @property
    def is_stream(self) -> bool:
        """Whether events follow, rather than one JSON document."""
        return self._type == "text/event-stream"

    @property
    def request_id(self) -> str:
        """The upstream's own id of the request, or ''."""
        return self._header(b"request-id")

    def _header(self, name: bytes) -> str:
        return next((value.decode("latin-1") for key, value in self.headers if key == name), "")

    async def _judge(self) -> None:
        name = self._upstream.name
        if self.status == 401:
            log.error("upstream refuses the stored credential", upstream=name, upstream_id=str(self._upstream.id))
            raise UpstreamFailed(
                f"The upstream {name!r} refused the credential stored in this gateway. Your own key is fine: "
                "ask the gateway's administrator to renew the upstream's.",
                headers={"x-should-retry": "false"},
            )
        if not 200 <= self.status < 600:
            raise UpstreamFailed(f"The upstream {name!r} answered with the status {self.status}, which does not exist.")
        if 300 <= self.status < 400:
            raise UpstreamFailed(f"The upstream {name!r} answered with a redirect, which is never followed.")
        if self._type == "application/json" or (self.is_stream and self.status == 200):
            return
        status = self.status if self.status >= 400 else None
        retry = {"retry-after": after} if (after := self._header(b"retry-after")) else {}
        raise UpstreamFailed(
            f"The upstream {name!r} answered {self.status} with {self._type or 'no content type'} instead of JSON.",
            status=status,
            headers=retry,
        )

    async def read(self) -> bytes:
        """The whole body. Raises UpstreamFailed."""
        pieces, size = [], 0
        try:
            async for piece in self._pieces:
                pieces.append(piece)
                size += len(piece)
                if size > MAX_DOCUMENT_BYTES:
                    raise UpstreamFailed(f"The upstream {self._upstream.name!r} sent an endless answer.")
        except httpx.TransportError as error:
            raise _failure(self._upstream, error) from error
        return b"".join(pieces)

    async def piece(self, patience_seconds: float) -> bytes | None:
        """The next bytes of the body; b"" at its end; None when nothing came for that long. Raises UpstreamFailed.

        A plain coroutine, not a generator: it may be cancelled and called again, and leaves nothing to close.
        """
        patience_seconds = min(patience_seconds, self._upstream.read_timeout_seconds - self._silent_seconds)
        try:
            async with asyncio.timeout(patience_seconds):
                piece = await self._pieces.__anext__()
        except StopAsyncIteration:
            return b""
        except TimeoutError:
            self._silent_seconds += patience_seconds
            if self._silent_seconds >= self._upstream.read_timeout_seconds:
                raise _timed_out(self._upstream) from None
            return None
        except httpx.TransportError as error:
            raise _failure(self._upstream, error) from error
        self._silent_seconds = 0.0
        return piece

    async def aclose(self) -> None:
        """Give the connection back, or close it where the answer was not read to its end."""
        await self._response.aclose()


def _stream(response: httpx.Response) -> httpx.AsyncByteStream:
    stream = response.stream
    assert isinstance(stream, httpx.AsyncByteStream)  # what an async transport answers with
    return stream


def _is_relayed(name: bytes, value: bytes) -> bool:
    return (name in _RELAYED or name.startswith(_RELAYED_PREFIXES)) and not _UNSENDABLE(value)


def _timed_out(upstream: UpstreamRules) -> UpstreamFailed:
    seconds = upstream.read_timeout_seconds
    return UpstreamFailed(f"The upstream {upstream.name!r} was silent for {seconds:g} s.", status=504)


def _failure(upstream: UpstreamRules, error: httpx.TransportError) -> UpstreamFailed:
    if isinstance(error, httpx.ReadTimeout):
        return _timed_out(upstream)
    # The details name addresses inside the operator's network: for the log, not for the client.
    log.warning("upstream failed", upstream=upstream.name, upstream_id=str(upstream.id), error=str(error))
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return UpstreamFailed(f"The upstream {upstream.name!r} cannot be reached.")
    return UpstreamFailed(f"The connection to the upstream {upstream.name!r} broke.")
