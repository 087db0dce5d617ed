"""Whatever an upstream sends becomes an answer or a refusal in the client's own terms, in bounded time."""

import asyncio
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from proxy.upstreams.answer import Answer, UpstreamFailed
from tests.proxy import build

JSON = {"content-type": "application/json"}
REQUEST = httpx.Request("POST", "https://upstream.test/v1/messages")


async def ask(handler: Callable[[httpx.Request], httpx.Response], **upstream: float) -> Answer:
    return await Answer.ask(httpx.MockTransport(handler), REQUEST, build.upstream(**upstream))  # type: ignore[arg-type]


async def test_only_headers_that_may_speak_for_this_host_are_relayed() -> None:
    headers = {
        **JSON,
        "request-id": "req_upstream",
        "Retry-After": "7",
        "Anthropic-RateLimit-Requests-Remaining": "3",
        "set-cookie": "a=b",
        "strict-transport-security": "max-age=1",
        "access-control-allow-origin": "*",
        "server": "nginx",
        "connection": "keep-alive",
    }
    answer = await ask(lambda _request: httpx.Response(429, headers=headers, content=b"{}"))
    names = {name for name, _value in answer.headers}
    assert names == {b"content-type", b"request-id", b"retry-after", b"anthropic-ratelimit-requests-remaining"}
    assert answer.request_id == "req_upstream"
    await answer.aclose()


@pytest.mark.parametrize("value", [b"a\x01b", b"a\x1b[31m", b"a\x7f", b"a\x0bb"])
async def test_a_header_that_a_server_may_not_send_is_left_out_and_the_answer_kept(value: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"request-id", value), (b"anthropic-odd", value)]
    answer = await ask(lambda _request: httpx.Response(200, headers=headers, content=b"{}"))
    assert [name for name, _value in answer.headers] == [b"content-type"]
    assert await answer.read() == b"{}"
    await answer.aclose()


async def test_a_refused_credential_is_not_blamed_on_the_clients_key() -> None:
    with pytest.raises(UpstreamFailed) as failed:
        await ask(lambda _request: httpx.Response(401, headers=JSON, content=b"{}"))
    assert (failed.value.status, failed.value.headers["x-should-retry"]) == (502, "false")


@pytest.mark.parametrize(
    ("status", "headers", "given"),
    [
        (200, {"content-type": "text/html"}, 502),
        (502, {"content-type": "text/html"}, 502),
        (503, {"content-type": "text/plain", "retry-after": "9"}, 503),
        (307, {"location": "http://169.254.169.254/"}, 502),
        (200, {}, 502),
        (999, JSON, 502),
        (600, JSON, 502),
        (101, JSON, 502),
    ],
)
async def test_what_is_no_answer_of_the_messages_api_becomes_a_refusal(
    status: int, headers: dict[str, str], given: int
) -> None:
    with pytest.raises(UpstreamFailed) as failed:
        await ask(lambda _request: httpx.Response(status, headers=headers, content=b"<html>"))
    assert failed.value.status == given
    assert failed.value.headers.get("retry-after") == headers.get("retry-after")


async def test_a_failure_to_connect_names_no_address() -> None:
    def refuse(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("Cannot connect to host 10.9.8.7:443")

    with pytest.raises(UpstreamFailed) as failed:
        await ask(refuse)
    assert failed.value.status == 502
    assert "10.9.8.7" not in failed.value.message


class Pieces(httpx.AsyncByteStream):
    """Pieces with pauses before them; a cancelled read loses nothing, as the real transports promise."""

    def __init__(self, *pieces: tuple[float, bytes]) -> None:
        self._pieces = list(pieces)
        self.is_closed = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self._pieces:
            raise StopAsyncIteration
        pause, piece = self._pieces[0]
        loop = asyncio.get_running_loop()
        due = loop.time() + pause
        try:
            await asyncio.sleep(pause)
        except asyncio.CancelledError:
            self._pieces[0] = (due - loop.time(), piece)
            raise
        self._pieces.pop(0)
        return piece

    async def aclose(self) -> None:
        self.is_closed = True


async def test_a_silence_is_told_and_loses_nothing() -> None:
    stream = Pieces((0, b"a"), (0.05, b"b"))
    answer = await ask(lambda _request: httpx.Response(200, headers=JSON, stream=stream))
    got = []
    while (piece := await answer.piece(0.02)) != b"":
        got.append(piece)
    assert got[0] == b"a" and got[-1] == b"b" and None in got
    await answer.aclose()
    assert stream.is_closed


async def test_an_upstream_that_stays_silent_is_given_up() -> None:
    stream = Pieces((30, b"never"))
    answer = await ask(lambda _request: httpx.Response(200, headers=JSON, stream=stream), read_timeout_seconds=0.03)
    with pytest.raises(UpstreamFailed) as failed:
        while True:
            await answer.piece(0.01)
    assert failed.value.status == 504
    await answer.aclose()


async def test_an_answer_that_is_refused_at_its_headers_is_closed() -> None:
    stream = Pieces((0, b"<html>"))
    with pytest.raises(UpstreamFailed):
        await ask(lambda _request: httpx.Response(200, headers={"content-type": "text/html"}, stream=stream))
    assert stream.is_closed
