"""A policy holds alike for whole answers, streams and kept answers; what it forbids costs nothing and is recorded."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from proxy.call import CacheRules
from proxy.rules import compiling
from tests.proxy import build
from tests.proxy.repeating import RepeatingUpstream
from tests.proxy.running import Gateway, events, running

ASKED = {
    "name": "asked",
    "on": ["request"],
    "match": {"keywords": ["poison"]},
    "action": "block",
    "message": "No poison.",
}
ANSWERED = {
    "name": "answered",
    "on": ["response"],
    "match": {"keywords": ["bomb"]},
    "action": "block",
    "message": "No.",
}
QUIETLY = {**ANSWERED, "ending": "end_turn"}
COVERED = {"name": "ids", "on": ["response"], "match": {"regex": r"CUST-\d{4}", "longest": 9}, "action": "redact"}


@pytest.fixture
def upstream() -> RepeatingUpstream:
    return RepeatingUpstream()


@pytest.fixture
async def gateway(tmp_path: Path, upstream: RepeatingUpstream) -> AsyncIterator[Gateway]:
    async with running(tmp_path, transport=upstream) as made:
        yield made


def by(*rules: dict[str, Any], **more: Any) -> Any:
    return build.caller(policy=compiling.compiled({}, {"rules": list(rules)}), **more)


def saying(text: str, **more: Any) -> dict[str, Any]:
    return {**build.HELLO, "messages": [{"role": "user", "content": text}], **more}


def text_of(raw: bytes) -> str:
    return "".join(data["delta"].get("text", "") for name, data in events(raw) if name == "content_block_delta")


@pytest.mark.parametrize("stream", [False, True])
async def test_what_may_not_be_asked_never_leaves_and_is_not_asked_again(
    gateway: Gateway, upstream: RepeatingUpstream, stream: bool
) -> None:
    gateway.admit(by(ASKED))
    refused = await gateway.ask(saying("Which poison?", stream=stream))
    assert (refused.status, refused.json()["error"]["message"]) == (451, "No poison.")
    assert (refused.headers["x-should-retry"], refused.headers["x-llmp-policy-rule"]) == ("false", "asked")
    assert upstream.bodies == []
    (record,) = gateway.records()
    assert (record["state"], record["status"], record.get("cost_nano_usd", 0)) == ("refused", 451, 0)


async def test_a_forbidden_answer_becomes_a_refusal_or_an_error_event(gateway: Gateway) -> None:
    gateway.admit(by(ANSWERED))
    refused = await gateway.ask(saying("Say: it was a bomb, they said"))
    assert (refused.status, refused.json()["error"]["message"]) == (451, "No.")
    streamed = await gateway.ask(saying(f"Say: {'it was long ago, ' * 5} and it was a bomb, they said", stream=True))
    assert "long ago" in text_of(streamed.body)
    assert events(streamed.body)[-1][0] == "error"
    assert b"bomb" not in streamed.body
    assert [record["state"] for record in gateway.records()] == ["failed", "failed"]


@pytest.mark.parametrize("stream", [False, True])
async def test_it_ends_as_a_turn_of_its_own_where_the_rule_wants_that(gateway: Gateway, stream: bool) -> None:
    gateway.admit(by(QUIETLY))
    answer = await gateway.ask(saying("Say: it was a bomb, they said", stream=stream))
    assert answer.status == 200 and b"bomb" not in answer.body
    if stream:
        assert text_of(answer.body).endswith("No.")
        assert events(answer.body)[-1][0] == "message_stop"
    else:
        assert answer.json()["content"] == [{"type": "text", "text": "No."}]
    (record,) = gateway.records()
    assert record["output_tokens"] > 0, "what the upstream said was paid for"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_kept_answer_has_passed_the_rules_of_today(gateway: Gateway, stream: bool) -> None:
    tenant, keeping = by().tenant.id, CacheRules(secret=b"s")
    home = build.upstream()
    gateway.admit(by(cache=keeping, tenant_id=tenant, upstreams=[home]))
    await gateway.ask(saying("It concerns CUST-1234."))
    gateway.admit(by(COVERED, cache=keeping, tenant_id=tenant, upstreams=[home]))
    for state in ("miss", "hit"):
        kept = await gateway.ask(saying("It concerns CUST-1234.", stream=stream))
        assert kept.headers["x-llmp-cache"] == state
        assert b"CUST-1234" not in kept.body and b"REDACTED" in kept.body


async def test_the_dry_run_and_the_record_say_which_rules_fitted(gateway: Gateway) -> None:
    gateway.admit(by({**ASKED, "action": "flag"}, COVERED))
    report = (await gateway.ask(saying("poison"), headers=[(b"x-llmp-dry-run", b"true")])).json()
    step = next(step for step in report["steps"] if step["step"] == "policy")
    assert [fit["rule"] for fit in step["rules"]] == ["asked"]
    answer = await gateway.ask(saying("poison for CUST-1234"))
    assert answer.headers["x-llmp-policy"] == "asked"
    trace = gateway.records()[-1]["trace"]
    assert {"policy", "policy_answer"} <= {step["step"] for step in trace}
    assert "poison" not in str(trace)
