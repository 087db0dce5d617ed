"""What rounds cost and may cost, and what is kept of them: one record, one text, reserved before each is asked."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from proxy.call import Budget, Marking, RateLimits, TranscriptRules
from proxy.ledger.budgets.need import Growth, Need
from proxy.ledger.budgets.reserving import Reserved, Standing
from proxy.ledger.budgets.watching import Watcher
from tests.proxy import build
from tests.proxy.running import events
from tests.proxy.searching import Model, Reply, asking, said, searching, text, wants
from tests.proxy.test_directory import in_place

KEY = uuid4()
BUDGETS = [Budget(KEY, "tokens", "month", 100_000, True)]
both_ways = pytest.mark.parametrize("stream", [False, True])


class Accounts:
    """Gives what is asked for, and nothing from a certain reservation on."""

    def __init__(self, short_from: int = 99, output_tokens: int | None = None) -> None:
        self.watcher = Watcher(in_place)
        self.asked: list[Need | Growth] = []
        self._short_from = short_from
        self._output_tokens = output_tokens

    async def reserve(
        self, _call: str, budgets: Sequence[Budget], _zone: str, _at: datetime, need: Need | Growth, **_more: Any
    ) -> Reserved:
        self.asked.append(need)
        ends_at = datetime.now(UTC) + timedelta(hours=1)
        standings = [Standing(budget, 50_000, 0, ends_at) for budget in budgets]
        output = need.most_output if self._output_tokens is None else self._output_tokens
        return Reserved(output, standings, standings[0] if len(self.asked) >= self._short_from else None)


@both_ways
async def test_each_round_is_reserved_for_before_it_is_asked(tmp_path: Path, stream: bool) -> None:
    accounts = Accounts()
    model = Model([text("Hm."), wants("leave")], [text("Still."), wants("leave", id="t2")], [text("Done.")])
    async with searching(tmp_path, model, accounts=accounts, budgets=BUDGETS, key_id=KEY) as gateway:
        await gateway.ask(asking(stream=stream))
    first, second, third = accounts.asked
    assert isinstance(first, Need) and isinstance(second, Growth) and isinstance(third, Growth)
    assert second.held == first and third.held == second.after
    assert third.after.most_output == first.most_output == 1000
    assert third.after.input_tokens > second.after.input_tokens > 2 * first.input_tokens
    assert second.amount("requests", 0) == 0


@both_ways
async def test_a_budget_without_room_for_a_round_ends_the_call(tmp_path: Path, stream: bool) -> None:
    model = Model([text("Hm."), wants("leave")])
    accounts = Accounts(short_from=2)
    async with searching(tmp_path, model, accounts=accounts, budgets=BUDGETS, key_id=KEY) as gateway:
        answer = await gateway.ask(asking(stream=stream))
        [record] = gateway.records()
    assert len(model.bodies) == 1
    error = events(answer.body)[-1][1]["error"] if stream else answer.json()["error"]
    assert answer.status == (200 if stream else 429)
    assert error["type"] == "billing_error" and "left of its 100,000 tokens" in error["message"]
    assert (record["state"], record["input_tokens"], record["output_tokens"]) == ("failed", 100, 1)


@both_ways
async def test_a_lowered_output_is_what_all_rounds_share(tmp_path: Path, stream: bool) -> None:
    model = Model([text("Hm."), wants("leave")], [text("Done.")])
    accounts = Accounts(output_tokens=300)
    async with searching(tmp_path, model, accounts=accounts, budgets=BUDGETS, key_id=KEY) as gateway:
        answer = await gateway.ask(asking(stream=stream))
    assert answer.headers["x-llmp-max-tokens"] == "300"
    assert [body["max_tokens"] for body in model.bodies] == [300, 299]


async def test_a_budget_that_is_cut_ends_a_later_round_with_what_it_used_in_all(tmp_path: Path) -> None:
    accounts = Accounts()

    def second(_body: dict[str, Any]) -> Reply:
        [watch] = [one for one in accounts.watcher._watches if not one.is_over]  # or a round would count twice
        watch.ran_out = BUDGETS[0]
        return [text("This is not said to its end.")]

    model = Model([text("Hm."), wants("leave")], second)
    async with searching(tmp_path, model, accounts=accounts, budgets=BUDGETS, key_id=KEY) as gateway:
        made = said(await gateway.ask(asking(stream=True)))
        [record] = gateway.records()
    assert made["stop_reason"] == "max_tokens" and made["content"] == [text("Hm.")]
    assert (record["input_tokens"], record["stop_reason"]) == (300, "max_tokens")
    assert made["usage"]["output_tokens"] == record["output_tokens"] == 2


async def test_limits_count_the_tokens_of_all_rounds_and_one_request(tmp_path: Path) -> None:
    limits = RateLimits(requests=10, input_tokens=1_000_000, output_tokens=100_000, concurrency=1)
    model = Model([text("Hm."), wants("leave")], [text("Done.")])
    async with searching(tmp_path, model, limits=limits) as gateway:
        answer = await gateway.ask(asking())
        again = await gateway.ask(asking())
    assert answer.headers["anthropic-ratelimit-requests-remaining"] == "9"
    used = 1_000_000 - int(answer.headers["anthropic-ratelimit-input-tokens-remaining"])
    assert 300 <= used <= 301 and again.status == 200


async def test_a_journal_of_a_killed_process_knows_the_rounds_that_were_over(tmp_path: Path) -> None:
    waiting, reached = asyncio.Event(), asyncio.Event()

    class Stuck(Model):
        async def handle_async_request(self, request: Any) -> Any:
            if len(self.bodies) == 1:
                reached.set()
                await waiting.wait()
            return await super().handle_async_request(request)

    async with searching(tmp_path, Stuck([text("Hm."), wants("leave")], [text("Done.")])) as gateway:
        asked = asyncio.create_task(gateway.ask(asking()))
        await reached.wait()
        lines = gateway.journal()
        waiting.set()
        await asked
    assert [line["kind"] for line in lines] == ["open", "progress"]
    assert (lines[-1]["input_tokens"], lines[-1]["output_tokens"]) == (100, 1)


async def test_a_client_that_leaves_before_a_round_tells_anything_pays_for_its_prompt(tmp_path: Path) -> None:
    reached = asyncio.Event()

    class Stuck(Model):
        async def handle_async_request(self, request: Any) -> Any:
            if len(self.bodies) == 1:
                reached.set()
                await asyncio.Event().wait()
            return await super().handle_async_request(request)

    async with searching(tmp_path, Stuck([text("Hm."), wants("leave")])) as gateway:
        asked = asyncio.create_task(gateway.ask(asking()))
        await reached.wait()
        asked.cancel()
        await asyncio.wait([asked])
        [record] = gateway.records()
    assert (record["state"], record["is_usage_estimated"], record["output_tokens"]) == ("cancelled", True, 1)
    assert record["input_tokens"] > 150  # the first round's 100, and what the second has read


@both_ways
async def test_the_record_names_what_was_searched_and_what_the_answer_cites(tmp_path: Path, stream: bool) -> None:
    upstreams = [build.upstream(kind="simulator", base_url="http://simulator")]
    async with searching(tmp_path, Model(), upstreams=upstreams) as gateway:
        made = said(await gateway.ask(asking("How much leave?", stream=stream)))
        [record] = gateway.records()
    assert [block["text"] for block in made["content"]][0] == "Let me look that up."
    assert made["content"][-1]["text"] == "Thirty days of leave."
    steps = {step["step"]: step for step in record["trace"]}
    assert steps["cited"]["documents"] == {steps["search"]["passages"][0]["document"]: 1}


async def test_of_a_call_in_rounds_the_last_request_and_its_answer_are_kept(tmp_path: Path) -> None:
    kept: list[Any] = []

    class Keeper:
        def offer(self, taken: Any) -> None:
            kept.append(taken)

    model = Model([text("Hm."), wants("leave")], [text("Thirty days.")])
    rules = TranscriptRules(key=b"k" * 32)
    async with searching(tmp_path, model, transcripts=rules, keeper=Keeper()) as gateway:
        await gateway.ask(asking(stream=True))
    [taken] = kept
    messages = json.loads(taken.said.request)["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    assert b"".join(taken.stream).count(b"event: message_start") == 1 and b"msg_2" in b"".join(taken.stream)


@both_ways
async def test_what_a_round_sends_again_is_marked_for_the_upstream_to_keep(tmp_path: Path, stream: bool) -> None:
    long = "A rule that everybody keeps to, however long it takes. " * 400
    model = Model([text("Hm."), wants("leave")], [text("Done.")])
    async with searching(tmp_path, model, marking=Marking(b"s")) as gateway:
        await gateway.ask(asking(system=long, stream=stream))
    first, second = model.bodies
    assert "cache_control" not in str(first) and "cache_control" in str(second["system"])
    assert (second["max_tokens"], second["system"][0]["text"]) == (999, long)
