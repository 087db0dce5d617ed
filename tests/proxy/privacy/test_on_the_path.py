"""Privacy on the path of a call: every door, every answer, and what its record holds."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from proxy.privacy.rules import Mode
from tests.proxy import build
from tests.proxy.privacy.planted import CARD, MAIL, NAME, SECRET, VALUES, FakeDetector, privacy
from tests.proxy.privacy.test_round_trip import Echo, Pieces
from tests.proxy.running import Gateway, events, running

BODY = {**build.HELLO, "messages": [{"role": "user", "content": f"{NAME}, {MAIL}, {CARD}, {SECRET}"}]}


class Fixed(httpx.AsyncBaseTransport):
    """An upstream with one answer to everything."""

    def __init__(self, status: int, body: Any) -> None:
        self._status, self._raw = status, json.dumps(body).encode()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        headers = {"content-type": "application/json"}
        return httpx.Response(self._status, headers=headers, stream=Pieces(self._raw, []))


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    upstream = Echo([7, 30])
    caller = build.caller(privacy=privacy())
    async with running(tmp_path, caller=caller, transport=upstream, detector=FakeDetector()) as made:
        made.upstream = upstream  # type: ignore[attr-defined]
        yield made


def recorded(gateway: Gateway, name: str) -> list[dict[str, Any]]:
    [record] = gateway.records()
    return [step for step in record["trace"] if step["step"] == name]


@pytest.mark.parametrize("is_streaming", [True, False])
async def test_the_reply_and_the_record_tell_types_and_counts_and_no_value(
    gateway: Gateway, is_streaming: bool
) -> None:
    answer = await gateway.ask({**BODY, "stream": is_streaming})
    assert answer.headers["x-llmp-pii"] == "CREDIT_CARD=1, EMAIL_ADDRESS=1, PERSON=1, SECRET=1"
    [found], [restored] = recorded(gateway, "pii"), recorded(gateway, "restore")
    assert found["found"]["PERSON"]["places"] == {"user": 1}
    assert (restored["exact"], restored["kept"]) == (3, 1)
    kept = json.dumps(gateway.journal(), ensure_ascii=False)
    assert [value for value in VALUES if value in kept or json.dumps(value)[1:-1] in kept] == []


async def test_tokens_are_counted_of_what_would_be_sent(gateway: Gateway) -> None:
    counted = {name: value for name, value in BODY.items() if name != "max_tokens"}
    answer = await gateway.ask(counted, path="/v1/messages/count_tokens")
    assert answer.status == 200 and "PERSON=1" in answer.headers["x-llmp-pii"]
    assert NAME.encode() not in gateway.upstream.bodies[0]  # type: ignore[attr-defined]
    assert recorded(gateway, "pii_output") == []


async def test_a_dry_run_shows_what_would_be_sent(gateway: Gateway) -> None:
    answer = await gateway.ask(BODY, headers=[(b"x-llmp-dry-run", b"true")])
    report = answer.json()
    assert report["would_send"]["body"]["messages"][0]["content"].startswith("[PERSON_")
    assert report["would_send"]["is_unchanged"] is False
    assert [step["found"]["SECRET"]["count"] for step in report["steps"] if step["step"] == "pii"] == [1]
    assert "PERSON=1" in answer.headers["x-llmp-pii"]


async def test_a_refusal_reaches_no_upstream_and_is_recorded_as_one(gateway: Gateway) -> None:
    gateway.admit(build.caller(privacy=privacy(modes={"CREDIT_CARD": Mode.BLOCK})))
    answer = await gateway.ask(BODY)
    assert (answer.status, answer.headers["x-should-retry"]) == (451, "false")
    assert answer.json()["error"]["details"]["found"] == [{"type": "CREDIT_CARD", "count": 1, "places": {"user": 1}}]
    assert gateway.upstream.bodies == []  # type: ignore[attr-defined]
    [record] = gateway.records()
    assert (record["state"], record["status"]) == ("refused", 451)
    assert recorded(gateway, "pii")[0]["found"]["CREDIT_CARD"]["mode"] == "block"


async def test_what_the_model_writes_by_itself_is_counted(tmp_path: Path) -> None:
    said = {"type": "message", "content": [{"type": "text", "text": f"Ask {NAME}."}], "usage": {"output_tokens": 1}}
    caller = build.caller(privacy=privacy(output_default_mode=Mode.MONITOR))
    async with running(tmp_path, caller=caller, transport=Fixed(200, said), detector=FakeDetector()) as gateway:
        answer = await gateway.ask(build.HELLO)
        assert answer.json() == said
        assert recorded(gateway, "pii_output")[0]["found"]["PERSON"]["places"] == {"answer": 1}


async def test_what_the_model_may_not_write_ends_a_stream_with_an_error(tmp_path: Path) -> None:
    caller = build.caller(privacy=privacy(Mode.OFF, output_default_mode=Mode.BLOCK))
    async with running(tmp_path, caller=caller, transport=Echo([200] * 9), detector=FakeDetector()) as gateway:
        answer = await gateway.ask({**BODY, "stream": True})
        assert events(answer.body)[-1][0] == "error"
        assert NAME.encode() not in answer.body and NAME not in answer.body.decode()
        assert (await gateway.ask(BODY)).status == 451


async def test_an_upstreams_error_passes_as_it_came(tmp_path: Path) -> None:
    error = {"type": "error", "error": {"type": "invalid_request_error", "message": "[PERSON_ABCDEFGH] is wrong"}}
    caller = build.caller(privacy=privacy(output_default_mode=Mode.MONITOR))
    async with running(tmp_path, caller=caller, transport=Fixed(400, error), detector=FakeDetector()) as gateway:
        answer = await gateway.ask(BODY)
        assert (answer.status, answer.json()) == (400, error)
