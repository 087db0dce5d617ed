"""Passages on the whole path: judged, scrubbed, kept apart in the cache, told in headers, dry runs and records."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from proxy.call import CacheRules, Caller
from proxy.rules import compiling
from tests.proxy import build
from tests.proxy.knowledge.shelves import FakeShelf, passage, usable
from tests.proxy.privacy.planted import MAIL, NAME, FakeDetector, privacy
from tests.proxy.repeating import RepeatingUpstream
from tests.proxy.running import Gateway, events, running

RULE = {"name": "ids", "on": ["request"], "match": {"keywords": ["nightingale"]}, "action": "block", "message": "No."}


@asynccontextmanager
async def informed(folder: Path, text: str, **caller: Any) -> AsyncIterator[tuple[Gateway, RepeatingUpstream]]:
    upstream, shelf = RepeatingUpstream(), FakeShelf({"leave": [passage(text)]})
    made: Caller = build.caller(passages=usable(), **caller)
    async with running(folder, caller=made, transport=upstream, shelf=shelf, detector=FakeDetector()) as gateway:
        yield gateway, upstream


def asking(text: str, **more: Any) -> dict[str, Any]:
    return {**build.HELLO, "messages": [{"role": "user", "content": text}], **more}


@pytest.mark.parametrize("stream", [False, True])
async def test_personal_data_in_passages_does_not_leave_and_comes_back(tmp_path: Path, stream: bool) -> None:
    async with informed(tmp_path, f"{NAME} answers at {MAIL}.", privacy=privacy()) as (gateway, upstream):
        answer = await gateway.ask(asking("Who knows about leave?", stream=stream))
    [sent] = upstream.bodies
    result = sent["messages"][0]["content"][1]
    assert result["type"] == "search_result" and result["content"][0]["text"].startswith("[PERSON_")
    assert NAME not in str(sent) and MAIL not in str(sent)
    said = answer.body.decode()
    if stream:
        said = "".join(one["delta"].get("text", "") for name, one in events(answer.body) if name.endswith("_delta"))
    assert NAME in said or NAME in answer.json()["content"][0]["text"]
    assert answer.headers["x-llmp-pii"] == "EMAIL_ADDRESS=1, PERSON=1"


async def test_rules_judge_passages(tmp_path: Path) -> None:
    policy = compiling.compiled({}, {"rules": [RULE]})
    async with informed(tmp_path, "Project Nightingale begins.", policy=policy) as (gateway, upstream):
        refused = await gateway.ask(asking("Who knows about leave?"))
        allowed = await gateway.ask(asking("Who knows about leave?"), headers=[(b"x-llmp-rag", b"off")])
    assert (refused.status, allowed.status, len(upstream.bodies)) == (451, 200, 1)
    assert upstream.bodies[0] == asking("Who knows about leave?")


async def test_answers_from_other_passages_are_not_given_again(tmp_path: Path) -> None:
    async with informed(tmp_path, "Thirty days.", cache=CacheRules(secret=b"s")) as (gateway, upstream):
        shelf: Any = gateway.runtime.shelf
        states = [(await gateway.ask(asking("How much leave?"))).headers["x-llmp-cache"] for _ in range(2)]
        shelf.answers = {"leave": [passage("Forty days.")]}
        states.append((await gateway.ask(asking("How much leave?"))).headers["x-llmp-cache"])
    assert states == ["miss", "hit", "miss"]
    assert "Forty" in str(upstream.bodies[-1])


async def test_reply_dry_run_and_record_say_what_was_found(tmp_path: Path) -> None:
    async with informed(tmp_path, "Thirty days.") as (gateway, upstream):
        report = await gateway.ask(asking("How much leave?"), headers=[(b"x-llmp-dry-run", b"true")])
        answer = await gateway.ask(asking("How much leave?"))
        records = gateway.records()
    assert report.headers["x-llmp-rag-passages"] == answer.headers["x-llmp-rag-passages"] == "1"
    assert "Thirty days." in str(report.json()["would_send"]["body"]) and len(upstream.bodies) == 1
    [found] = [step for step in report.json()["steps"] if step["step"] == "rag"]
    assert found["passages"][0]["source"] == "handbook/rules.pdf#page=12"
    for record in records:
        [step] = [step for step in record["trace"] if step["step"] == "rag"]
        assert step["passages"] == found["passages"]
        assert "Thirty days" not in str(record)
    assert "rag;dur=" in answer.headers["server-timing"]


@pytest.mark.parametrize("header", [b"payroll", b"handbook,top_k=x"])
async def test_a_wrong_header_is_refused_by_its_name(tmp_path: Path, header: bytes) -> None:
    async with informed(tmp_path, "Thirty days.") as (gateway, upstream):
        refused = await gateway.ask(asking("How much leave?"), headers=[(b"x-llmp-rag", header)])
    assert (refused.status, upstream.bodies) == (400, [])
    assert refused.json()["error"]["message"].startswith("x-llmp-rag: ")


@pytest.mark.parametrize("stream", [False, True])
async def test_the_record_names_the_documents_that_the_answer_cites(tmp_path: Path, stream: bool) -> None:
    shelf = FakeShelf({"leave": [passage("Thirty days.")]})
    caller = build.caller(passages=usable(), upstreams=[build.upstream(kind="simulator", base_url="http://simulator")])
    async with running(tmp_path, caller=caller, shelf=shelf, detector=FakeDetector()) as gateway:
        await gateway.ask(asking("#simulate cite\nHow much leave?", stream=stream, max_tokens=500))
        await gateway.ask(asking("How much leave?", stream=stream))
        cited, silent = gateway.records()
    steps = {step["step"]: step for step in cited["trace"]}
    assert steps["cited"]["documents"] == {steps["rag"]["passages"][0]["document"]: 1}
    assert "cited" not in {step["step"] for step in silent["trace"]}
