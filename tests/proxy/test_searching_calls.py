"""The model searches documents by itself, and its client sees one answer: whole or streamed, through every step."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from proxy.call import CacheRules, Wanted
from proxy.rules import compiling
from proxy.steps import search
from tests.proxy import build
from tests.proxy.knowledge.shelves import FakeShelf, passage, usable
from tests.proxy.privacy.planted import MAIL, NAME, privacy
from tests.proxy.running import Answered, events
from tests.proxy.searching import (
    SEARCHED,
    THINKING,
    Model,
    Reply,
    asking,
    message,
    said,
    searching,
    streamed,
    text,
    wants,
)

both_ways = pytest.mark.parametrize("stream", [False, True])


@both_ways
async def test_one_answer_of_two_rounds(tmp_path: Path, stream: bool) -> None:
    model = Model([THINKING, text("Let me look."), wants("days of leave")], [text("Thirty days.")])
    async with searching(tmp_path, model) as gateway:
        answer = await gateway.ask(asking(stream=stream))
        [record] = gateway.records()
    made = said(answer)
    assert made["content"] == [THINKING, text("Let me look."), text("Thirty days.")]
    assert (made["id"], made["stop_reason"]) == ("msg_1", "end_turn")
    assert made["usage"] == {"input_tokens": 300, "cache_read_input_tokens": 14, "output_tokens": 3}
    assert "search_documents" not in answer.body.decode()
    assert (answer.headers["x-llmp-rag"], answer.headers["x-llmp-rag-tool"]) == ("handbook", "search_documents")
    assert (record["input_tokens"], record["cache_read_tokens"], record["output_tokens"]) == (300, 14, 3)
    assert (record["state"], record["is_usage_estimated"], record["stop_reason"]) == ("completed", False, "end_turn")
    assert [step["number"] for step in record["trace"] if step["step"] == "round"] == [2]
    [step] = [step for step in record["trace"] if step["step"] == "search"]
    assert step["passages"][0]["source"] == "handbook/rules.pdf#page=12"


@both_ways
async def test_the_next_round_holds_what_was_said_and_found(tmp_path: Path, stream: bool) -> None:
    model = Model([THINKING, text(""), wants("days of leave")], [text("Thirty days.")])
    async with searching(tmp_path, model) as gateway:
        await gateway.ask(asking(stream=stream))
    first, second = model.bodies
    [tool] = first["tools"]
    assert tool["name"] == "search_documents" and tool["input_schema"]["required"] == ["query"]
    assert second["messages"][:1] == first["messages"]
    assistant, user = second["messages"][1:]
    assert assistant == {"role": "assistant", "content": [THINKING, wants("days of leave")]}
    [result] = user["content"]
    assert (result["type"], result["tool_use_id"], "is_error" in result) == ("tool_result", "toolu_1", False)
    [found] = result["content"]
    assert found["type"] == "search_result" and found["citations"] == {"enabled": True}
    assert found["content"] == [text("Thirty days of leave.")]
    assert second["max_tokens"] == 999  # what the first round wrote is not there any more
    assert {**second, "messages": 0, "max_tokens": 0} == {**first, "messages": 0, "max_tokens": 0}


async def test_an_answer_without_a_search_is_the_upstreams_own(tmp_path: Path) -> None:
    model = Model([text("Hello!")])
    async with searching(tmp_path, model) as gateway:
        answer = await gateway.ask(asking())
        stream = await gateway.ask(asking(stream=True))
    assert answer.json() == message([text("Hello!")], 1)
    assert stream.body == b"".join([piece async for piece in streamed([text("Hello!")], 2).aiter_raw()])


@both_ways
async def test_what_is_said_before_a_search_is_not_held_back(tmp_path: Path, stream: bool) -> None:
    seen: list[bytes] = []

    def second(_body: dict[str, Any]) -> Reply:
        before.append(b"".join(seen))
        return [text("Done.")]

    before: list[bytes] = []
    async with searching(tmp_path, Model([text("Let me look."), wants("leave")], second)) as gateway:
        reply = await gateway.reply(asking(stream=stream))
        if not isinstance(reply.body, bytes):
            async for piece in reply.body:
                seen.append(piece)
    assert (b'"text":"."' in before[0].replace(b" ", b"")) is stream


@both_ways
async def test_what_placeholders_stand_for_is_searched_and_passages_are_scrubbed(tmp_path: Path, stream: bool) -> None:
    def echoed(body: dict[str, Any]) -> Reply:
        return [text("Searching."), wants(body["messages"][0]["content"])]

    def answering(body: dict[str, Any]) -> Reply:
        return [text(body["messages"][-1]["content"][0]["content"][0]["content"][0]["text"])]

    shelf = FakeShelf({NAME.split()[0].lower(): [passage(f"{NAME} answers at {MAIL}.")]})
    async with searching(tmp_path, Model(echoed, answering), shelf, privacy=privacy()) as gateway:
        answer = await gateway.ask(asking(NAME, stream=stream))
    model: Any = gateway.runtime.pool.transports["anthropic"]
    assert [question for _tenant, _wanted, question in shelf.asked] == [NAME]
    assert len(model.bodies) == 2 and NAME not in str(model.bodies) and MAIL not in str(model.bodies)
    assert said(answer)["content"][-1]["text"] == f"{NAME} answers at {MAIL}."


@both_ways
async def test_rules_judge_what_was_found(tmp_path: Path, stream: bool) -> None:
    rule = {"name": "ids", "on": ["request"], "match": {"keywords": ["nightingale"]}, "action": "block"}
    policy = compiling.compiled({}, {"rules": [{**rule, "message": "No."}]})
    model = Model([text("Hm."), wants("leave")], [text("Never asked for.")])
    shelf = FakeShelf({"leave": [passage("Project Nightingale begins.")]})
    async with searching(tmp_path, model, shelf, policy=policy) as gateway:
        answer = await gateway.ask(asking(stream=stream))
        [record] = gateway.records()
    assert len(model.bodies) == 1
    assert_refused(answer, stream, 451, "No.")
    assert (record["state"], record["input_tokens"], record["output_tokens"]) == ("failed", 100, 1)
    assert record["is_usage_estimated"] is False


def assert_refused(answer: Answered, stream: bool, status: int, words: str) -> None:
    if not stream:
        assert answer.status == status and words in answer.json()["error"]["message"]
        return
    *_before, (name, payload) = events(answer.body)
    assert (answer.status, name) == (200, "error") and words in payload["error"]["message"]


@both_ways
async def test_an_upstream_that_fails_in_a_later_round_is_told(tmp_path: Path, stream: bool) -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    model = Model([text("Hm."), wants("leave")], httpx.Response(529, json=error))
    async with searching(tmp_path, model) as gateway:
        answer = await gateway.ask(asking(stream=stream))
        [record] = gateway.records()
    assert_refused(answer, stream, 529, "Overloaded")
    assert (record["state"], record["error_type"], record["output_tokens"]) == ("failed", "overloaded_error", 1)


@both_ways
@pytest.mark.parametrize("required", [False, True])
async def test_a_search_that_fails_is_told_to_whom_it_can_be(tmp_path: Path, stream: bool, required: bool) -> None:
    model = Model([text("Hm."), wants("leave")], [text("I cannot look.")])
    passages = usable(SEARCHED, handbook=required)
    async with searching(tmp_path, model, FakeShelf(is_down=True), passages=passages) as gateway:
        answer = await gateway.ask(asking(stream=stream))
    if required and not stream:
        assert_refused(answer, False, 503, "The documents cannot be searched now: the store rests")
        return
    [result] = model.bodies[1]["messages"][-1]["content"]
    assert result["is_error"] is True and result["content"] == "The documents cannot be searched now."
    assert said(answer)["content"] == [text("Hm."), text("I cannot look.")]


@both_ways
async def test_rounds_have_an_end(tmp_path: Path, stream: bool) -> None:
    model = Model([text("Again."), wants("leave")])
    async with searching(tmp_path, model) as gateway:
        made = said(await gateway.ask(asking(stream=stream)))
    assert len(model.bodies) == search.MOST_ROUNDS
    assert [body.get("tool_choice") for body in model.bodies] == [None] * 5 + [{"type": "none"}]
    assert made["content"] == [text("Again.")] * search.MOST_ROUNDS and made["stop_reason"] == "end_turn"
    results = [body["messages"][-1]["content"][0]["content"] for body in model.bodies[2:]]
    assert set(results) == {"Nothing was found but what you were given before."}


@both_ways
async def test_rounds_write_no_more_together_than_the_client_wants(tmp_path: Path, stream: bool) -> None:
    model = Model([text("Hm."), wants("leave")])
    async with searching(tmp_path, model) as gateway:
        made = said(await gateway.ask(asking(stream=stream, max_tokens=3)))
    assert [body["max_tokens"] for body in model.bodies] == [3, 2]  # the first wrote one token, the second two
    assert made["stop_reason"] == "max_tokens" and made["content"] == [text("Hm.")] * 2


async def test_no_more_is_searched_at_once_than_there_is_patience_for(tmp_path: Path) -> None:
    asked = [wants("leave", id=f"t{number}") for number in range(search.MOST_AT_ONCE + 2)]
    model = Model(asked, [text("Done.")])
    shelf = FakeShelf()
    async with searching(tmp_path, model, shelf) as gateway:
        await gateway.ask(asking())
    results = model.bodies[1]["messages"][-1]["content"]
    assert [one["tool_use_id"] for one in results] == [one["id"] for one in asked]
    assert [one.get("is_error", False) for one in results] == [False] * search.MOST_AT_ONCE + [True] * 2
    assert len(shelf.asked) == search.MOST_AT_ONCE


@both_ways
async def test_every_call_of_a_round_is_answered(tmp_path: Path, stream: bool) -> None:
    asked = [
        wants("leave"),
        wants("", id="t2"),
        wants("x", name="bash", id="t3"),
        wants("x", id="t4", collections=["pay"]),
    ]
    model = Model(asked, [text("Done.")])
    async with searching(tmp_path, model) as gateway:
        made = said(await gateway.ask(asking(stream=stream)))
    results = model.bodies[1]["messages"][-1]["content"]
    assert [one["tool_use_id"] for one in results] == ["toolu_1", "t2", "t3", "t4"]
    assert [one["content"] for one in results[1:]] == [
        "query: give a text to look for.",
        "There is no tool of this name. You have search_documents.",
        "collections: there is no 'pay'. There are handbook.",
    ]
    assert made["content"] == [text("Done.")]


@pytest.mark.parametrize(
    "own",
    [
        {"tools": [{"name": "bash", "input_schema": {"type": "object"}}]},
        {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
        {"mcp_servers": [{"type": "url", "url": "https://mcp.test", "name": "x"}]},
        {"tool_choice": {"type": "none"}},
        {"messages": [{"role": "user", "content": "leave"}, {"role": "assistant", "content": "It is"}]},
    ],
)
async def test_clients_with_tools_of_their_own_are_given_passages(tmp_path: Path, own: dict[str, Any]) -> None:
    model = Model([text("Done.")])
    async with searching(tmp_path, model) as gateway:
        answer = await gateway.ask({**asking("How much leave?"), **own})
    assert model.bodies[0].get("tools") == own.get("tools")
    assert "x-llmp-rag-tool" not in answer.headers
    if own.keys() != {"messages"}:
        assert "Thirty days of leave." in str(model.bodies[0]["messages"])


async def test_a_request_may_want_the_tool_or_none(tmp_path: Path) -> None:
    model = Model([text("Done.")])
    async with searching(tmp_path, model, passages=usable(Wanted(collections=("handbook",)))) as gateway:
        await gateway.ask(asking("How much leave?"))
        await gateway.ask(asking("How much leave?"), headers=[(b"x-llmp-rag", b"handbook,tool=on")])
        report = await gateway.ask(
            asking("How much leave?"), headers=[(b"x-llmp-rag", b"tool=on"), (b"x-llmp-dry-run", b"true")]
        )
        refused = await gateway.ask(asking(), headers=[(b"x-llmp-rag", b"tool=perhaps")])
    assert ["tools" in body for body in model.bodies] == [False, True]
    assert model.bodies[1]["messages"] == asking("How much leave?")["messages"]
    assert report.json()["would_send"]["body"]["tools"][0]["name"] == "search_documents"
    assert "search_offered" in [step["step"] for step in report.json()["steps"]]
    assert refused.status == 400


async def test_counting_counts_what_the_client_sends_unless_it_asks(tmp_path: Path) -> None:
    model = Model(lambda _body: httpx.Response(200, json={"input_tokens": 5}))
    body = {name: value for name, value in asking().items() if name != "max_tokens"}
    async with searching(tmp_path, model) as gateway:
        await gateway.ask(body, path="/v1/messages/count_tokens")
        counted = await gateway.ask(body, path="/v1/messages/count_tokens", headers=[(b"x-llmp-rag", b"tool=on")])
    assert ["tools" in body for body in model.bodies] == [False, True]
    assert counted.json() == {"input_tokens": 5}


@both_ways
async def test_answers_are_kept_unless_documents_were_searched_for_them(tmp_path: Path, stream: bool) -> None:
    model = Model([text("Hello.")], [text("Hm."), wants("leave")], [text("Thirty.")])
    async with searching(tmp_path, model, cache=CacheRules(secret=b"s", keeps_tool_results=True)) as gateway:
        first, again = [await gateway.ask(asking("Hi", stream=stream)) for _ in range(2)]
        searched = [await gateway.ask(asking("Days?", stream=stream)) for _ in range(2)]
    assert [one.headers["x-llmp-cache"] for one in (first, again, *searched)] == ["miss", "hit", "miss", "miss"]
    assert said(again)["content"] == [text("Hello.")]


async def test_pings_are_sent_while_documents_are_searched(tmp_path: Path) -> None:
    class SlowShelf(FakeShelf):
        async def find(self, *asked: Any) -> Any:
            await asyncio.sleep(0.2)
            return await super().find(*asked)

    shelf = SlowShelf({"leave": [passage("Thirty days.")]})
    async with searching(tmp_path, Model([wants("leave")], [text("Done.")]), shelf, ping_seconds=0.05) as gateway:
        answer = await gateway.ask(asking(stream=True))
    names = [name for name, _payload in events(answer.body)]
    assert names.count("ping") >= 3  # the first one is the upstream's
    assert said(answer)["content"] == [text("Done.")]


async def test_a_client_that_leaves_during_a_search_is_charged_for_what_was_read(tmp_path: Path) -> None:
    started = asyncio.Event()

    class EndlessShelf(FakeShelf):
        async def find(self, *_asked: Any) -> Any:
            started.set()
            await asyncio.Event().wait()

    async with searching(tmp_path, Model([text("Hm."), wants("leave")]), EndlessShelf(), ping_seconds=0.05) as gateway:
        reply = await gateway.reply(asking(stream=True))
        assert not isinstance(reply.body, bytes)
        async for _piece in reply.body:
            if started.is_set():
                break
        await reply.body.aclose()
        [record] = gateway.records()
    assert (record["state"], record["input_tokens"], record["output_tokens"]) == ("cancelled", 100, 1)


@both_ways
async def test_the_place_at_the_upstream_is_free_before_it_is_asked_again(tmp_path: Path, stream: bool) -> None:
    model = Model([wants("leave")], [text("Done.")])
    async with searching(tmp_path, model, upstreams=[build.upstream(max_connections=1)]) as gateway:
        made = said(await gateway.ask(asking(stream=stream)))
    assert made["content"] == [text("Done.")]
