"""Who asks the same again gets the same answer without the upstream; who asks anything else never does."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from proxy.call import CacheRules
from tests.proxy import build
from tests.proxy.privacy.planted import MAIL, NAME, VALUES, FakeDetector, privacy
from tests.proxy.repeating import USAGE, RepeatingUpstream
from tests.proxy.running import Gateway, events, running

OTHER_NAME = "Priya Raghunathan"
KEEPING = CacheRules(secret=b"s")


@pytest.fixture
def upstream() -> RepeatingUpstream:
    return RepeatingUpstream()


@pytest.fixture
async def gateway(tmp_path: Path, upstream: RepeatingUpstream) -> AsyncIterator[Gateway]:
    async with running(tmp_path, transport=upstream, detector=FakeDetector({**VALUES, OTHER_NAME: "PERSON"})) as made:
        made.admit(build.caller(cache=KEEPING))
        yield made


def saying(text: str, **more: Any) -> dict[str, Any]:
    return {**build.HELLO, "messages": [{"role": "user", "content": text}], **more}


def text_of(raw: bytes) -> str:
    return "".join(
        data["delta"]["text"] for name, data in events(raw) if name == "content_block_delta" and "text" in data["delta"]
    )


async def test_the_second_time_the_upstream_is_not_asked(gateway: Gateway, upstream: RepeatingUpstream) -> None:
    first = await gateway.ask(saying("hello"))
    second = await gateway.ask(saying("hello", metadata={"user_id": "another"}))
    assert len(upstream.bodies) == 1
    assert second.body == first.body
    assert first.headers["x-llmp-cache"] == "miss"
    assert second.headers["x-llmp-cache"] == "hit"
    assert int(second.headers["x-llmp-cache-age"]) >= 0
    assert second.headers["x-llmp-cache-id"].startswith("ans_")


async def test_a_hit_costs_nothing_and_says_what_it_saved(gateway: Gateway) -> None:
    await gateway.ask(saying("hello"))
    hit = await gateway.ask(saying("hello"))
    asked, kept = gateway.records()
    assert asked["cost_nano_usd"] > 0
    assert (kept["input_tokens"], kept["output_tokens"], kept.get("cost_nano_usd", 0)) == (0, 0, 0)
    assert kept["state"] == "completed" and kept["model_served"] == "claude-sonnet-5-5"
    assert kept.get("upstream_id") is None, "a budget of requests counts what an upstream was asked"
    assert (asked["cache_state"], kept["cache_state"]) == ("miss", "hit")
    assert (asked["saved_nano_usd"], kept["saved_nano_usd"]) == (0, asked["cost_nano_usd"])
    assert float(hit.headers["x-llmp-cache-saved-usd"]) == asked["cost_nano_usd"] / 1e9
    assert not any(line["kind"] == "open" and line["id"] == kept["id"] for line in gateway.journal()[3:])


async def test_a_stream_answers_a_whole_question_and_a_whole_answer_a_stream(
    gateway: Gateway, upstream: RepeatingUpstream
) -> None:
    streamed = await gateway.ask(saying("one", stream=True))
    whole = await gateway.ask(saying("one"))
    assert whole.json()["content"] == [{"type": "text", "text": text_of(streamed.body)}]
    assert whole.json()["usage"] == USAGE
    whole = await gateway.ask(saying("two words"))
    streamed = await gateway.ask(saying("two words", stream=True))
    assert text_of(streamed.body) == "You said: two words"
    assert events(streamed.body)[-1][0] == "message_stop"
    assert streamed.headers["content-type"].startswith("text/event-stream")
    assert len(upstream.bodies) == 2


@pytest.mark.parametrize(
    "inbound",
    [
        {"headers": [(b"anthropic-beta", b"a-1")]},
        {"headers": [(b"x-llmp-cache", b"bypass")]},
        {"headers": [(b"x-llmp-cache", b"refresh")]},
        {"query": b"beta=true"},
    ],
    ids=["betas", "bypass", "refresh", "query"],
)
async def test_what_is_asked_differently_or_expressly_is_asked_anew(
    gateway: Gateway, upstream: RepeatingUpstream, inbound: dict[str, Any]
) -> None:
    await gateway.ask(saying("hello"))
    await gateway.ask(saying("hello"), **inbound)
    assert len(upstream.bodies) == 2


async def test_a_refreshed_answer_takes_the_place_of_the_old(gateway: Gateway) -> None:
    await gateway.ask(saying("hello"))
    fresh = await gateway.ask(saying("hello"), headers=[(b"x-llmp-cache", b"refresh")])
    assert fresh.headers["x-llmp-cache"] == "refresh"
    assert (await gateway.ask(saying("hello"))).json()["id"] == "msg_2"


async def test_a_bypass_is_not_kept(gateway: Gateway, upstream: RepeatingUpstream) -> None:
    bypassed = await gateway.ask(saying("hello"), headers=[(b"x-llmp-cache", b"bypass")])
    assert bypassed.headers["x-llmp-cache"] == "bypass"
    await gateway.ask(saying("hello"))
    assert len(upstream.bodies) == 2


async def test_who_wants_a_kept_answer_only_never_reaches_the_upstream(
    gateway: Gateway, upstream: RepeatingUpstream
) -> None:
    refused = await gateway.ask(saying("hello"), headers=[(b"x-llmp-cache", b"only")])
    assert (refused.status, refused.headers["x-should-retry"]) == (504, "false")
    assert upstream.bodies == []
    await gateway.ask(saying("hello"))
    kept = await gateway.ask(saying("hello"), headers=[(b"x-llmp-cache", b"only")])
    assert kept.headers["x-llmp-cache"] == "hit"


async def test_an_unknown_wish_is_refused_by_name(gateway: Gateway) -> None:
    refused = await gateway.ask(saying("hello"), headers=[(b"x-llmp-cache", b"never")])
    assert (refused.status, "x-llmp-cache" in refused.json()["error"]["message"]) == (400, True)


async def test_another_tenant_asks_for_itself(gateway: Gateway, upstream: RepeatingUpstream) -> None:
    await gateway.ask(saying("hello"))
    gateway.admit(build.caller(cache=KEEPING))
    await gateway.ask(saying("hello"))
    assert len(upstream.bodies) == 2


@pytest.mark.parametrize("change", ["refusal", "pause_turn", "status"])
async def test_what_is_no_complete_answer_is_not_kept(
    gateway: Gateway, upstream: RepeatingUpstream, change: str
) -> None:
    if change == "status":
        upstream.status = 500
    else:
        upstream.stop_reason = change
    await gateway.ask(saying("hello"))
    await gateway.ask(saying("hello"))
    assert len(upstream.bodies) == 2


async def test_a_tenant_that_keeps_nothing_hears_nothing_of_it(gateway: Gateway, upstream: RepeatingUpstream) -> None:
    gateway.admit(build.caller())
    for _ in range(2):
        assert "x-llmp-cache" not in (await gateway.ask(saying("hello"))).headers
    assert len(upstream.bodies) == 2


async def test_counting_tokens_is_never_kept(gateway: Gateway, upstream: RepeatingUpstream) -> None:
    for _ in range(2):
        await gateway.ask(saying("hello"), path="/v1/messages/count_tokens")
    assert len(upstream.bodies) == 2


async def test_two_who_ask_the_same_of_different_people_share_an_answer_each_with_his_own(
    gateway: Gateway, upstream: RepeatingUpstream
) -> None:
    gateway.admit(build.caller(cache=KEEPING, privacy=privacy(), tenant_id=uuid4()))
    first = await gateway.ask(saying(f"Write to {NAME}"))
    second = await gateway.ask(saying(f"Write to {OTHER_NAME}", stream=True))
    assert first.json()["content"][0]["text"] == f"You said: Write to {NAME}"
    assert text_of(second.body) == f"You said: Write to {OTHER_NAME}"
    assert len(upstream.bodies) == 1
    other = await gateway.ask(saying(f"Write to {MAIL}"))
    assert other.json()["content"][0]["text"] == f"You said: Write to {MAIL}"
    assert len(upstream.bodies) == 2, "an address is not a name: another question"


def _bytes_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("answers.sqlite3*"))


async def test_nobodys_values_are_in_the_store(gateway: Gateway, tmp_path: Path) -> None:
    gateway.admit(build.caller(cache=KEEPING, privacy=privacy()))
    await gateway.ask(saying(f"Write to {NAME} about the canary"))
    stored = await asyncio.to_thread(_bytes_of, tmp_path)
    assert b"claude-sonnet-5-5" in stored
    assert NAME.encode() not in stored and b"canary" not in stored


async def test_those_who_ask_at_once_are_one_call_where_the_tenant_wants_that(
    gateway: Gateway, upstream: RepeatingUpstream
) -> None:
    gateway.admit(build.caller(cache=CacheRules(secret=b"s", is_single_flight=True)))
    upstream.wait.clear()
    asking = [asyncio.create_task(gateway.ask(saying("hello", stream=place % 2 == 0))) for place in range(6)]
    await upstream.is_asked.wait()
    await asyncio.sleep(0.05)
    upstream.wait.set()
    answers = await asyncio.gather(*asking)
    assert len(upstream.bodies) == 1
    assert sorted(answer.headers["x-llmp-cache"] for answer in answers) == ["hit"] * 5 + ["miss"]


async def test_a_dry_run_says_what_the_cache_would_be_asked(gateway: Gateway, upstream: RepeatingUpstream) -> None:
    report = (await gateway.ask(saying("hello"), headers=[(b"x-llmp-dry-run", b"true")])).json()
    step = next(step for step in report["steps"] if step["step"] == "cache")
    assert step["parts"]["model"] == "claude-sonnet-5-5" and len(step["key"]) == 16
    tools = {"tools": [{"type": "web_search_20260209", "name": "web_search"}]}
    report = (await gateway.ask(saying("hello", **tools), headers=[(b"x-llmp-dry-run", b"true")])).json()
    step = next(step for step in report["steps"] if step["step"] == "cache")
    assert step["not_kept"] == "server tools"
    assert upstream.bodies == []


async def test_a_store_that_is_away_is_a_miss(gateway: Gateway, upstream: RepeatingUpstream, tmp_path: Path) -> None:
    (tmp_path / "answers.sqlite3").mkdir()
    for _ in range(2):
        assert (await gateway.ask(saying("hello"))).headers["x-llmp-cache"] == "miss"
    assert len(upstream.bodies) == 2


async def test_a_number_that_cannot_be_compared_is_not_kept(gateway: Gateway, upstream: RepeatingUpstream) -> None:
    body = saying("hello", tools=[{"name": "f", "input_schema": {"maximum": 2**70}}])
    for _ in range(2):
        assert "x-llmp-cache" not in (await gateway.ask(body)).headers
    assert len(upstream.bodies) == 2
