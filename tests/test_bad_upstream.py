"""The bad upstream does what its scenarios say, and sees what its peers do."""

import asyncio
import base64
import inspect
import time
from functools import partial

import httpx
import pytest

from tests import bad_scenarios
from tests.bad_scenarios import MESSAGE, SCENARIOS, events
from tests.bad_upstream import BadUpstream

BODY = b'{"model": "claude-opus-5-5"}'


async def _post(upstream: BadUpstream) -> httpx.Response:
    async with httpx.AsyncClient(timeout=5) as client:
        return await client.post(upstream.url + "/v1/messages?beta=true", content=BODY)


@pytest.mark.parametrize("name", ["message", "json_split", "gzipped", "early_hints", "slow_headers"])
async def test_odd_but_allowed_answers_arrive_whole(name: str) -> None:
    async with BadUpstream(name) as upstream:
        response = await _post(upstream)
    assert (response.status_code, response.json()) == (200, MESSAGE)


@pytest.mark.parametrize("name", ["stream", "sse_split", "json_typed_stream", "trailers"])
async def test_allowed_streams_arrive_whole(name: str) -> None:
    async with BadUpstream(name) as upstream:
        response = await _post(upstream)
    assert response.content == b"".join(events())


@pytest.mark.parametrize("name", ["sse_crlf", "sse_cr", "sse_comments", "sse_big_event", "sse_invalid_utf8"])
async def test_odd_streams_differ_from_the_plain_one_and_end_properly(name: str) -> None:
    async with BadUpstream(name) as upstream:
        response = await _post(upstream)
    assert response.content != b"".join(events())
    assert b"message_stop" in response.content


@pytest.mark.parametrize(
    ("name", "failure"),
    [
        ("reset_before_headers", httpx.ReadError),
        ("close_before_headers", httpx.RemoteProtocolError),
        ("reset_mid_stream", httpx.ReadError),
        ("chunked_unterminated", httpx.RemoteProtocolError),
        ("half_close", httpx.RemoteProtocolError),
        ("content_length_too_long", httpx.RemoteProtocolError),
        ("huge_headers", httpx.RemoteProtocolError),
    ],
)
async def test_broken_connections_are_broken(name: str, failure: type[Exception]) -> None:
    async with BadUpstream(name) as upstream:
        with pytest.raises(failure):
            await _post(upstream)
        await upstream.until_closed()


@pytest.mark.parametrize("name", ["stall_before_headers", "stall_mid_stream"])
async def test_a_stall_ends_when_the_peer_leaves_and_the_moment_is_kept(name: str) -> None:
    async with BadUpstream(name) as upstream:
        started = time.monotonic()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await _post(upstream)
        await upstream.until_closed()
        closed_at = upstream.connections[0].peer_closed_at
    assert closed_at is not None and 0.2 <= closed_at - started < 1.2


async def test_open_connections_are_counted_while_they_are_open() -> None:
    async with BadUpstream("message") as upstream:
        async with httpx.AsyncClient() as client:
            for _ in range(2):
                await client.post(upstream.url)
            assert (upstream.connections_open, len(upstream.connections), len(upstream.requests)) == (1, 1, 2)
        await upstream.until_closed()
        assert upstream.connections_open == 0


async def test_waiting_for_connections_that_stay_open_fails() -> None:
    async with BadUpstream("message") as upstream, httpx.AsyncClient() as client:
        await client.post(upstream.url)
        with pytest.raises(TimeoutError):
            await upstream.until_closed(0.05)


async def test_requests_are_kept_byte_for_byte() -> None:
    async def chunks():
        yield BODY[:5]
        yield BODY[5:]

    async with BadUpstream("echo") as upstream, httpx.AsyncClient() as client:
        sized = await client.post(upstream.url + "/v1/messages?beta=true", content=BODY, headers={"X-Two": "a  b"})
        chunked = await client.post(upstream.url, content=chunks())
    seen = sized.json()["echo"]
    assert base64.b64decode(seen["body"]) == upstream.requests[0].body == BODY
    assert upstream.requests[0].raw.startswith(b"POST /v1/messages?beta=true HTTP/1.1\r\n")
    assert base64.b64decode(seen["raw"]) == upstream.requests[0].raw and b"X-Two: a  b\r\n" in upstream.requests[0].raw
    assert base64.b64decode(chunked.json()["echo"]["body"]) == BODY
    assert upstream.requests[1].raw.endswith(b"\r\n0\r\n\r\n")


@pytest.mark.parametrize(
    ("name", "status"), [("status_429", 429), ("status_500", 500), ("status_503", 503), ("status_529", 529)]
)
async def test_statuses_say_when_to_come_back(name: str, status: int) -> None:
    async with BadUpstream(name) as upstream:
        response = await _post(upstream)
    assert response.status_code == status and response.json()["type"] == "error"
    assert (response.headers["retry-after"], response.headers["retry-after-ms"]) == ("2", "1500")


async def test_other_wrong_answers_have_their_status_and_kind() -> None:
    seen = {}
    for name in ("html_200", "html_502", "key_invalid", "redirect", "error_event_first", "error_event_after_text"):
        async with BadUpstream(name) as upstream:
            response = await _post(upstream)
            seen[name] = (response.status_code, response.headers.get("content-type", "").split(";")[0])
    assert seen == {
        "html_200": (200, "text/html"),
        "html_502": (502, "text/html"),
        "key_invalid": (401, "application/json"),
        "redirect": (307, ""),
        "error_event_first": (200, "text/event-stream"),
        "error_event_after_text": (200, "text/event-stream"),
    }


async def test_a_body_longer_than_promised_is_cut_by_the_client() -> None:
    async with BadUpstream("content_length_too_short") as upstream:
        response = await _post(upstream)
    assert len(response.content) == int(response.headers["content-length"])


async def test_a_stream_can_be_complete_http_and_still_lack_its_end() -> None:
    async with BadUpstream("close_without_message_stop") as upstream:
        response = await _post(upstream)
    assert b"Half an answer" in response.content and b"message_stop" not in response.content


async def test_options_reach_the_scenario() -> None:
    async with BadUpstream("stream", count=50, delay=0.001) as upstream:
        response = await _post(upstream)
    assert response.content.count(b"text_delta") == 50


async def test_a_mistake_in_a_scenario_fails_the_test() -> None:
    async def mistaken(reader, writer, request) -> None:
        writer.close()
        raise KeyError("mistaken")

    with pytest.raises(KeyError):
        async with BadUpstream(mistaken) as upstream:
            with pytest.raises(httpx.RemoteProtocolError):
                await _post(upstream)


def test_every_scenario_can_be_chosen_by_name() -> None:
    defined = {
        function
        for function in vars(bad_scenarios).values()
        if inspect.iscoroutinefunction(function) and "request" in inspect.signature(function).parameters
    }
    chosen = {scenario.func if isinstance(scenario, partial) else scenario for scenario in SCENARIOS.values()}
    assert defined == chosen
