"""Every fault of an upstream gives the right status or `error` event in bounded time, and leaks no connection."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests import bad_scenarios
from tests.bad_upstream import BadUpstream
from tests.proxy import build
from tests.proxy.running import Gateway, events, running

STREAM = {**build.HELLO, "stream": True}
WHOLE_STREAM = b"".join(bad_scenarios.events())


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(tmp_path) as made:
        yield made


def towards(upstream: BadUpstream, **rules: Any) -> Any:
    return build.caller(upstreams=[build.upstream(base_url=upstream.url, **rules)])


REFUSED: list[tuple[str, int, str]] = [
    ("reset_before_headers", 502, "api_error"),
    ("close_before_headers", 502, "api_error"),
    ("html_200", 502, "api_error"),
    ("html_502", 502, "api_error"),
    ("redirect", 502, "api_error"),
    ("key_invalid", 502, "api_error"),
    ("huge_headers", 502, "api_error"),
    ("content_length_too_long", 502, "api_error"),
    ("content_length_too_short", 502, "api_error"),
    ("json_typed_stream", 502, "api_error"),
    ("stall_before_headers", 504, "timeout_error"),
]


# Read to their end, so their connection may serve the next call.
_REUSABLE = {"redirect", "key_invalid", "html_200", "html_502", "json_typed_stream", "content_length_too_short"}


@pytest.mark.parametrize(("scenario", "status", "kind"), REFUSED)
async def test_what_is_no_answer_becomes_an_error_of_the_api(
    gateway: Gateway, scenario: str, status: int, kind: str
) -> None:
    async with BadUpstream(scenario) as upstream:
        gateway.admit(towards(upstream, read_timeout_seconds=0.3))
        answer = await asyncio.wait_for(gateway.ask(), 5)
        assert (answer.status, answer.json()["error"]["type"]) == (status, kind)
        assert answer.headers["request-id"] == answer.json()["request_id"]
        if scenario not in _REUSABLE:
            await upstream.until_closed()
    (record,) = gateway.records()
    assert (record["state"], record["status"], record["error_type"]) == ("failed", status, kind)


@pytest.mark.parametrize("code", [429, 500, 503, 529])
@pytest.mark.parametrize("body", [build.HELLO, STREAM])
async def test_an_upstreams_error_comes_back_word_for_word(gateway: Gateway, code: int, body: Any) -> None:
    async with BadUpstream(f"status_{code}") as upstream:
        gateway.admit(towards(upstream))
        answer = await gateway.ask(body)
    assert answer.status == code
    assert answer.json()["error"]["message"] == f"Upstream says {code}"
    assert (answer.headers["retry-after"], answer.headers["retry-after-ms"]) == ("2", "1500")
    assert answer.headers["request-id"] == "req_bad_1"
    (record,) = gateway.records()
    assert (record["state"], record["upstream_request_id"]) == ("failed", "req_bad_1")


BROKEN = ["reset_mid_stream", "chunked_unterminated", "close_without_message_stop", "half_close", "stall_mid_stream"]


@pytest.mark.parametrize("scenario", BROKEN)
async def test_a_stream_that_breaks_ends_with_an_error_event(gateway: Gateway, scenario: str) -> None:
    async with BadUpstream(scenario) as upstream:
        gateway.admit(towards(upstream, read_timeout_seconds=0.3))
        answer = await asyncio.wait_for(gateway.ask(STREAM), 5)
        if scenario != "close_without_message_stop":
            await upstream.until_closed()
    assert answer.status == 200
    names = [name for name, _data in events(answer.body)]
    assert names == ["message_start", "content_block_start", "content_block_delta", "error"]
    (record,) = gateway.records()
    assert (record["state"], record["status"]) == ("failed", 200)
    assert record["is_usage_estimated"] and record["input_tokens"] == 10 and record["output_tokens"] > 0


UNCHANGED: list[tuple[str, bytes]] = [
    ("stream", WHOLE_STREAM),
    ("sse_split", WHOLE_STREAM),
    ("trailers", WHOLE_STREAM),
    ("sse_crlf", WHOLE_STREAM.replace(b"\n", b"\r\n")),
    ("sse_cr", WHOLE_STREAM.replace(b"\n", b"\r")),
    ("sse_comments", b"".join(b": keep-alive\n\n" + piece for piece in bad_scenarios.events())),
]


@pytest.mark.parametrize(("scenario", "sent"), UNCHANGED)
async def test_a_stream_is_relayed_byte_for_byte_however_it_is_cut(
    gateway: Gateway, scenario: str, sent: bytes
) -> None:
    async with BadUpstream(scenario) as upstream:
        gateway.admit(towards(upstream))
        answer = await gateway.ask(STREAM)
    assert answer.body == sent
    (record,) = gateway.records()
    assert (record["state"], record["stop_reason"], record["output_tokens"]) == ("completed", "end_turn", 3)


@pytest.mark.parametrize("scenario", ["sse_big_event", "sse_invalid_utf8"])
async def test_events_that_are_odd_are_relayed_all_the_same(gateway: Gateway, scenario: str) -> None:
    async with BadUpstream(scenario) as upstream:
        gateway.admit(towards(upstream))
        answer = await gateway.ask(STREAM)
    assert answer.body.endswith(bad_scenarios.ENDING[-1])
    assert gateway.records()[0]["state"] == "completed"


@pytest.mark.parametrize("scenario", ["message", "json_split", "slow_headers", "early_hints", "gzipped"])
async def test_a_whole_answer_is_relayed_byte_for_byte_however_it_is_sent(gateway: Gateway, scenario: str) -> None:
    async with BadUpstream(scenario) as upstream:
        gateway.admit(towards(upstream))
        answer = await gateway.ask()
    assert (answer.status, answer.body) == (200, bad_scenarios.MESSAGE_BYTES)
    assert answer.headers["content-length"] == str(len(answer.body))
    assert "content-encoding" not in answer.headers
    (record,) = gateway.records()
    assert (record["state"], record["input_tokens"], record["output_tokens"]) == ("completed", 10, 3)


@pytest.mark.parametrize("scenario", ["error_event_first", "error_event_after_text"])
async def test_an_error_that_the_upstream_tells_in_its_stream_is_passed_on_once(
    gateway: Gateway, scenario: str
) -> None:
    async with BadUpstream(scenario) as upstream:
        gateway.admit(towards(upstream))
        answer = await gateway.ask(STREAM)
    assert [name for name, _data in events(answer.body)].count("error") == 1
    assert answer.body.endswith(bad_scenarios.ERROR_EVENT)
    (record,) = gateway.records()
    assert (record["state"], record["error_type"]) == ("failed", "overloaded_error")


async def test_a_silent_stream_is_kept_alive_by_pings_until_it_is_given_up(tmp_path: Path) -> None:
    async with running(tmp_path, ping_seconds=0.05) as gateway, BadUpstream("stall_mid_stream") as upstream:
        gateway.admit(towards(upstream, read_timeout_seconds=0.3))
        answer = await gateway.ask(STREAM)
    names = [name for name, _data in events(answer.body)]
    assert names[:3] == ["message_start", "content_block_start", "content_block_delta"]
    assert 3 <= names.count("ping") <= 6 and names[-1] == "error"


async def test_an_upstream_that_nobody_listens_at_is_named_without_its_address(gateway: Gateway) -> None:
    async with BadUpstream("message") as upstream:
        url = upstream.url
    gateway.admit(build.caller(upstreams=[build.upstream("main", base_url=url)]))
    answer = await gateway.ask()
    assert answer.status == 502
    message = answer.json()["error"]["message"]
    assert "'main'" in message and "127.0.0.1" not in message


@pytest.mark.parametrize("scenario", ["stream", "stall_mid_stream"])
async def test_a_client_that_leaves_a_stream_closes_the_upstream_within_a_second(
    gateway: Gateway, scenario: str
) -> None:
    options = {"count": 1000, "delay": 0.01} if scenario == "stream" else {}
    async with BadUpstream(scenario, **options) as upstream:
        gateway.admit(towards(upstream))
        reply = await gateway.reply(STREAM)
        assert not isinstance(reply.body, bytes)
        await anext(reply.body)
        await reply.body.aclose()
        await upstream.until_closed(1)
    (record,) = gateway.records()
    assert record["state"] == "cancelled"
    assert record["is_usage_estimated"] and record["input_tokens"] == 10


@pytest.mark.parametrize("body", [build.HELLO, STREAM])
async def test_a_client_that_leaves_before_the_first_byte_closes_the_upstream_too(gateway: Gateway, body: Any) -> None:
    async with BadUpstream("stall_before_headers") as upstream:
        gateway.admit(towards(upstream))
        asking = asyncio.create_task(gateway.ask(body))
        await asyncio.wait_for(_asked(upstream), 5)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await upstream.until_closed(1)
    (record,) = gateway.records()
    assert (record["state"], record["status"], record["is_usage_estimated"]) == ("cancelled", 499, True)
    assert record["input_tokens"] > 0


async def _asked(upstream: BadUpstream) -> None:
    while not upstream.requests:  # noqa: ASYNC110 - it has no event for this
        await asyncio.sleep(0.01)


@pytest.mark.slow
async def test_a_thousand_faults_leave_no_connection_open(gateway: Gateway) -> None:
    for scenario in (*BROKEN[:3], "reset_before_headers", "html_502", "message", "stream"):
        async with BadUpstream(scenario) as upstream:
            gateway.admit(towards(upstream, max_connections=8))
            for _ in range(18):
                await asyncio.gather(*(gateway.ask(STREAM) for _ in range(8)))
            assert upstream.connections_open <= 8
    assert gateway.runtime.pool.slots._taken == {}
