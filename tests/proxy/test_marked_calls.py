"""Prompts that come back are marked for the upstream to keep, where the client marks nothing; nothing else changes."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from proxy.call import CacheRules, Marking
from proxy.formats.document import Document
from proxy.marks.prefixes import LIFE_SECONDS, Prefixes
from proxy.steps import marks
from tests.proxy import build
from tests.proxy.running import Gateway, running

LONG = "A rule that everybody keeps to, however long it takes. " * 400  # about 6,000 tokens
MARK = {"type": "ephemeral"}
TOOLS = [{"name": "look", "description": LONG, "input_schema": {"type": "object"}}]


class Upstream(httpx.AsyncBaseTransport):
    """Answers, and keeps the bytes it was sent."""

    def __init__(self) -> None:
        self.raw: list[bytes] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.raw.append(b"".join(request.stream))  # type: ignore[arg-type]
        usage = {"input_tokens": 9, "output_tokens": 1}
        message = {"id": f"msg_{len(self.raw)}", "type": "message", "role": "assistant", "model": "m", "usage": usage}
        return httpx.Response(
            200, json={**message, "content": [{"type": "text", "text": "Yes."}], "stop_reason": "end_turn"}
        )

    @property
    def marks(self) -> list[list[str]]:
        """Where each request was marked."""
        return [list(marked(json.loads(raw))) for raw in self.raw]


def marked(body: Any, where: str = "") -> Any:
    if isinstance(body, dict):
        if "cache_control" in body:
            assert body["cache_control"] == MARK
            yield where.strip(".")
        for name, inner in body.items():
            yield from marked(inner, f"{where}.{name}")
    elif isinstance(body, list):
        for place, inner in enumerate(body):
            yield from marked(inner, f"{where}.{place}")


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture
async def gateway(tmp_path: Path, upstream: Upstream) -> AsyncIterator[Gateway]:
    async with running(tmp_path, transport=upstream) as made:
        made.admit(build.caller(marking=Marking(b"s")))
        yield made


def conversation(turns: int, *, system: Any = LONG, text: str = "Why?", **more: Any) -> dict[str, Any]:
    said: list[dict[str, Any]] = [
        {"role": "user", "content": f"{text} {number // 2}"} for number in range(2 * turns - 1)
    ]
    for number in range(1, len(said), 2):
        said[number] = {"role": "assistant", "content": [{"type": "text", "text": "Yes."}]}
    return {**build.HELLO, "system": system, "messages": said, **more}


async def test_nothing_is_marked_until_it_comes_back(gateway: Gateway, upstream: Upstream) -> None:
    for turns in (1, 2, 3):
        await gateway.ask(conversation(turns))
    assert upstream.marks == [
        [],
        ["messages.0.content.0", "messages.2.content.0", "system.0"],
        ["messages.2.content.0", "messages.4.content.0", "system.0"],
    ]


async def test_only_what_is_common_is_marked_where_conversations_begin_alike(
    gateway: Gateway, upstream: Upstream
) -> None:
    for text in ("Why?", "How?"):
        await gateway.ask(conversation(1, text=text))
    assert upstream.marks == [[], ["system.0"]]


async def test_without_a_system_prompt_the_tools_are_marked(gateway: Gateway, upstream: Upstream) -> None:
    for text in ("Why?", "How?"):
        body = conversation(1, text=text, tools=TOOLS)
        del body["system"]
        await gateway.ask(body)
    assert upstream.marks == [[], ["tools.0"]]


@pytest.mark.parametrize("space", ["", " "])
async def test_no_other_byte_is_changed(gateway: Gateway, upstream: Upstream, space: str) -> None:
    separators = ("," + space, ":" + space)
    for turns in (1, 2):
        body = conversation(turns, system=[{"type": "text", "text": LONG}], temperature=1.0, tools=TOOLS)
        raw = json.dumps(body, separators=separators).encode()
        await gateway.ask(raw)
    sent = upstream.raw[-1]
    mark = b'"cache_control":{"type":"ephemeral"}'
    assert sent.count(mark) == 3
    bare = sent.replace(b"," + mark, b"")
    for text in (b'"Why? 0"', b'"Why? 1"'):
        bare = bare.replace(b'[{"type":"text","text":' + text + b"}]", text)
    assert bare == raw


@pytest.mark.parametrize(
    "own",
    [
        {"cache_control": MARK},
        {"system": [{"type": "text", "text": LONG, "cache_control": MARK}]},
        {"tools": [{**TOOLS[0], "cache_control": {**MARK, "ttl": "1h"}}]},
    ],
    ids=["automatic", "system", "tools"],
)
async def test_a_client_that_marks_anything_is_left_alone(
    gateway: Gateway, upstream: Upstream, own: dict[str, Any]
) -> None:
    for turns in (1, 2):
        raw = json.dumps({**conversation(turns), **own}).encode()
        await gateway.ask(raw)
        assert upstream.raw[-1] == raw


async def test_what_is_too_short_for_the_model_is_not_marked(gateway: Gateway, upstream: Upstream) -> None:
    for turns in (1, 2, 3):
        await gateway.ask(conversation(turns, system="Be brief."))
    assert upstream.marks == [[], [], []]
    assert marks.least_tokens("claude-sonnet-4-5-20250929") == 1024 < marks.least_tokens("claude-opus-9") == 4096


@pytest.mark.parametrize("wanted", ["off", "counted", "dry"])
async def test_nothing_is_marked_where_nobody_wants_it(gateway: Gateway, upstream: Upstream, wanted: str) -> None:
    if wanted == "off":
        gateway.admit(build.caller())
    path = "/v1/messages/count_tokens" if wanted == "counted" else "/v1/messages"
    headers = [(b"x-llmp-dry-run", b"true")] if wanted == "dry" else []
    for turns in (1, 2, 3):
        await gateway.ask(conversation(turns), path=path, headers=headers)
    assert not any(upstream.marks)


async def test_tenants_do_not_learn_of_each_others_prompts(gateway: Gateway, upstream: Upstream) -> None:
    await gateway.ask(conversation(1))
    gateway.admit(build.caller(marking=Marking(b"another")))
    await gateway.ask(conversation(2))
    assert upstream.marks == [[], []]


async def test_marks_make_no_other_question_of_it(gateway: Gateway, upstream: Upstream) -> None:
    gateway.admit(build.caller(marking=Marking(b"s"), cache=CacheRules(secret=b"s")))
    for turns in (1, 2, 2):
        answer = await gateway.ask(conversation(turns))
    assert answer.headers["x-llmp-cache"] == "hit" and len(upstream.raw) == 2


async def test_the_record_says_where_and_what_it_saves(gateway: Gateway) -> None:
    for turns in (1, 2, 3):
        await gateway.ask(conversation(turns))
    steps = [[step for step in record["trace"] if step["step"] == "marks"] for record in gateway.records()]
    assert steps[0] == []
    written, read = steps[1][0], steps[2][0]
    assert written["at"] == ["system", "messages.0", "messages.2"]
    assert written["about_read_tokens"] == 0 and written["about_saved_nano_usd"] < 0
    assert read["about_read_tokens"] > 50 * read["about_written_tokens"] and read["about_saved_nano_usd"] > 0


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def test_what_the_upstream_has_forgotten_is_forgotten_here() -> None:
    clock = Clock()
    prefixes = Prefixes(clock)
    prefixes.note([b"a", b"b"], [b"a"])
    clock.now = LIFE_SECONDS - 1
    prefixes.note([b"b"], [])
    clock.now = LIFE_SECONDS
    assert prefixes.find(b"a") is None
    assert (found := prefixes.find(b"b")) is not None and not found.is_written
    prefixes.note([b"a"], [])
    assert (again := prefixes.find(b"a")) is not None and not again.is_written, "it was forgotten, and is not marked"


PRICE = {"sent": 1.0, "written": 1.25, "read": 0.1}


class Keeper:
    """What Anthropic charges for: the longest marked prefix that it keeps is read, what else is marked is written."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[str, float] = {}

    def cost(self, body: dict[str, Any]) -> float:
        told, size, ends = "", 0, []
        for part in [body["system"], *(message["content"] for message in body["messages"])]:
            blocks = [{"type": "text", "text": part}] if isinstance(part, str) else part
            told += json.dumps([{**block, "cache_control": None} for block in blocks])
            size += sum(len(block["text"]) for block in blocks)
            if list(marked(part)):
                ends.append((told, size))
        read = max((end for text, end in ends if self._kept.get(text, -1e9) > self._clock.now - 300), default=0)
        last = max((end for _text, end in ends), default=0)
        for text, _size in ends:
            self._kept[text] = self._clock.now
        return read * PRICE["read"] + (last - read) * PRICE["written"] + (size - last) * PRICE["sent"]


