"""What limits refuse, what they say, and what a call is charged in the end."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from proxy.call import RateLimits
from proxy.ledger.buckets import LocalBuckets
from tests.proxy import build
from tests.proxy.running import Gateway, running

LONG = {**build.HELLO, "messages": [{"role": "user", "content": "x" * 30_000}]}


class Clock:
    """Seconds that pass when told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Upstream(httpx.AsyncBaseTransport):
    """Answers with a usage; counts what reached it, and can be held."""

    def __init__(self) -> None:
        self.usage = {"input_tokens": 10, "output_tokens": 20, "cache_read_input_tokens": 5000}
        self.status = 200
        self.asked = 0
        self.go = asyncio.Event()
        self.go.set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        await self.go.wait()
        headers = {"anthropic-ratelimit-requests-limit": "9999", "anthropic-ratelimit-output-tokens-limit": "7777"}
        if self.status != 200:
            error = {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}
            return httpx.Response(self.status, json=error, headers=headers)
        if b'"stream": true' in await request.aread():
            return httpx.Response(200, stream=_Events(self.usage), headers={"content-type": "text/event-stream"})
        answer = {"type": "message", "id": "msg_1", "content": [], "stop_reason": "end_turn", "usage": self.usage}
        return httpx.Response(200, json=answer, headers=headers)


class _Events(httpx.AsyncByteStream):
    def __init__(self, usage: dict[str, int]) -> None:
        self._usage = usage

    async def __aiter__(self) -> AsyncIterator[bytes]:
        start = '{"type":"message_start","message":{"type":"message","usage":{"input_tokens":%d,"output_tokens":1}}}'
        yield b"event: message_start\ndata: " + (start % self._usage["input_tokens"]).encode() + b"\n\n"
        end = '{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":%d}}'
        yield b"event: message_delta\ndata: " + (end % self._usage["output_tokens"]).encode() + b"\n\n"
        yield b'event: message_stop\ndata: {"type":"message_stop"}\n\n'


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture
async def gateway(tmp_path: Path, clock: Clock, upstream: Upstream) -> AsyncIterator[Gateway]:
    async with running(tmp_path, transport=upstream, buckets=LocalBuckets(clock)) as made:
        yield made


def limited(gateway: Gateway, *, tenant: RateLimits | None = None, **limits: int) -> None:
    gateway.admit(build.caller(limits=RateLimits(**limits) if limits else None, tenant_limits=tenant))


