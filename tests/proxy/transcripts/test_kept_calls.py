"""What is kept of calls on the whole path: as judged, without what the tenant keeps back, on every ending."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.db import OperationalError

from proxy.call import TranscriptRules
from proxy.privacy.rules import Mode
from proxy.rules import compiling
from proxy.transcripts import keeper, sealing
from proxy.transcripts.keeper import Keeper, Taken
from proxy.transcripts.sealing import Said
from tenants.secrets import CannotDecrypt
from tests.proxy import build
from tests.proxy.privacy.planted import MAIL, NAME, FakeDetector, privacy
from tests.proxy.repeating import RepeatingUpstream
from tests.proxy.running import Gateway, running

MOMENT = datetime(2026, 11, 24, tzinfo=UTC)
KEY = bytes(range(32))
RULES = TranscriptRules(KEY)
POISON = {"name": "poison", "on": ["request"], "match": {"keywords": ["poison"]}, "action": "block"}
COVERED = {"name": "ids", "on": ["request"], "match": {"regex": r"CUST-\d{4}"}, "action": "redact"}
BOMB = {"name": "bomb", "on": ["response"], "match": {"keywords": ["bomb"]}, "action": "block"}


class Written:
    """Stands for the database."""

    def __init__(self) -> None:
        self.rows: list[Taken] = []

    async def run(self, _write: Callable[..., Any], batch: Sequence[Taken]) -> None:
        self.rows += batch

    @property
    def said(self) -> list[Said]:
        rows = [(keeper.row_of(one), one) for one in self.rows]
        return [sealing.opened(bytes(row.sealed), KEY, taken.tenant_id, row.pk) for row, taken in rows]


@asynccontextmanager
async def keeping(
    folder: Path, written: Written, *rules: dict[str, Any], detector: Any = None, **caller: Any
) -> AsyncIterator[tuple[Gateway, RepeatingUpstream]]:
    upstream, texts = RepeatingUpstream(), Keeper(written.run)
    texts.start()
    policy = compiling.compiled({}, {"rules": list(rules)})
    made = build.caller(**{"transcripts": RULES, "policy": policy, **caller})
    async with running(
        folder, caller=made, transport=upstream, transcripts=texts, detector=detector or FakeDetector()
    ) as gateway:
        yield gateway, upstream
        await texts.aclose()


def saying(text: str, **more: Any) -> dict[str, Any]:
    return {**build.HELLO, "messages": [{"role": "user", "content": text}], **more}


@pytest.mark.parametrize("stream", [False, True])
async def test_what_was_asked_and_answered_is_kept(tmp_path: Path, stream: bool) -> None:
    written, body = Written(), saying("hello there", stream=stream)
    async with keeping(tmp_path, written) as (gateway, _upstream):
        assert (await gateway.ask(body)).status == 200
    [said] = written.said
    assert orjson.loads(said.request) == body and said.is_whole
    assert said.answer is not None and "hello there" in str(said.answer["content"])


async def test_nothing_is_kept_of_others_and_of_what_is_only_counted_or_tried(tmp_path: Path) -> None:
    written = Written()
    async with keeping(tmp_path, written) as (gateway, _upstream):
        await gateway.ask(saying("dry"), headers=[(b"x-llmp-dry-run", b"true")])
        counted = {name: value for name, value in saying("counted").items() if name != "max_tokens"}
        await gateway.ask(counted, path="/v1/messages/count_tokens")
        gateway.admit(build.caller())
        await gateway.ask(saying("another tenant's"))
    assert written.rows == []


async def test_what_was_refused_and_covered_up_is_kept_as_it_was_judged(tmp_path: Path) -> None:
    written = Written()
    async with keeping(tmp_path, written, POISON, COVERED) as (gateway, upstream):
        assert (await gateway.ask(saying("which poison"))).status == 451
        assert (await gateway.ask(saying("who is CUST-1234"))).status == 200
    refused, covered = written.said
    assert b"which poison" in refused.request and refused.answer is None and not refused.is_whole
    assert b"CUST-1234" in covered.request and "CUST-1234" not in str(upstream.bodies)


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_that_was_blocked_is_kept_as_far_as_it_came(tmp_path: Path, stream: bool) -> None:
    written = Written()
    async with keeping(tmp_path, written, BOMB) as (gateway, _upstream):
        await gateway.ask(saying("a bomb goes here", stream=stream))
    [said] = written.said
    assert said.answer is not None and "bomb" in str(said.answer["content"])


@pytest.mark.parametrize("mode", [Mode.PSEUDONYMIZE, Mode.REDACT])
@pytest.mark.parametrize("stream", [False, True])
async def test_no_value_that_the_tenant_keeps_back_is_kept(tmp_path: Path, mode: Mode, stream: bool) -> None:
    written = Written()
    async with keeping(tmp_path, written, POISON, COVERED, privacy=privacy(mode=mode)) as (gateway, _upstream):
        for text in ("hello", "poison for", "CUST-1234 is"):
            await gateway.ask(saying(f"{text} {NAME}, {MAIL}", stream=stream))
    assert len(written.said) == 3
    for said in written.said:
        text = orjson.loads(said.request)["messages"][0]["content"]
        answer = said.answer["content"][0]["text"] if said.answer else ""
        assert NAME not in text + answer and MAIL not in text + answer
        assert "[PERSON" in text and set(said.types) == {"PERSON", "EMAIL_ADDRESS"}


async def test_what_may_not_leave_at_all_is_not_kept(tmp_path: Path) -> None:
    written = Written()
    async with keeping(tmp_path, written, privacy=privacy(mode=Mode.BLOCK)) as (gateway, _upstream):
        assert (await gateway.ask(saying(f"I am {NAME}"))).status == 451
        assert (await gateway.ask(saying("I am nobody"))).status == 200
    assert [b"nobody" in said.request for said in written.said] == [True]


async def test_what_nobody_searched_is_not_kept_though_it_was_sent(tmp_path: Path) -> None:
    written, unread, detector = Written(), privacy(on_failure="open"), FakeDetector()
    detector.is_late = True
    async with keeping(tmp_path, written, privacy=unread, detector=detector) as (gateway, _upstream):
        assert (await gateway.ask(saying(f"I am {NAME}"))).status == 200
    assert written.rows == []


async def test_where_the_database_is_slow_texts_are_dropped_and_counted_and_no_call_waits(tmp_path: Path) -> None:
    gate, written = asyncio.Event(), Written()

    async def run(write: Callable[..., Any], batch: Sequence[Taken]) -> None:
        await gate.wait()
        await written.run(write, batch)

    texts = Keeper(run, most_waiting=2000)
    texts.start()
    async with running(tmp_path, caller=build.caller(transcripts=RULES), transport=RepeatingUpstream()) as gateway:
        object.__setattr__(gateway.runtime, "transcripts", texts)
        for number in range(20):
            assert (await asyncio.wait_for(gateway.ask(saying(f"number {number}")), 10)).status == 200
        gate.set()
        await texts.aclose()
    assert 0 < len(written.rows) < 20 and texts.dropped == 20 - len(written.rows)


async def test_a_defect_with_one_text_does_not_end_the_keeping_of_others() -> None:
    async def fails() -> Said | None:
        raise RuntimeError("a defect")

    written = Written()
    texts = Keeper(written.run)
    texts.start()
    tenant_id = build.caller().tenant.id
    texts.offer(Taken("req_1", tenant_id, MOMENT, KEY, Said(b""), scrub=fails))
    texts.offer(Taken("req_2", tenant_id, MOMENT, KEY, Said(b"{}")))
    await texts.aclose()
    assert [one.request_id for one in written.rows] == ["req_2"] and texts.dropped == 1


async def test_a_database_that_is_away_costs_what_came_meanwhile_and_no_more() -> None:
    written, away = Written(), [OperationalError("away")]

    async def run(write: Callable[..., Any], batch: Sequence[Taken]) -> None:
        if away:
            raise away.pop()
        await written.run(write, batch)

    texts = Keeper(run)
    texts.start()
    for request_id in ("req_1", "req_2"):
        texts.offer(Taken(request_id, build.caller().tenant.id, MOMENT, KEY, Said(b"{}")))
        await asyncio.sleep(0.4)
    await texts.aclose()
    assert len(written.rows) + texts.dropped == 2 and texts.dropped >= 1


def test_a_text_opens_for_its_tenant_and_request_only() -> None:
    taken = Taken("req_1", build.caller().tenant.id, MOMENT, KEY, Said(b'{"a":1}'))
    sealed = bytes(keeper.row_of(taken).sealed)
    assert sealing.opened(sealed, KEY, taken.tenant_id, "req_1").request == b'{"a":1}'
    for key, tenant_id, request_id in (
        (KEY, taken.tenant_id, "req_2"),
        (KEY, build.caller().tenant.id, "req_1"),
        (bytes(32), taken.tenant_id, "req_1"),
    ):
        with pytest.raises(CannotDecrypt):
            sealing.opened(sealed, key, tenant_id, request_id)
    assert repr(KEY) not in repr(taken) and repr(KEY) not in repr(RULES)