@pytest.mark.parametrize(
    ("turns", "pause", "least", "most"),
    [
        (1, 10, 1.0, 1.0),
        (2, 10, 1.0, 1.26),
        (3, 10, 0.7, 0.85),
        (10, 10, 0.25, 0.4),
        (40, 10, 0.1, 0.25),
        (5, 400, 1, 1),
    ],
    ids=["once", "twice", "three turns", "ten", "forty", "too slow"],
)
async def test_conversations_cost_less_the_longer_they_are_and_never_much_more(
    gateway: Gateway, upstream: Upstream, turns: int, pause: float, least: float, most: float
) -> None:
    clock = Clock()
    object.__setattr__(gateway.runtime, "prefixes", Prefixes(clock))
    with_marks, without = Keeper(clock), Keeper(clock)
    costs = [0.0, 0.0]
    for turn in range(1, turns + 1):
        await gateway.ask(body := conversation(turn, text="Why is that? " * 20))
        costs[0] += with_marks.cost(json.loads(upstream.raw[-1]))
        costs[1] += without.cost(body)
        clock.now += pause
    assert least <= costs[0] / costs[1] <= most


def test_a_mark_is_refused_where_there_is_one_or_no_block() -> None:
    document = Document.parse(json.dumps({"system": [{"type": "text", "text": "a", "cache_control": MARK}]}).encode())
    for path in (("system",), ("system", 0)):
        with pytest.raises(TypeError):
            document.mark([path])
    with pytest.raises(KeyError):
        document.mark([("system", 1)])