async def test_a_refusal_says_which_limit_whose_and_when(gateway: Gateway, upstream: Upstream) -> None:
    limited(gateway, requests=2)
    answers = [await gateway.ask() for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    refused = answers[-1]
    assert refused.json()["error"] == {
        "type": "rate_limit_error",
        "message": "This key's limit of 2 requests a minute is reached. Try again in 30 s.",
    }
    assert refused.headers["retry-after"] == "30"
    assert refused.headers["x-should-retry"] == "true"
    assert upstream.asked == 2


async def test_who_obeys_retry_after_succeeds(gateway: Gateway, clock: Clock) -> None:
    limited(gateway, requests=7, input_tokens=500, output_tokens=100)
    for _ in range(100):
        answer = await gateway.ask()
        if answer.status == 429:
            clock.now += int(answer.headers["retry-after"])
            assert (await gateway.ask()).status == 200


async def test_the_tenants_limit_holds_over_all_its_keys_and_is_named(gateway: Gateway) -> None:
    first = build.caller(tenant_limits=RateLimits(requests=2), limits=RateLimits(requests=50))
    second = build.caller(tenant_id=first.tenant.id, tenant_limits=RateLimits(requests=2))
    gateway.admit(first)
    await gateway.ask()
    gateway.admit(second)
    assert (await gateway.ask()).status == 200
    refused = await gateway.ask()
    assert refused.status == 429
    assert "The tenant acme's limit of 2 requests a minute" in refused.json()["error"]["message"]


async def test_keys_have_buckets_of_their_own(gateway: Gateway) -> None:
    limited(gateway, requests=1)
    assert (await gateway.ask()).status == 200
    limited(gateway, requests=1)  # another key
    assert (await gateway.ask()).status == 200


async def test_every_reply_says_what_is_left_whatever_it_is(gateway: Gateway, upstream: Upstream) -> None:
    gateway.admit(build.caller(limits=RateLimits(requests=100, count_tokens=100), models=["claude-sonnet-*"]))
    counted = {key: value for key, value in build.HELLO.items() if key != "max_tokens"}
    answers = [
        await gateway.ask(),
        await gateway.ask({**build.HELLO, "stream": True}),
        await gateway.ask({**build.HELLO, "model": "claude-opus-5"}),
        await gateway.ask({**build.HELLO, "thread": {"type": "create"}}),
        await gateway.ask(headers=[(b"x-llmp-dry-run", b"true")]),
    ]
    upstream.status = 529
    answers.append(await gateway.ask())
    assert [answer.status for answer in answers] == [200, 200, 403, 400, 200, 529]
    left = [int(answer.headers["anthropic-ratelimit-requests-remaining"]) for answer in answers]
    assert left == [99, 98, 97, 96, 95, 94]
    upstream.status = 200
    answer = await gateway.ask(counted, path="/v1/messages/count_tokens")
    assert answer.headers["anthropic-ratelimit-requests-remaining"] == "99"  # of its own bucket


async def test_headers_tell_what_is_left_in_place_of_the_upstreams_own(gateway: Gateway) -> None:
    limited(gateway, requests=100, input_tokens=1000, tenant=RateLimits(requests=10))
    answer = await gateway.ask()
    shown = {name: value for name, value in answer.headers.items() if name.startswith("anthropic-ratelimit")}
    resets = [name for name in shown if name.endswith("-reset")]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", shown.pop(name)) for name in resets) and resets
    assert shown == {
        "anthropic-ratelimit-requests-limit": "10",
        "anthropic-ratelimit-requests-remaining": "9",
        "anthropic-ratelimit-input-tokens-limit": "1000",
        "anthropic-ratelimit-input-tokens-remaining": "990",
        "anthropic-ratelimit-tokens-limit": "1000",
        "anthropic-ratelimit-tokens-remaining": "990",
        "anthropic-ratelimit-output-tokens-limit": "7777",
    }


async def test_without_limits_nothing_is_said_and_the_upstreams_headers_stay(gateway: Gateway) -> None:
    limited(gateway)
    answer = await gateway.ask()
    assert answer.headers["anthropic-ratelimit-requests-limit"] == "9999"
    assert "anthropic-ratelimit-requests-remaining" not in answer.headers


async def test_tokens_read_from_a_cache_cost_no_limit(gateway: Gateway, upstream: Upstream) -> None:
    limited(gateway, input_tokens=11_000)
    upstream.usage = {"input_tokens": 10, "cache_creation_input_tokens": 90, "cache_read_input_tokens": 9900}
    answers = [await gateway.ask(LONG) for _ in range(10)]
    assert [answer.status for answer in answers] == [200] * 10
    assert answers[-1].headers["anthropic-ratelimit-input-tokens-remaining"] == "10000"


async def test_the_first_request_of_a_key_with_tiny_limits_passes(gateway: Gateway) -> None:
    limited(gateway, input_tokens=5, output_tokens=1)
    assert (await gateway.ask({**LONG, "max_tokens": 128_000})).status == 200


async def test_output_is_charged_as_it_was_used_and_may_be_owed(gateway: Gateway, upstream: Upstream) -> None:
    limited(gateway, output_tokens=600)
    upstream.usage = {"input_tokens": 1, "output_tokens": 1800}
    assert (await gateway.ask({**build.HELLO, "max_tokens": 4000})).status == 200
    refused = await gateway.ask({**build.HELLO, "max_tokens": 4000})
    assert refused.status == 429
    assert refused.headers["retry-after"] == "170"
    assert refused.headers["x-should-retry"] == "false"
    assert refused.headers["anthropic-ratelimit-output-tokens-remaining"] == "0"


async def test_a_stream_is_charged_for_what_it_used(gateway: Gateway, upstream: Upstream) -> None:
    limited(gateway, input_tokens=10_000, output_tokens=1000)
    upstream.usage = {"input_tokens": 40, "output_tokens": 700}
    streamed = await gateway.ask({**LONG, "max_tokens": 900, "stream": True})
    assert streamed.headers["anthropic-ratelimit-input-tokens-remaining"] == "9960"
    assert streamed.headers["anthropic-ratelimit-output-tokens-remaining"] == "500"
    upstream.usage = {"input_tokens": 1, "output_tokens": 5}
    after = await gateway.ask({**build.HELLO, "max_tokens": 1})
    assert after.headers["anthropic-ratelimit-output-tokens-remaining"] == "295"  # a whole answer's is known by then


async def test_a_failed_call_costs_a_request_and_no_tokens(gateway: Gateway, upstream: Upstream) -> None:
    limited(gateway, requests=10, input_tokens=10_000, output_tokens=1000)
    upstream.status = 529
    failed = await gateway.ask(LONG)
    assert failed.status == 529
    assert failed.headers["anthropic-ratelimit-requests-limit"] == "10"
    upstream.status = 200
    after = await gateway.ask()
    assert after.headers["anthropic-ratelimit-input-tokens-remaining"] == "9990"
    assert after.headers["anthropic-ratelimit-requests-remaining"] == "8"


async def test_calls_at_once_are_limited_and_leave_their_place_on_every_ending(
    gateway: Gateway, upstream: Upstream
) -> None:
    limited(gateway, concurrency=2)
    upstream.go.clear()
    under_way = [asyncio.create_task(gateway.ask()) for _ in range(2)]
    while upstream.asked < 2:  # noqa: ASYNC110 - the fake counts, it does not tell
        await asyncio.sleep(0)
    refused = await gateway.ask()
    assert refused.status == 429
    assert "This key's limit of 2 requests at once" in refused.json()["error"]["message"]
    assert refused.headers["retry-after"] == "2"
    under_way[0].cancel()
    await asyncio.gather(*under_way[:1], return_exceptions=True)
    upstream.go.set()
    assert (await under_way[1]).status == 200
    upstream.status = 500
    assert [(await gateway.ask()).status for _ in range(5)] == [500] * 5


async def test_counting_tokens_has_a_bucket_of_its_own(gateway: Gateway) -> None:
    limited(gateway, requests=1, count_tokens=3, input_tokens=1, concurrency=1)
    counted = {key: value for key, value in build.HELLO.items() if key != "max_tokens"}
    assert (await gateway.ask()).status == 200
    answers = [await gateway.ask(counted, path="/v1/messages/count_tokens") for _ in range(4)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429]
    assert "3 count_tokens requests a minute" in answers[-1].json()["error"]["message"]


async def test_a_refused_call_is_recorded_and_was_not_asked(gateway: Gateway, upstream: Upstream) -> None:
    limited(gateway, requests=1)
    await gateway.ask()
    await gateway.ask()
    record = gateway.records()[-1]
    assert (record["state"], record["status"], record["error_type"]) == ("refused", 429, "rate_limit_error")


async def test_a_dry_run_is_a_request_and_no_tokens(gateway: Gateway) -> None:
    limited(gateway, requests=10, input_tokens=1000)
    dry = await gateway.ask(headers=[(b"x-llmp-dry-run", b"true")])
    assert dry.headers["anthropic-ratelimit-requests-remaining"] == "9"
    after = await gateway.ask()
    assert after.headers["anthropic-ratelimit-input-tokens-remaining"] == "990"
